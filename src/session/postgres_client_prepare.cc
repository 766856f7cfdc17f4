// Prepared statements on their way to a server. In transaction mode they go by the name that they have
// on servers, whichever connection it is, and are parsed first where it hasn't met them.
#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {

// SQL's EXECUTE knows statements by the client's own names: the connection, which it is about to keep,
// learns them.
void PostgresClient::name_statements(ServerConn& server) {
  if (own_names_ || statements_.size() == 0 || !exchange_.settled() || in_group_ ||
      server.status() != 'I')
    return;
  own_names_ = true;
  statements_.each([&](const std::string& name, const StatementRef& statement) {
    append_parse(server.out(), name, statement->text, statement->types);
    exchange_.expect({.kind = Await::parse, .ours = true});
  });
  append_sync(server.out());
  exchange_.expect({.kind = Await::sync, .ours = true});
  ++boundaries_sent_;
}

bool PostgresClient::forward_parse(ServerConn& server, const Frame& frame, Ask& request) {
  auto parse = read_parse(frame.payload);
  if (!parse) {
    violation(parse.error().detail);
    return false;
  }
  if (!renames()) {
    auto known = examine(parse->query, request);
    if (!known) return false;
    in_group_ = true;
    apply(known->analysis, server);
    keep_statement(*parse, std::move(*known));
    exchange_.expect({.kind = Await::parse, .name = std::string(parse->name)});
    server.out().append(frame.bytes);
    return true;
  }
  if (parse->name.empty()) return forward_unnamed(server, frame, *parse, request);
  bool admitted = true;
  StatementRef statement = worker_.statements.intern(
      {parse->query, parse->types, parse_settings(), schema_epoch()}, [&](std::string_view text) {
        auto found = examine(text, request);
        admitted = found.has_value();
        return std::move(found).value_or(query::Known{});
      });
  if (!admitted) return false;
  in_group_ = true;
  keep_group_ &= seat != nullptr;  // the name would be taken
  if (statements_.find(parse->name)) {
    refuse_in_group(server, {.sqlstate = std::string(sqlstate::kDuplicatePreparedStatement),
                             .message = "prepared statement \"" + std::string(parse->name) +
                                        "\" already exists"});
    return true;
  }
  if (!make_room(server, parse->name, statement)) return true;
  statements_.put(parse->name, statement);
  if (server.status() != 'E' || !server.statements().use(*statement)) {
    know_parse(server, statement, parse->name);
    return true;
  }
  // In a failed transaction the server refuses it, and says so before it looks at the name.
  append_parse(server.out(), statement->server_name, parse->query, parse->types);
  exchange_.expect({.kind = Await::parse, .name = std::string(parse->name)});
  return true;
}

// Answers a Parse of what the server knows; one that it doesn't goes there.
void PostgresClient::know_parse(ServerConn& server, const StatementRef& statement,
                                std::string_view name) {
  const bool told = std::exchange(parse_told_, false);
  if (!server.statements().use(*statement)) return parse_on(server, statement, told, name);
  front_.metrics().statements_reused.add();
  if (told) return;
  Buffer reply;
  append_parse_complete(reply);
  exchange_.owe(std::string(reply.view()), std::string(name));
}

bool PostgresClient::forward_unnamed(ServerConn& server, const Frame& frame, const Parse& parse,
                                     Ask& request) {
  unnamed_.valid = false;
  unnamed_.statement.reset();
  unnamed_.text = parse.query;
  unnamed_.types = parse.types;
  auto known = examine(unnamed_.text, request);
  if (!known) return false;
  unnamed_.known = std::move(*known);
  unnamed_.valid = true;
  in_group_ = true;
  if ((unnamed_.statement = popular(parse, server, request))) {
    know_parse(server, unnamed_.statement, {});
    return true;
  }
  server.unnamed = {id, ++unnamed_count_};
  if (forget_statement(unnamed_.known.analysis.deallocates)) {
    // DEALLOCATE of a name that only the protocol knows: of one that we make for it instead.
    const std::string name =
        "sluice_gone_" + std::to_string(id) + "_" + std::to_string(unnamed_count_);
    append_parse(server.out(), name, {}, {});
    exchange_.expect({.kind = Await::parse, .ours = true});
    append_parse(server.out(), {}, "DEALLOCATE " + name, {});
    unnamed_.known.analysis.deallocates = {};  // its views are of the old text
    unnamed_.known.comment = {};
    unnamed_.text = "DEALLOCATE " + name;
  } else {
    server.out().append(frame.bytes);
  }
  exchange_.expect({.kind = Await::parse});
  return true;
}

