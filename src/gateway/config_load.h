// Loading a configuration: sluice.toml, then the environment over it, then the command line over
// both, then checks across keys. All problems are reported at once, each with its place and mend.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config.h"

namespace sluice::gateway {

// One thing wrong: where, and what mends it.
struct Problem {
  std::string file;  // path, "environment" or "command line"
  int line = 0;      // from 1; 0 where there are no lines
  int column = 0;
  std::string key;      // "postgres[0].pool.max", "SLUICE_POSTGRES_POOL_MAX", "--listen"
  std::string message;  // what is wrong and how to mend it

  // "sluice.toml:4:17: postgres[0].pool.mode: unknown mode ..."
  std::string text() const;
};

struct LoadOptions {
  std::string path;  // empty: no file (environment and command line alone)
  std::optional<std::string>
      text;  // the file's content, if the caller has it; path is still its name
  // A variable's value. Empty function: no environment. process_environment() reads the process's.
  std::function<std::optional<std::string>(std::string_view)> environment;
  // Every variable's name, to find misspelt SLUICE_ ones; may stay empty.
  std::vector<std::string> environment_names;
  std::optional<std::string> postgres;  // --postgres DSN: the first listener's primary
  std::vector<std::string> listen;      // --listen: the first listener's addresses
  std::optional<std::string> admin;     // --admin: the admin's address
};

struct LoadedConfig {
  Config config;
  std::vector<Problem> warnings;  // doesn't hinder a start, but the operator should know
};

// Never throws. Reads files: the configuration, *_file secrets, and opens certificates, keys and
// userlists to see that they are readable.
std::expected<LoadedConfig, std::vector<Problem>> load_config(const LoadOptions& options);

// Sets `environment` and `environment_names` to those of this process.
void use_process_environment(LoadOptions& options);

// One line for each problem.
std::string text_of(const std::vector<Problem>& problems);

// An equivalent sluice.toml: load_config of it gives an equal Config. Holds the secrets: mode 0600.
std::string to_toml(const Config& config);

// The effective configuration as "key = value" lines, all keys, secrets as "***".
std::string explain(const Config& config);

}  // namespace sluice::gateway
