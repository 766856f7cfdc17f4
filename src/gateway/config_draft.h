// A configuration while it is being loaded: with what only matters until the last layer is read, such
// as the file that a secret comes from or the pieces of a database's address. A later layer may change
// what they build on, so they are put together at the end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway/config_findings.h"
#include "gateway/config_keys.h"

namespace sluice::gateway {

struct DatabaseParts {
  Dsn dsn;
  std::string host, dbname, user, password, password_file;
  unsigned port = 0;
};

struct ListenerParts {
  std::string password, password_file;
  std::map<std::string, DatabaseParts> databases;
};

struct Draft {
  Config config;
  std::string token_file;
  std::vector<ListenerParts> parts;  // one for each listener

  void add_listener();
  // The keys of config_keys.h and those that exist only here.
  std::vector<Key> top_keys();
  std::vector<Key> listener_keys(std::size_t listener);
  std::vector<Key> database_keys(std::size_t listener, const std::string& name);
};

// "postgres[0]", and of a database "postgres[0].databases.\"app\"".
std::string listener_path(std::size_t listener);
std::string database_path(std::size_t listener, const std::string& name);
// The environment variable of a key: "SLUICE_POSTGRES_POOL_MAX" for section "postgres", key "pool.max".
std::string variable_of(std::string_view section, std::string_view key);

// The layers, in the order in which they are to be called, and the end of it.
void read_file(const LoadOptions& options, Draft& draft, Findings& findings);
void read_environment(const LoadOptions& options, Draft& draft, Findings& findings);
void read_command_line(const LoadOptions& options, Draft& draft, Findings& findings);
void settle(Draft& draft, Findings& findings);

}  // namespace sluice::gateway
