#include "gateway/config_load.h"

#include <fmt/format.h>

#include "gateway/config_draft.h"

namespace sluice::gateway {
namespace {

const std::string kLayer = "command line";

}  // namespace

void read_command_line(const LoadOptions& options, Draft& draft, Findings& findings) {
  const auto place = [&](const std::string& key, const char* flag) {
    findings.set_at(key, {kLayer, 0, 0, flag});
  };
  if (options.admin) {
    draft.config.admin.listen = *options.admin;
    place("admin.listen", "--admin");
  }
  if (!options.postgres && options.listen.empty()) return;
  if (draft.config.postgres.empty()) draft.add_listener();
  auto& listener = draft.config.postgres[0];
  if (!options.listen.empty()) {
    listener.listen = options.listen;
    place(listener_path(0) + ".listen", "--listen");
  }
  if (!options.postgres) return;
  place(listener_path(0) + ".primary", "--postgres");
  if (auto set = set_key({"primary", &listener.primary}, *options.postgres, ""); !set)
    findings.problem(listener_path(0) + ".primary", set.error());
}

std::expected<LoadedConfig, std::vector<Problem>> load_config(const LoadOptions& options) {
  Findings findings(options.path);
  Draft draft;
  read_file(options, draft, findings);
  read_environment(options, draft, findings);
  read_command_line(options, draft, findings);
  settle(draft, findings);
  check_config(draft.config, findings);
  if (!findings.ok()) return std::unexpected(findings.problems());
  return LoadedConfig{std::move(draft.config), findings.warnings()};
}

}  // namespace sluice::gateway
