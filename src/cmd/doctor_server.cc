// A visit to each server of a listener: connect, log in, ask.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "base/parse.h"
#include "cmd/doctor.h"
#include "net/listener.h"
#include "session/postgres_login.h"
#include "wire/postgres/password.h"
#include "wire/postgres/userlist.h"

namespace sluice::cmd {
namespace {

using gateway::PostgresListener;
using postgres::ServerConn;
using postgres::ServerLogin;

constexpr auto kFacts =
    "SELECT current_setting('server_version'), current_setting('max_connections'), "
    "current_setting('superuser_reserved_connections'), pg_is_in_recovery()";

net::Endpoint endpoint_of(const HostPort& at) {
  net::Endpoint endpoint;
  if (at.is_unix()) {
    endpoint.path = postgres_socket_path(at);
  } else {
    endpoint.host = at.host;
    endpoint.port = at.port;
  }
  return endpoint;
}

// The user's password as far as the configuration knows it; a SCRAM verifier logs nobody in.
std::string password_of(const PostgresListener& listener, const std::string& user) {
  std::string secret;
  if (!listener.auth.userlist.empty()) {
    std::ifstream file(listener.auth.userlist);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (const auto entries = postgres::parse_userlist(text))
      for (const auto& entry : *entries)
        if (entry.name == user) secret = entry.secret;
  }
  if (const auto at = listener.auth.users.find(user); at != listener.auth.users.end())
    secret = at->second;
  return postgres::kind_of(secret) == postgres::SecretKind::scram ? std::string() : secret;
}

// Somebody to log in as: the DSN's user, else any that has a password here.
struct Visitor {
  std::string user, password;
};
Visitor visitor_for(const PostgresListener& listener, const Dsn& dsn) {
  if (!dsn.user.empty())
    return {dsn.user, dsn.password.empty() ? password_of(listener, dsn.user) : dsn.password};
  for (const auto& [name, secret] : listener.auth.users)
    if (auto password = password_of(listener, name); !password.empty())
      return {name, std::move(password)};
  return {};
}

Result<ServerLogin> login_for(const PostgresListener& listener, const gateway::Target& target,
                              const HostPort& at, const Visitor& who) {
  const gateway::ServerTls tls = gateway::server_tls_for(listener, target.dsn);
  ServerLogin login{.endpoint = endpoint_of(at),
                    .user = who.user,
                    .database = target.dsn.database,
                    .password = who.password,
                    .keys = {},
                    .ssl = static_cast<postgres::SslMode>(tls.mode),
                    .tls = nullptr,
                    .parameters = {},
                    .options = {}};
  if (tls.mode != gateway::TlsMode::disable) {
    const auto verify = tls.mode == gateway::TlsMode::verify_full ? net::TlsVerify::full
                        : tls.mode == gateway::TlsMode::verify_ca ? net::TlsVerify::ca
                                                                  : net::TlsVerify::none;
    auto context = net::TlsClient::make({.verify = verify,
                                         .ca_file = tls.ca,
                                         .cert_file = tls.cert,
                                         .key_file = tls.key,
                                         .alpn = {}});
    if (!context) return std::unexpected(context.error());
    login.tls = std::move(*context);
  }
  return login;
}

std::string mend_for(const Error& error, const net::Endpoint& at) {
  if (error.state == "3D000") return "create the database, or correct its name in the DSN";
  if (error.code == Code::unauthenticated || error.state.starts_with("28"))
    return "correct user and password of the DSN, and the server's pg_hba.conf";
  if (error.code == Code::not_found) return "correct the host's name in the DSN, or the resolver";
  if (error.code == Code::exhausted)
    return "the server is full: lower the pools or raise its max_connections";
  if (error.code == Code::timed_out) return "a firewall drops the packets, or the server hangs";
  if (at.is_unix() && error.code == Code::permission_denied)
    return "let this account into the folder, or correct the server's unix_socket_permissions";
  if (at.is_unix())
    return "start the server, correct folder and port of the DSN, its unix_socket_directories";
  return "start the server, correct host and port of the DSN, its listen_addresses and firewall";
}

// One server of one database, on a fiber.
class Visit {
 public:
  Visit(net::Loop& loop, const PostgresListener& listener, const gateway::Target& target)
      : loop_(loop),
        loops_{&loop},
        listener_(listener),
        target_(target),
        deadline_(deadline_after(now(), target.pool.connect_timeout)) {}

  Findings run(const HostPort& at) {
    subject_ = fmt::format("{}: server {}", listener_.name, endpoint_of(at).text());
    const Visitor who = visitor_for(listener_, target_.dsn);
    if (who.user.empty())
      knock(endpoint_of(at));
    else
      enter(at, who);
    return std::move(findings_);
  }

  // The auth query, as its user.
  Findings try_query(const HostPort& at) {
    subject_ = listener_.name + ": auth.query";
    const Visitor who = target_.dsn.user.empty()
                            ? Visitor{target_.auth_user, password_of(listener_, target_.auth_user)}
                            : visitor_for(listener_, target_.dsn);
    if (auto conn = log_in(at, who)) run_query(**conn, who.user);
    return std::move(findings_);
  }

 private:
  void add(Grade grade, std::string detail, std::string mend = {}) {
    findings_.push_back({grade, subject_, std::move(detail), std::move(mend)});
  }

