// What the query stage is told of this client's statements: which, with what values, and by Exchange
// how each ended.
#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"
#include "wire/postgres/frontend.h"

namespace sluice::postgres {
namespace {

using query::Value;

// Of parameters' types as in Parse, 32-bit object ids in a row. 0: the client left it to the server.
std::uint32_t type_at(std::string_view types, std::size_t i) {
  if (types.size() < 4 * (i + 1)) return 0;
  std::uint32_t type = 0;
  for (std::size_t k = 0; k < 4; ++k)
    type = type << 8 | static_cast<unsigned char>(types[4 * i + k]);
  return type;
}

Value value_of(const BoundValue& bound, std::uint32_t type) {
  if (!bound.value) return {.type = type, .form = Value::Form::null};
  return {.bytes = *bound.value,
          .type = type,
          .form = bound.format == 1 ? Value::Form::binary : Value::Form::text};
}

}  // namespace

void PostgresClient::Ask::on_examined(const query::Seen& seen) {
  if (simple_)
    run = client_.watch(seen, statement);
  else
    known = query::keep(seen, statement, statement);
}

// A simple query, while what was seen of it is still there.
query::RunRef PostgresClient::watch(const query::Seen& seen, std::string_view text) {
  if (!worker_.recorder) return nullptr;
  if (!seen.statement) {
    if (seen.fault) worker_.recorder->unanalysed(seen.fault, text.size());
    return nullptr;
  }
  take_literals(seen.literals, text);
  const auto literals = static_cast<unsigned>(seen.literals.size());
  return begin_run({.statement = *seen.statement, .literals = literals, .comment = seen.comment});
}

// The same for one that rides along, or was bound: its parameters then come behind its literals.
query::RunRef PostgresClient::watch(const query::Known& known, std::string_view text,
                                    std::string_view types, const BindParameters* bound,
                                    query::Manner manner) {
  if (!worker_.recorder) return nullptr;
  if (!known.statement) {
    if (known.fault) worker_.recorder->unanalysed(known.fault, text.size());
    return nullptr;
  }
  take_literals(known.literals, text);
  if (bound)
    for (std::size_t i = 0; i < bound->values.size(); ++i)
      worker_.values.push_back(value_of(bound->values[i], type_at(types, i)));
  return begin_run({.statement = known.statement,
                    .literals = static_cast<unsigned>(known.literals.size()),
                    .manner = manner,
                    .comment = known.comment});
}

// What a Bind is about to run. One that doesn't hold together is the server's to refuse.
query::RunRef PostgresClient::watch(const Statement& statement, const Bind& bind) {
  BindParameters& bound = worker_.bound;
  if (!statement.known.statement) return watch(statement.known, statement.text);
  if (!worker_.recorder || !read_bind_parameters(bind.rest, bound)) return nullptr;
  const std::string& types =
      statement.server_types.empty() ? statement.types : statement.server_types;
  query::RunRef run =
      watch(statement.known, statement.text, types, &bound, query::Manner::prepared);
  // The client has had them described before and may not ask again.
  if (run && statement.columns && run->wants_columns())
    statement.columns->tell(*run, bound.result_formats);
  return run;
}

query::RunRef PostgresClient::watch_unnamed(const Bind& bind) {
  if (!unnamed_.known.statement) return watch(unnamed_.known, unnamed_.text);
  if (!worker_.recorder || !read_bind_parameters(bind.rest, worker_.bound)) return nullptr;
  return watch(unnamed_.known, unnamed_.text, unnamed_.types, &worker_.bound,
               query::Manner::unnamed);
}

// A Bind in session mode, where the server knows statements by the client's own names.
query::RunRef PostgresClient::watch_named(const Bind& bind) {
  if (bind.statement.empty()) return unnamed_.valid ? watch_unnamed(bind) : nullptr;
  const StatementRef* known = statements_.find(bind.statement);
  return known ? watch(**known, bind) : nullptr;
}

query::RunRef PostgresClient::begin_run(query::Start start) {
  start.values = worker_.values;
  start.client = id;
  start.database = database_;
  start.user = user_;
  if (application_of_ != wants) {
    application_of_ = wants;
    const Setting* name = wants ? wants->find("application_name") : nullptr;
    application_ = name ? name->value : std::string_view();
  }
  start.application = application_;
  if (conn() && conn()->status() != 'I') last_statement_ = start.statement;
  start.arrived = arrived_;
  start.pool_wait = waited_;
  return worker_.recorder->begin(start);
}

void PostgresClient::take_literals(std::span<const query::Literal> literals,
                                   std::string_view text) {
  auto& values = worker_.values;
  auto& undone = worker_.undone;
  values.clear();
  if (undone.size() < literals.size()) undone.resize(literals.size());
  for (std::size_t i = 0; i < literals.size(); ++i)
    values.push_back({.bytes = query::value_of(literals[i], text, query::Dialect::postgres,
                                               backslash_escapes, undone[i])});
}

void PostgresClient::on_parameters(const Statement& statement, std::string_view description) {
  constexpr std::size_t kCount = 2;  // bytes; what follows is as in Parse
  if (worker_.recorder && statement.server_types.empty() && description.size() > kCount)
    statement.server_types = description.substr(kCount);
}

void PostgresClient::on_described(const Statement& statement, std::string_view description) {
  if (statement.columns || !worker_.recorder) return;
  statement.columns = ResultColumns::read(description);
}

// Session mode: the statement stays known by the client's name, as long as that doesn't take too much.
void PostgresClient::keep_statement(const Parse& parse, query::Known known) {
  if (!worker_.recorder) return;
  if (parse.name.empty()) {
    unnamed_.text = parse.query;
    unnamed_.types = parse.types;
    unnamed_.known = query::keep(std::move(known), parse.query, unnamed_.text);
    unnamed_.valid = true;
    return;
  }
  const std::size_t bytes = parse.query.size() + ClientStatements::bytes_of_name(parse.name);
  if (statements_.bytes() + bytes > options_->prepared_bytes || exceeds(bytes, 1)) return;
  statements_.put(parse.name, worker_.statements.intern(
                                  {parse.query, parse.types, {}, 0}, [&](std::string_view text) {
                                    return query::keep(std::move(known), parse.query, text);
                                  }));
}

// An error before anything was bound: nothing ran, but the statement failed.
void PostgresClient::on_failed_parse(const Awaited& parse, std::string_view sqlstate) {
  const query::Known* known = nullptr;
  if (parse.statement)
    known = &parse.statement->known;
  else if (const StatementRef* named = statements_.find(parse.name))
    known = &(*named)->known;
  else if (parse.name.empty())
    known = &unnamed_.known;
  if (!worker_.recorder || !known || !known->statement) return;
  worker_.values.clear();
  query::RunRef run = begin_run({.statement = known->statement});
  if (run) run->finish({.at = now(), .sqlstate = sqlstate});
}

}  // namespace sluice::postgres
