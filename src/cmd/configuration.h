// Where a subcommand's configuration comes from, and what is said when it is wrong.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config_load.h"

namespace sluice::cmd {

// As on the command line; a reload reads the same again.
struct Source {
  std::string config;         // --config; empty: the first default path that exists
  std::string pgbouncer_ini;  // --pgbouncer-ini instead
  std::optional<std::string> postgres;
  std::vector<std::string> listen;
  std::optional<std::string> admin;
};

inline constexpr const char* kDefaultPaths[] = {"sluice.toml", "/etc/sluice/sluice.toml"};

// The path that load() reads; empty where no file is needed (a DSN was given) or none is there.
std::string path_of(const Source& source);

// File, environment and command line in this order. What a pgbouncer.ini says that has no equivalent
// is among the warnings.
std::expected<gateway::LoadedConfig, std::vector<gateway::Problem>> load(const Source& source);

// The problems on standard error, and a line that counts them.
void print_problems(const std::vector<gateway::Problem>& problems);

}  // namespace sluice::cmd
