#include "cmd/check.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cmd/exit_code.h"

namespace sluice::cmd {
namespace {

using Problems = std::vector<gateway::Problem>;

nlohmann::ordered_json json_of(const Problems& problems) {
  auto list = nlohmann::ordered_json::array();
  for (const gateway::Problem& p : problems)
    list.push_back({{"file", p.file},
                    {"line", p.line},
                    {"column", p.column},
                    {"key", p.key},
                    {"message", p.message}});
  return list;
}

void print_json(bool ok, const Problems& problems, const Problems& warnings) {
  const nlohmann::ordered_json out = {
      {"ok", ok}, {"problems", json_of(problems)}, {"warnings", json_of(warnings)}};
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::string name_of(const Source& source) {
  if (!source.pgbouncer_ini.empty()) return source.pgbouncer_ini;
  const std::string path = path_of(source);
  return path.empty() ? "environment and command line" : path;
}

}  // namespace

int check(const CheckOptions& options) {
  const auto loaded = load(options.source);
  if (options.json) {
    print_json(loaded.has_value(), loaded ? Problems{} : loaded.error(),
               loaded ? loaded->warnings : Problems{});
    return loaded ? kOk : kUsage;
  }
  if (!loaded) {
    print_problems(loaded.error());
    return kUsage;
  }
  for (const gateway::Problem& warning : loaded->warnings)
    fmt::print("warning: {}\n", warning.text());
  fmt::print("{}: ok, {} listener{}\n", name_of(options.source), loaded->config.postgres.size(),
             loaded->config.postgres.size() == 1 ? "" : "s");
  return kOk;
}

}  // namespace sluice::cmd
