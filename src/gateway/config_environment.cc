// The environment layer: every key as SLUICE_..., and the names that users of earlier gateways know.
//
// The generic names (POOL_MAX_SIZE) set every listener, the own ones (SLUICE_POSTGRES_POOL_MAX) the
// first, and win over the generic ones.

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/parse.h"
#include "gateway/config_draft.h"

extern char** environ;  // POSIX leaves its declaration to the program

namespace sluice::gateway {
namespace {

const std::string kLayer = "environment";

// The weaker first.
constexpr std::pair<std::string_view, std::string_view> kPoolNames[] = {
    {"POOL_MIN_SIZE", "pool.min"},
    {"POOL_MAX_SIZE", "pool.max"},
    {"POSTGRES_MIN_SIZE", "pool.min"},
    {"POSTGRES_MAX_SIZE", "pool.max"},
};

// Switches and settings of components that this version doesn't have.
constexpr std::string_view kLaterSwitches[] = {
    "ENABLE_CACHE_MANAGER", "ENABLE_RATE_LIMITER", "ENABLE_BATCH_PROCESSOR", "ENABLE_LOAD_BALANCER",
    "ENABLE_REDIS_CACHE",   "ENABLE_MEMORY_CACHE", "ENABLE_CACHE_WARMING",
};
constexpr std::string_view kLaterSettings[] = {
    "CACHE_L1_MAX_SIZE_MB",    "RATE_LIMIT_DEFAULT_RPS", "BATCH_MAX_SIZE",
    "LOAD_BALANCER_STRATEGY",  "REDIS_MAX_CONNECTIONS",  "HTTP_MAX_CONNECTIONS",
    "METRICS_RETENTION_HOURS", "MAX_METRICS_PER_TYPE",
};
// Read by the command line.
constexpr std::string_view kOthers[] = {"SLUICE_CONFIG"};

class EnvironmentReader {
 public:
  EnvironmentReader(const LoadOptions& options, Draft& draft, Findings& findings)
      : options_(options), draft_(draft), findings_(findings) {}

  void read() {
    if (draft_.config.postgres.empty() && sets_listener()) draft_.add_listener();
    read_mission_names();
    for (const auto& key : draft_.top_keys())
      set(key, variable_of("", key.name), std::string(key.name));
    if (!draft_.config.postgres.empty())
      for (const auto& key : draft_.listener_keys(0))
        set(key, variable_of("postgres", key.name), listener_path(0) + "." + std::string(key.name));
    warn_of_misspellings();
  }

 private:
  std::optional<std::string> value_of(std::string_view name) const {
    auto value = options_.environment(name);
    return value && value->empty() ? std::nullopt
                                   : value;  // empty counts as unset, as in most shells' habits
  }

  bool sets_listener() const {
    Draft scratch;
    scratch.add_listener();
    for (const auto& key : scratch.listener_keys(0))
      if (value_of(variable_of("postgres", key.name))) return true;
    return false;
  }

  void set(const Key& key, const std::string& variable, const std::string& path) {
    const auto value = value_of(variable);
    if (!value) return;
    findings_.set_at(path, {kLayer, 0, 0, variable});
    if (auto done = set_key(key, *value, ""); !done) findings_.problem(path, done.error());
  }

  void read_mission_names() {
    for (const auto& [variable, name] : kPoolNames)
      for (std::size_t i = 0; i < draft_.config.postgres.size(); ++i)
        for (const auto& key : draft_.listener_keys(i))
          if (key.name == name)
            set(key, std::string(variable), listener_path(i) + "." + std::string(name));
    if (switch_of("ENABLE_CONNECTION_POOLING") == false)
      for (auto& listener : draft_.config.postgres) {
        listener.pool.mode =
            PoolMode::session;  // a connection belongs to one client, none waits ready
        listener.pool.min = 0;
      }
    // systemd's, for a unit with StateDirectory=; of several the first.
    if (auto state = value_of("STATE_DIRECTORY"))
      draft_.config.store.directory = state->substr(0, state->find(':'));
    if (auto on = switch_of("ENABLE_QUERY_OPTIMIZER")) draft_.config.query.enabled = *on;
    if (auto on = switch_of("ENABLE_PERFORMANCE_MONITORING")) draft_.config.admin.enabled = *on;
    for (auto variable : kLaterSwitches)
      if (switch_of(variable) == true)
        findings_.warning_at({kLayer, 0, 0, std::string(variable)}, "not in this version, skipped");
    for (auto variable : kLaterSettings)
      if (value_of(variable))
        findings_.warning_at({kLayer, 0, 0, std::string(variable)},
                             "has no effect in this version");
  }

  std::optional<bool> switch_of(std::string_view variable) {
    const auto value = value_of(variable);
    if (!value) return std::nullopt;
    bool on = false;
    auto done = set_key({variable, &on}, *value, "");
    if (done) return on;
    findings_.problem_at({kLayer, 0, 0, std::string(variable)}, done.error());
    return std::nullopt;
  }

  // Only near misses: a container platform invents SLUICE_... variables of its own.
  void warn_of_misspellings() {
    Draft scratch;
    scratch.add_listener();
    std::vector<std::string> names;
    for (const auto& key : scratch.top_keys()) names.push_back(variable_of("", key.name));
    for (const auto& key : scratch.listener_keys(0))
      names.push_back(variable_of("postgres", key.name));
    names.insert(names.end(), std::begin(kOthers), std::end(kOthers));
    const std::vector<std::string_view> known(names.begin(), names.end());
    for (const auto& name : options_.environment_names) {
      if (!name.starts_with("SLUICE_") ||
          std::find(known.begin(), known.end(), name) != known.end())
        continue;
      if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT")) continue;
      if (auto near = nearest(name, known); !near.empty())
        findings_.warning_at({kLayer, 0, 0, name}, fmt::format("unknown, did you mean {}?", near));
    }
  }

  const LoadOptions& options_;
  Draft& draft_;
  Findings& findings_;
};

}  // namespace

void read_environment(const LoadOptions& options, Draft& draft, Findings& findings) {
  if (options.environment) EnvironmentReader(options, draft, findings).read();
}

void use_process_environment(LoadOptions& options) {
  options.environment = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  options.environment_names.clear();
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    options.environment_names.emplace_back(text.substr(0, text.find('=')));
  }
}

}  // namespace sluice::gateway
