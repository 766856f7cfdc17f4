#include "gateway/config_draft.h"

#include <cctype>

#include <fmt/format.h>

#include "base/parse.h"
#include "gateway/config_files.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kEnvironment = "environment";

// The secret from its text or its file, whichever the stronger layer set.
std::string settled_secret(const std::string& text, const std::string& file, const std::string& key,
                           Findings& findings) {
  if (file.empty()) return text;
  const bool file_wins = findings.came_from(key + "_file", kEnvironment);
  const bool text_wins = findings.came_from(key, kEnvironment);
  if (!text.empty() && file_wins == text_wins)
    findings.problem(key + "_file",
                     fmt::format("{} and {}_file are both set: remove one of them", key, key));
  if (text_wins && !file_wins && !text.empty()) return text;
  auto secret = read_secret_file(file);
  if (!secret) {
    findings.problem(key + "_file", secret.error().detail);
    return text;
  }
  if (readable_by_everybody(file))
    findings.warning(key + "_file", fmt::format("everybody may read {}: chmod 600 {}", file, file));
  return *secret;
}

// Another server or user than the primary's: nothing of the login that belongs to the old one stays.
void set_user(Dsn& dsn, const std::string& user, const std::string& password) {
  if (!user.empty() && user != dsn.user) {
    dsn.user = user;
    dsn.password.clear();
  }
  if (!password.empty()) dsn.password = password;
}

void set_hosts(Dsn& dsn, const std::string& hosts, unsigned port) {
  const auto fallback = static_cast<std::uint16_t>(
      port != 0 ? port : (dsn.hosts.empty() || dsn.hosts[0].port == 0 ? 5432u : dsn.hosts[0].port));
  if (!hosts.empty()) {
    dsn.hosts.clear();
    for (auto host : split(hosts, ',')) dsn.hosts.push_back({std::string(trim(host)), fallback});
  } else if (port != 0) {
    for (auto& host : dsn.hosts) host.port = fallback;
  }
}

Dsn settled_dsn(const PostgresListener& listener, const DatabaseParts& parts,
                const std::string& password) {
  Dsn dsn = parts.dsn;
  if (dsn.hosts.empty()) {
    dsn = listener.primary;
    dsn.database.clear();
  }
  if (dsn.hosts.empty() && !parts.host.empty()) dsn.hosts.push_back({parts.host, 5432});
  set_hosts(dsn, parts.host, parts.port);
  if (!parts.dbname.empty()) dsn.database = parts.dbname;
  set_user(dsn, parts.user, password);
  return dsn;
}

void settle_passwords(PostgresListener& listener, const std::string& password,
                      const std::string& path, Findings& findings) {
  if (password.empty()) return;
  if (listener.primary.user.empty() && !listener.primary.hosts.empty())
    findings.problem(path + ".password",
                     "belongs to no user: name one in primary, as \"postgres://app@db1:5432\"");
  const auto fill = [&](Dsn& dsn) {
    if (!dsn.user.empty() && dsn.password.empty()) dsn.password = password;
  };
  fill(listener.primary);
  for (auto& replica : listener.replicas) fill(replica);
}

void settle_listener(Draft& draft, std::size_t i, Findings& findings) {
  auto& listener = draft.config.postgres[i];
  const auto path = listener_path(i);
  if (listener.name.empty())
    listener.name = i == 0 ? "postgres" : fmt::format("postgres-{}", i + 1);
  const auto& parts = draft.parts[i];
  settle_passwords(
      listener, settled_secret(parts.password, parts.password_file, path + ".password", findings),
      path, findings);
  for (const auto& [name, pieces] : parts.databases) {
    const auto where = database_path(i, name);
    const auto password =
        settled_secret(pieces.password, pieces.password_file, where + ".password", findings);
    auto& dsn = listener.databases[name].dsn;
    dsn = settled_dsn(listener, pieces, password);
    if (dsn.hosts.empty() && !findings.failed(path + ".primary") &&
        !findings.failed(where + ".dsn") && !findings.failed(where))
      findings.problem(where, "has no server: add host, or dsn, or the listener's primary");
    if (!password.empty() && dsn.user.empty())
      findings.problem(where + ".password", "belongs to no user: add user");
  }
}

}  // namespace

void Draft::add_listener() {
  config.postgres.emplace_back();
  parts.emplace_back();
}

std::vector<Key> Draft::top_keys() {
  auto keys = keys_of(config);
  keys.push_back({"admin.token_file", TextRef{&token_file, false, true}});
  return keys;
}

std::vector<Key> Draft::listener_keys(std::size_t listener) {
  auto keys = keys_of(config.postgres[listener]);
  keys.push_back({"password", TextRef{&parts[listener].password, true, false}});
  keys.push_back({"password_file", TextRef{&parts[listener].password_file, false, true}});
  return keys;
}

std::vector<Key> Draft::database_keys(std::size_t listener, const std::string& name) {
  auto keys = keys_of(config.postgres[listener].databases[name]);
  auto& pieces = parts[listener].databases[name];
  for (auto& key : keys)
    if (key.name == "dsn") key.ref = &pieces.dsn;
  keys.push_back({"host", TextRef{&pieces.host}});
  keys.push_back({"port", CountRef{&pieces.port, 1, 65535}});
  keys.push_back({"dbname", TextRef{&pieces.dbname}});
  keys.push_back({"user", TextRef{&pieces.user}});
  keys.push_back({"password", TextRef{&pieces.password, true, false}});
  keys.push_back({"password_file", TextRef{&pieces.password_file, false, true}});
  return keys;
}

std::string listener_path(std::size_t listener) { return fmt::format("postgres[{}]", listener); }

std::string database_path(std::size_t listener, const std::string& name) {
  return listener_path(listener) + ".databases." + toml_string(name);
}

std::string variable_of(std::string_view section, std::string_view key) {
  std::string out = "SLUICE_";
  if (!section.empty()) out += fmt::format("{}_", section);
  out += key;
  for (char& c : out)
    c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

void settle(Draft& draft, Findings& findings) {
  auto& admin = draft.config.admin;
  admin.token = settled_secret(admin.token, draft.token_file, "admin.token", findings);
  for (std::size_t i = 0; i < draft.config.postgres.size(); ++i)
    settle_listener(draft, i, findings);
}

}  // namespace sluice::gateway
