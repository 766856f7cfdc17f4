// Checks across keys: what each value alone doesn't show. Reads files only to see that they can be read.

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "gateway/config_address.h"
#include "gateway/config_draft.h"
#include "gateway/config_files.h"
#include "gateway/config_findings.h"
#include "gateway/config_words.h"
#include "wire/postgres/password.h"

namespace sluice::gateway {
namespace {

// Who listens where, over the whole configuration.
struct Bound {
  ListenAddress at;
  std::string text, key;
};

bool verifies(TlsMode mode) { return mode == TlsMode::verify_ca || mode == TlsMode::verify_full; }

class ListenerCheck {
 public:
  ListenerCheck(const Config& config, std::size_t index, Findings& findings)
      : l_(config.postgres[index]),
        path_(listener_path(index)),
        findings_(findings),
        statements_known_(config.query.enabled) {}

  void run(std::vector<Bound>& bound) {
    check_addresses(bound);
    check_servers();
    check_pool();
    check_databases();
    check_client_tls();
    check_server_tls("server_tls", l_.server_tls);
    check_auth();
  }

 private:
  std::string key(std::string_view name) const { return fmt::format("{}.{}", path_, name); }
  void problem(std::string_view name, std::string message) {
    findings_.problem(key(name), std::move(message));
  }
  void warning(std::string_view name, std::string message) {
    findings_.warning(key(name), std::move(message));
  }

  void check_readable(std::string_view name, const std::string& file) {
    if (file.empty() || ::access(file.c_str(), R_OK) == 0) return;
    problem(name, fmt::format("{} can't be read: {}", file, std::strerror(errno)));
  }

  void bind(std::vector<Bound>& bound, ListenAddress at, const std::string& text,
            const std::string& name) {
    for (const auto& other : bound)
      if (at.clashes(other.at))
        return problem(name, fmt::format("{} is taken by {} ({}): give one of them another port",
                                         text, other.key, other.text));
    bound.push_back({std::move(at), text, key(name)});
  }

  void check_addresses(std::vector<Bound>& bound) {
    if (l_.listen.empty() && l_.unix_socket_dir.empty())
      problem("listen", "is empty and there is no unix_socket_dir: nobody could connect");
    std::uint16_t port = 0;
    for (const auto& text : l_.listen) {
      auto at = parse_listen(text);
      if (!at) {
        problem("listen", at.error());
        continue;
      }
      if (port == 0) port = at->port;
      exposed_ |= !at->loopback();
      bind(bound, *at, text, "listen");
    }
    if (!l_.unix_socket_dir.empty()) check_socket_dir(bound, port == 0 ? 6432 : port);
  }

  void check_socket_dir(std::vector<Bound>& bound, std::uint16_t port) {
    const auto file = fmt::format("{}/.s.PGSQL.{}", l_.unix_socket_dir, port);
    struct stat info;
    if (::stat(l_.unix_socket_dir.c_str(), &info) != 0)
      problem("unix_socket_dir", fmt::format("{}: {}; create the directory", l_.unix_socket_dir,
                                             std::strerror(errno)));
    else if (!S_ISDIR(info.st_mode))
      problem("unix_socket_dir", fmt::format("{} is not a directory", l_.unix_socket_dir));
    if (auto at = parse_listen(file); at)
      bind(bound, *at, file, "unix_socket_dir");
    else if (l_.unix_socket_dir.starts_with('/'))
      problem("unix_socket_dir", at.error());
  }

  void check_servers() {
    if (l_.primary.hosts.empty() && l_.databases.empty())
      problem("primary",
              "is missing: say where PostgreSQL is, as primary = \"postgres://db1:5432/app\"");
    check_dsn("primary", l_.primary);
    for (const auto& replica : l_.replicas) check_dsn("replicas", replica);
    if (!l_.replicas.empty())
      warning("replicas", "known, but this version sends every statement to the primary");
    if (l_.max_clients == 0) problem("max_clients", "0 would let nobody in");
    const bool chosen = findings_.was_set(key("prepared_memory_per_client"));
    if (chosen && l_.prepared_memory != 0 && l_.prepared_memory < l_.prepared_memory_per_client)
      problem("prepared_memory",
              "is less than prepared_memory_per_client: lower that one or raise this");
  }