// Sends a Parse under the server's name for the statement, making room for it first.
void PostgresClient::parse_on(ServerConn& server, const StatementRef& statement, bool ours,
                              std::string_view client_name) {
  if (StatementRef old = server.statements().surplus(*statement)) {
    server.statements().erase(*old);
    close_on(server, std::move(old));
  }
  close_orphans(server);
  front_.metrics().statements_parsed.add();
  append_parse(server.out(), statement->server_name, statement->text, statement->types);
  server.statements().add(statement);
  exchange_.expect({.kind = Await::parse,
                    .ours = ours,
                    .statement = statement,
                    .name = std::string(client_name)});
}

// False, and the group is refused: the client, or all of them together, would have too much prepared.
// What the table holds of the statement itself is counted already.
bool PostgresClient::make_room(ServerConn& server, std::string_view name,
                               const StatementRef& statement) {
  const std::size_t name_bytes = ClientStatements::bytes_of_name(name);
  if (statements_.bytes() + statement->bytes() + name_bytes > options_->prepared_bytes) {
    refuse_in_group(
        server,
        {.sqlstate = std::string(sqlstate::kOutOfMemory),
         .message = "the client's prepared statements are too large",
         .hint = "close statements that aren't needed, or raise prepared_memory_per_client"});
    return false;
  }
  if (!exceeds(name_bytes, 1)) return true;
  close_orphans(server);
  refuse_in_group(server,
                  {.sqlstate = std::string(sqlstate::kOutOfMemory),
                   .message = "all clients' prepared statements together are too large",
                   .hint = "close statements that aren't needed, or raise prepared_memory"});
  return false;
}

// With so many bytes more, all clients together would have more prepared than that part of the bound.
bool PostgresClient::exceeds(std::size_t bytes, unsigned part) const {
  return options_->prepared_total > 0 &&
         worker_.statements.memory().bytes() + bytes > options_->prepared_total / part;
}

// Connections keep statements for clients to come. When memory runs short those that no client has any
// more are the first to go: from half of the bound on, so that they alone never reach it.
void PostgresClient::close_orphans(ServerConn& server) {
  if (!exceeds(0, 2)) return;
  for (StatementRef& old : server.statements().take_orphans()) close_on(server, std::move(old));
}

void PostgresClient::close_on(ServerConn& server, StatementRef statement) {
  append_close(server.out(), 'S', statement->server_name);
  exchange_.expect({.kind = Await::close, .ours = true, .statement = std::move(statement)});
}

// The statement under the settings that are in force now, where they count for its parsing.
StatementRef PostgresClient::as_now(std::string_view name, const StatementRef& statement) {
  if (statement->settings == parse_settings()) return statement;
  StatementRef now = intern_again(*statement);
  statements_.put(name, now);
  return now;
}

StatementRef PostgresClient::intern_again(const Statement& old) {
  return worker_.statements.intern(
      {old.text, old.types, parse_settings(), old.schema},
      [&](std::string_view text) { return query::keep(old.known, old.text, text); });
}

void PostgresClient::ensure_parsed(ServerConn& server, const StatementRef& statement) {
  if (server.statements().use(*statement))
    front_.metrics().statements_reused.add();
  else
    parse_on(server, statement, true, {});
}

// The unnamed statement is a client's own: another one's must not answer for it. False: it has none.
bool PostgresClient::ensure_unnamed(ServerConn& server) {
  if (!unnamed_.valid) return false;
  const ServerConn::Unnamed own{id, unnamed_count_};
  if (server.unnamed == own) return true;
  append_parse(server.out(), {}, unnamed_.text, unnamed_.types);
  exchange_.expect({.kind = Await::parse, .ours = true});
  server.unnamed = own;
  return true;
}

}  // namespace sluice::postgres
