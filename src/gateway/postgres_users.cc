// Who may log in at a listener: users from the configuration, a userlist file, or a query.
#include <fstream>
#include <sstream>

#include "gateway/postgres_gate.h"
#include "wire/postgres/password.h"
#include "wire/postgres/userlist.h"

namespace sluice::gateway {
postgres::UserSecret secret_of(const std::string& text) {
  postgres::UserSecret made{.secret = text, .verifier = std::nullopt};
  if (postgres::kind_of(text) == postgres::SecretKind::plain)
    if (auto verifier = postgres::make_verifier(text)) made.verifier = std::move(*verifier);
  return made;
}

namespace {

// The query with $1 as a literal: it goes out as a simple query.
std::string with_user(std::string query, const std::string& user) {
  const std::string literal = postgres::quote_literal(user);
  for (std::size_t at = 0; (at = query.find("$1", at)) != query.npos; at += literal.size())
    query.replace(at, 2, literal);
  return query;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Code::invalid_argument, "can't read the userlist " + path, errno);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Result<void> PostgresGate::load_users(Setup& setup) {
  const AuthSettings& auth = setup.config->auth;
  if (!auth.userlist.empty()) {
    auto text = read_file(auth.userlist);
    if (!text) return std::unexpected(text.error());
    auto entries = postgres::parse_userlist(*text);
    if (!entries)
      return fail(Code::invalid_argument, auth.userlist + ": " + entries.error().detail);
    for (const auto& entry : *entries)
      setup.users.insert_or_assign(entry.name, secret_of(entry.secret));
  }
  for (const auto& [name, secret] : auth.users)
    setup.users.insert_or_assign(name, secret_of(secret));
  return {};
}

Result<std::optional<postgres::UserSecret>> PostgresGate::find_user(const std::string& user,
                                                                    const std::string& database,
                                                                    Deadline deadline) {
  auto setup = this->setup();
  if (auto at = setup->users.find(user); at != setup->users.end()) return at->second;
  if (setup->config->auth.query.empty()) return std::nullopt;
  auto target = find_database(*setup->config, database);
  if (!target || target->auth_user.empty()) return std::nullopt;
  return query_user(*setup, *target, user, database, deadline);
}

// The query runs with a fixed search_path, so that nobody's function of a known name gets called.
Result<std::optional<postgres::UserSecret>> PostgresGate::query_user(const Setup& setup,
                                                                     const Target& target,
                                                                     const std::string& user,
                                                                     const std::string& database,
                                                                     Deadline deadline) {
  const std::string& where = setup.config->auth.database;
  auto route = find_route(where.empty() ? database : where, target.auth_user);
  if (!route) return std::unexpected(route.error());
  auto lease = (*route)->pool->acquire({.deadline = deadline, .home = this_home()});
  if (!lease) return std::unexpected(lease.error());
  const std::string query = with_user(setup.config->auth.query, user);
  auto& server = static_cast<postgres::ServerConn&>(lease->get());
  auto rows = server.run("BEGIN;SET LOCAL search_path TO pg_catalog,pg_temp;" + query + ";COMMIT",
                         deadline);
  if (!rows && server.usable() && server.held()) (void)server.run("ROLLBACK", deadline);
  if (!server.usable() || server.held()) lease->discard();
  if (!rows) {
    log().error("postgres", "auth_query failed",
                {{"listener", setup.config->name}, {"why", rows.error().detail}});
    return std::unexpected(rows.error());
  }
  if (rows->rows.empty() || rows->rows[0].empty() || !rows->rows[0].back()) return std::nullopt;
  postgres::UserSecret found{.secret = *rows->rows[0].back(), .verifier = std::nullopt};
  if (found.secret.empty()) return std::nullopt;
  if (postgres::kind_of(found.secret) == postgres::SecretKind::plain)
    return secret_of(found.secret);
  return found;
}

}  // namespace sluice::gateway