  void check_dsn(std::string_view name, const Dsn& dsn) {
    for (const auto& at : dsn.hosts)
      if (!possible_host(at.host))
        problem(name, fmt::format("{} can't be a host's name", sluice::quoted(at.host)));
    for (const auto& at : dsn.hosts)
      if (at.is_unix() && postgres_socket_path(at).size() > 107)
        problem(name, fmt::format("{} is too long for a Unix socket (107 bytes)",
                                  postgres_socket_path(at)));
    const auto mode = dsn.option("sslmode");
    if (!mode.empty() &&
        std::find(std::begin(kTlsModes), std::end(kTlsModes), mode) == std::end(kTlsModes))
      problem(name,
              fmt::format(
                  "sslmode={} is not known; allowed: disable, allow, prefer, require, verify-ca, "
                  "verify-full",
                  mode));
    for (auto option : {"sslrootcert", "sslcert", "sslkey"})
      if (dsn.option(option) != "system") check_readable(name, std::string(dsn.option(option)));
  }

  void check_pool() {
    const auto& pool = l_.pool;
    const bool chosen = findings_.was_set(key("pool.min"));  // else it yields to the bounds
    if (chosen && pool.min > pool.max)
      problem(
          "pool.min",
          fmt::format("pool.min = {} is more than pool.max = {}: lower the one or raise the other",
                      pool.min, pool.max));
    if (chosen && pool.max_total != 0 && pool.max_total < pool.min)
      problem("pool.max_total",
              fmt::format("{} is less than pool.min = {}", pool.max_total, pool.min));
    check_sharing();
  }

  // Only what somebody asked for is worth a word.
  void check_sharing() {
    const auto& pool = l_.pool;
    if (pool.multiplex_below <= Duration::zero())
      problem("pool.multiplex_below",
              "has to be above 0: statements that are shorter share connections, as \"2ms\"; "
              "set pool.multiplex = \"off\" to share none");
    if (findings_.was_set(key("pool.multiplex")))
      check_multiplex("pool.multiplex", pool.multiplex, pool.mode);
    if (findings_.was_set(key("pool.auto_prepare")) && pool.auto_prepare != AutoPrepare::off &&
        pool.mode == PoolMode::session)
      warning("pool.auto_prepare",
              "nothing is prepared by itself while pool.mode = \"session\": statements have the "
              "client's own names there; set pool.mode = \"transaction\"");
  }

  void check_multiplex(const std::string& name, Multiplex multiplex, PoolMode mode) {
    if (multiplex == Multiplex::off) return;
    if (mode == PoolMode::session)
      warning(name,
              "nothing is shared while pool.mode = \"session\": each client has a connection of "
              "its own there; set pool.mode = \"transaction\"");
    else if (!statements_known_)
      warning(name,
              "nothing is shared while query.enabled = false: what a statement does isn't known "
              "then; set query.enabled = true");
  }

  void check_databases() {
    for (const auto& [name, database] : l_.databases) {
      const auto below = "databases." + toml_string(name);
      if (name == "pgbouncer")
        problem(below, "is the name of the admin console: choose another one");
      if (name.empty()) problem(below, "has an empty name");
      check_dsn(below + ".dsn", database.dsn);
      if (database.multiplex)
        check_multiplex(below + ".pool.multiplex", *database.multiplex,
                        database.mode.value_or(l_.pool.mode));
      const auto max = database.max.value_or(l_.pool.max);
      if (database.min && *database.min > max)
        problem(below + ".pool.min",
                fmt::format("{} is more than pool.max = {}", *database.min, max));
      if (database.max_total && *database.max_total != 0 && database.min &&
          *database.max_total < *database.min)
        problem(below + ".pool.max_total",
                fmt::format("{} is less than pool.min = {}", *database.max_total, *database.min));
    }
  }

  void check_pair(const std::string& table, const std::string& cert,
                  const std::string& private_key) {
    if (cert.empty() != private_key.empty())
      problem(table + (cert.empty() ? ".cert" : ".key"),
              fmt::format("is missing: a certificate and its key come together ({}.{} is set)",
                          table, cert.empty() ? "key" : "cert"));
    check_readable(table + ".cert", cert);
    check_readable(table + ".key", private_key);
    if (!private_key.empty() && readable_by_everybody(private_key))
      warning(table + ".key",
              fmt::format("everybody may read {}: chmod 600 {}", private_key, private_key));
  }

  void check_client_tls() {
    const auto& tls = l_.tls;
    check_pair("tls", tls.cert, tls.key);
    check_readable("tls.ca", tls.ca);
    const bool forced = tls.mode == TlsMode::require || verifies(tls.mode);
    if (forced && tls.cert.empty() && tls.key.empty())
      problem("tls.mode", fmt::format("\"{}\" needs a certificate: set tls.cert and tls.key",
                                      name_of(tls.mode)));
    if (verifies(tls.mode) && tls.ca.empty())
      problem("tls.mode",
              fmt::format("\"{}\" needs tls.ca to verify clients with", name_of(tls.mode)));
  }

