#include "cmd/configuration.h"

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "gateway/pgbouncer_import.h"

namespace sluice::cmd {
namespace {

using Loaded = std::expected<gateway::LoadedConfig, std::vector<gateway::Problem>>;

gateway::LoadOptions options_of(const Source& source) {
  gateway::LoadOptions options;
  gateway::use_process_environment(options);
  options.postgres = source.postgres;
  options.listen = source.listen;
  options.admin = source.admin;
  return options;
}

// The imported configuration as text of ours, so that environment and command line apply to it as to
// any other. Its lines aren't those of the user's file.
Loaded load_pgbouncer(const Source& source) {
  auto imported = gateway::import_pgbouncer(source.pgbouncer_ini);
  if (!imported) return std::unexpected(std::move(imported.error()));
  gateway::LoadOptions options = options_of(source);
  options.path = source.pgbouncer_ini;
  options.text = gateway::to_toml(imported->config);
  auto loaded = gateway::load_config(options);
  auto& problems = loaded ? loaded->warnings : loaded.error();
  for (gateway::Problem& problem : problems)
    if (problem.file == source.pgbouncer_ini) problem.line = problem.column = 0;
  if (loaded)
    loaded->warnings.insert(loaded->warnings.begin(), imported->notes.begin(),
                            imported->notes.end());
  return loaded;
}

}  // namespace

std::string path_of(const Source& source) {
  if (!source.config.empty()) return source.config;
  std::error_code ignored;
  for (const char* path : kDefaultPaths)
    if (std::filesystem::exists(path, ignored)) return path;
  return {};
}

Loaded load(const Source& source) {
  if (!source.pgbouncer_ini.empty()) return load_pgbouncer(source);
  gateway::LoadOptions options = options_of(source);
  options.path = path_of(source);
  return gateway::load_config(options);
}

void print_problems(const std::vector<gateway::Problem>& problems) {
  std::fputs(gateway::text_of(problems).c_str(), stderr);
  fmt::print(stderr, "{} problem{}\n", problems.size(), problems.size() == 1 ? "" : "s");
}

}  // namespace sluice::cmd