  // Clients bring their own passwords, so more can't be tried.
  void knock(const net::Endpoint& at) {
    auto stream = net::Stream::connect(loop_, at, deadline_);
    if (!stream) return add(Grade::fail, stream.error().text(), mend_for(stream.error(), at));
    add(Grade::ok, "accepts connections; no password is configured, clients log in with their own");
  }

  Result<std::unique_ptr<ServerConn>> log_in(const HostPort& at, const Visitor& who) {
    auto login = login_for(listener_, target_, at, who);
    if (!login) {
      add(Grade::fail, login.error().text(), "correct server_tls");
      return std::unexpected(login.error());
    }
    auto conn =
        postgres::log_in(loop_, *login, std::make_shared<postgres::Baselines>(), loops_, deadline_);
    if (!conn)
      add(Grade::fail, fmt::format("login as {}: {}", who.user, conn.error().text()),
          mend_for(conn.error(), endpoint_of(at)));
    return conn;
  }

  void enter(const HostPort& at, const Visitor& who) {
    auto conn = log_in(at, who);
    if (!conn) return;
    add(Grade::ok, fmt::format("login as {} to database {}", who.user, target_.dsn.database));
    judge_tls(**conn, at);
    const auto facts = (*conn)->run(kFacts, deadline_);
    if (!facts || facts->rows.size() != 1 || facts->rows[0].size() != 4)
      return add(Grade::warn,
                 "doesn't tell its version and limits: " +
                     (facts ? std::string("no row") : facts.error().detail),
                 "fine if it is another pooler");
    auto text = [&](std::size_t i) { return facts->rows[0][i].value_or(""); };
    add(Grade::ok, "PostgreSQL " + text(0));
    judge_limits(text(1), text(2));
    if (text(3) == "t")
      add(Grade::warn, "is a standby: it takes no writes",
          "name the primary, or several hosts with it among them");
  }

  void judge_tls(const ServerConn& conn, const HostPort& at) {
    if (conn.encrypted()) return add(Grade::ok, "TLS: " + conn.tls_description());
    const bool near =
        at.is_unix() || at.host == "localhost" || at.host.starts_with("127.") || at.host == "::1";
    if (near) return add(Grade::ok, "plain text, on this machine");
    add(Grade::warn, "plain text over the network",
        "set ssl = on at the server and server_tls.mode = \"verify-full\" here");
  }

  void judge_limits(const std::string& most, const std::string& reserved) {
    const auto all = parse_u64(most), kept = parse_u64(reserved);
    if (!all || !kept) return;
    const std::uint64_t free = *all > *kept ? *all - *kept : 0;
    const unsigned pool = target_.pool.max_total > 0 ? target_.pool.max_total : target_.pool.max;
    const std::string said =
        fmt::format("max_connections {} ({} for superusers), pool at most {}", *all, *kept, pool);
    if (pool <= free) return add(Grade::ok, said);
    add(Grade::warn, said,
        fmt::format("pool.max = {} or less, or a higher max_connections at the server", free));
  }

  void run_query(ServerConn& conn, const std::string& user) {
    std::string sql = listener_.auth.query;
    const std::string literal = postgres::quote_literal(user);
    for (std::size_t at = 0; (at = sql.find("$1", at)) != sql.npos; at += literal.size())
      sql.replace(at, 2, literal);
    const auto rows = conn.run(sql, deadline_);
    if (!rows)
      return add(
          Grade::fail, rows.error().detail,
          fmt::format("let {} run it: usually a SECURITY DEFINER function that reads pg_shadow",
                      user));
    add(Grade::ok, fmt::format("runs as {}, {} row(s) for itself", user, rows->rows.size()));
  }

  net::Loop& loop_;
  const ServerConn::Loops loops_;
  const PostgresListener& listener_;
  const gateway::Target& target_;
  const Deadline deadline_;
  std::string subject_;
  Findings findings_;
};

std::vector<std::string> databases_of(const PostgresListener& listener) {
  std::vector<std::string> names;
  for (const auto& [name, database] : listener.databases)
    if (name != "*" || !database.dsn.database.empty()) names.push_back(name);
  if (names.empty()) names.push_back(listener.primary.database);
  return names;
}

}  // namespace

Findings examine_servers(const PostgresListener& listener) {
  Findings findings;
  auto take = [&](Findings more) {
    std::move(more.begin(), more.end(), std::back_inserter(findings));
  };
  net::Worker worker(0);
  worker.start();
  std::set<std::string> seen;  // the same server, user and database once
  for (const std::string& name : databases_of(listener)) {
    const auto target = gateway::find_database(listener, name);
    if (!target) continue;
    for (const HostPort& at : target->dsn.hosts) {
      if (!seen.insert(fmt::format("{} {} {}", endpoint_of(at).text(), target->dsn.user,
                                   target->dsn.database))
               .second)
        continue;
      worker.run([&] { take(Visit(worker.loop(), listener, *target).run(at)); });
    }
  }
  const auto where = gateway::find_database(listener, listener.auth.database.empty()
                                                          ? databases_of(listener).front()
                                                          : listener.auth.database);
  if (!listener.auth.query.empty() && where && !where->dsn.hosts.empty())
    worker.run(
        [&] { take(Visit(worker.loop(), listener, *where).try_query(where->dsn.hosts.front())); });
  return findings;
}

}  // namespace sluice::cmd