  void check_server_tls(const std::string& table, const ServerTls& tls) {
    check_pair(table, tls.cert, tls.key);
    check_readable(table + ".ca", tls.ca);
  }

  void check_auth() {
    const auto& auth = l_.auth;
    check_readable("auth.userlist", auth.userlist);
    if (!auth.userlist.empty() && readable_by_everybody(auth.userlist))
      warning("auth.userlist",
              fmt::format("everybody may read {}: chmod 600 {}", auth.userlist, auth.userlist));
    auto users = read_users(auth);
    if (!users) problem("auth.userlist", users.error().detail);
    for (const auto& [name, secret] : auth.users)
      if (name.empty() || secret.empty())
        problem("auth.users", fmt::format("user {} has no secret", sluice::quoted(name)));
    check_query();
    check_method(users ? *users : auth.users);
  }

  void check_query() {
    const auto& auth = l_.auth;
    if (!auth.query.empty() && auth.query.find("$1") == std::string::npos)
      problem("auth.query", "has no $1, the place of the user's name");
    const bool has_user = !auth.user.empty() ||
                          std::any_of(l_.databases.begin(), l_.databases.end(),
                                      [](const auto& d) { return !d.second.auth_user.empty(); });
    if (!auth.query.empty() && !has_user && l_.primary.user.empty())
      problem("auth.query", "needs auth.user, who runs it");
    if (has_user && auth.query.empty())
      problem("auth.user", "has nothing to do without auth.query");
  }

  void check_method(const std::map<std::string, std::string>& users) {
    const auto& auth = l_.auth;
    const bool nobody = users.empty() && auth.userlist.empty() && auth.query.empty();
    switch (auth.method) {
      case AuthMethod::password:
      case AuthMethod::md5:
      case AuthMethod::scram_sha_256:
        if (nobody)
          problem("auth.method",
                  fmt::format("\"{}\" knows no user: add auth.users, auth.userlist or auth.query",
                              name_of(auth.method)));
        break;
      case AuthMethod::trust:
        if (exposed_)
          warning("auth.method",
                  "\"trust\" lets in everybody who reaches the address, without a password");
        break;
      case AuthMethod::cert:
        if (l_.tls.ca.empty() || l_.tls.cert.empty())
          problem("auth.method",
                  "\"cert\" needs tls.cert, tls.key and tls.ca to verify clients with");
        else if (!verifies(l_.tls.mode))
          problem("auth.method", "\"cert\" needs tls.mode = \"verify-ca\" or \"verify-full\"");
        break;
      default: break;
    }
    if (auth.method != AuthMethod::scram_sha_256) return;
    for (const auto& [name, secret] : users)
      if (postgres::kind_of(secret) == postgres::SecretKind::md5)
        problem("auth.method",
                fmt::format("\"scram-sha-256\" can't use the md5 secret of user {}: store a SCRAM "
                            "verifier, or set \"auto\"",
                            sluice::quoted(name)));
  }

  const PostgresListener& l_;
  std::string path_;
  Findings& findings_;
  const bool statements_known_;
  bool exposed_ = false;  // listens beyond this machine
};

void check_admin(const Config& config, Findings& findings, std::vector<Bound>& bound) {
  if (!config.admin.enabled) return;
  auto at = parse_listen(config.admin.listen);
  if (!at) return findings.problem("admin.listen", at.error());
  if (!at->loopback() && config.admin.token.empty())
    findings.problem(
        "admin.listen",
        fmt::format("{} is reachable from elsewhere and needs a token: set admin.token_file, "
                    "or listen on 127.0.0.1",
                    config.admin.listen));
  bound.push_back({*at, config.admin.listen, "admin.listen"});
}

}  // namespace

void check_config(const Config& config, Findings& findings) {
  std::vector<Bound> bound;
  check_admin(config, findings, bound);
  if (config.postgres.empty() && findings.ok())
    findings.problem(
        "postgres",
        "nothing to serve: add [[postgres]] with primary = \"postgres://db1:5432/app\"");
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.postgres.size(); ++i) {
    ListenerCheck(config, i, findings).run(bound);
    if (!names.insert(config.postgres[i].name).second)
      findings.problem(listener_path(i) + ".name",
                       fmt::format("{} is the name of another listener too",
                                   sluice::quoted(config.postgres[i].name)));
  }
}

}  // namespace sluice::gateway
