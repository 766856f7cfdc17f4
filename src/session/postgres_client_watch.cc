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

std::uint32_t number_at(const char* at, std::size_t bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8 | static_cast<unsigned char>(at[i]);
  return number;
}

// Takes a count and so many 16-bit formats off the front: nullopt if that isn't what is there.
std::optional<std::string_view> take_formats(std::string_view& rest) {
  if (rest.size() < 2) return {};
  if (rest[0] == 0 && rest[1] == 0) {
    rest.remove_prefix(2);
    return std::string_view();
  }
  const std::size_t size = 2 * std::size_t{number_at(rest.data(), 2)};
  if (rest.size() - 2 < size) return {};
  const std::string_view formats = rest.substr(2, size);
  for (std::size_t i = 0; i < size; i += 2)
    if (number_at(formats.data() + i, 2) > 1) return {};
  rest.remove_prefix(2 + size);
  return formats;
}

// Values of a Bind, by what follows its names (Bind::rest); their bytes stay there. What remains of it are
// the formats of results. False: it doesn't hold together.
bool take_values(std::string_view& rest, std::string_view types, std::vector<Value>& values) {
  const auto formats = take_formats(rest);
  if (!formats || rest.size() < 2) return false;
  const std::size_t count = number_at(rest.data(), 2);
  rest.remove_prefix(2);
  if (formats->size() > 2 && formats->size() != 2 * count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (rest.size() < 4) return false;
    const std::uint32_t size = number_at(rest.data(), 4);
    rest.remove_prefix(4);
    if (size == 0xffffffff) {
      values.push_back({.type = type_at(types, i), .form = Value::Form::null});
      continue;
    }
    if (rest.size() < size) return false;
    const std::size_t at = formats->size() > 2 ? 2 * i : 0;
    const bool binary = !formats->empty() && (*formats)[at + 1] == 1;
    values.push_back({.bytes = rest.substr(0, size),
                      .type = type_at(types, i),
                      .form = binary ? Value::Form::binary : Value::Form::text});
    rest.remove_prefix(size);
  }
  return true;
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

// The same for one that rides along.
query::RunRef PostgresClient::watch(const query::Known& known, std::string_view text) {
  if (!worker_.recorder) return nullptr;
  if (!known.statement) {
    if (known.fault) worker_.recorder->unanalysed(known.fault, text.size());
    return nullptr;
  }
  take_literals(known.literals, text);
  return begin_run({.statement = known.statement,
                    .literals = static_cast<unsigned>(known.literals.size()),
                    .comment = known.comment});
}

// What a Bind is about to run: its parameters come behind the text's literals. One that doesn't hold
// together is the server's to refuse. `results`: the formats of its results.
query::RunRef PostgresClient::watch_bound(const query::Known& known, std::string_view text,
                                          std::string_view types, query::Manner manner,
                                          std::string_view rest, std::string_view& results) {
  if (!known.statement) return watch(known, text);
  if (!worker_.recorder) return nullptr;
  take_literals(known.literals, text);
  if (!take_values(rest, types, worker_.values)) return nullptr;
  const auto formats = take_formats(rest);
  if (!formats || !rest.empty()) return nullptr;
  results = *formats;
  return begin_run({.statement = known.statement,
                    .literals = static_cast<unsigned>(known.literals.size()),
                    .manner = manner,
                    .comment = known.comment});
}

query::RunRef PostgresClient::watch(const Statement& statement, const Bind& bind) {
  const std::string& types =
      statement.server_types.empty() ? statement.types : statement.server_types;
  std::string_view results;
  query::RunRef run = watch_bound(statement.known, statement.text, types, query::Manner::prepared,
                                  bind.rest, results);
  // The client has had them described before and may not ask again.
  if (run && statement.columns && run->wants_columns()) statement.columns->tell(*run, results);
  return run;
}

query::RunRef PostgresClient::watch_unnamed(const Bind& bind) {
  std::string_view results;
  return watch_bound(unnamed_.known, unnamed_.text, unnamed_.types, query::Manner::unnamed,
                     bind.rest, results);
}

// A Bind in session mode, where the server knows statements by the client's own names.
query::RunRef PostgresClient::watch_named(const Bind& bind) {
  if (bind.statement.empty()) return unnamed_.valid ? watch_unnamed(bind) : nullptr;
  const StatementRef* known = statements_.find(bind.statement);
  return known ? watch(**known, bind) : nullptr;
}

query::RunRef PostgresClient::begin_run(query::Start&& start) {
  if (kept_run_) return std::move(kept_run_);
  start.values = worker_.values;
  start.client = id;
  start.database = database_;
  start.user = user_;
  if (application_of_ != wants) {
    application_of_ = wants;
    const Setting* name = wants ? wants->find("application_name") : nullptr;
    application_ = name ? name->value : std::string_view();
    ++sender_;
  }
  start.application = application_;
  start.sender = sender_;
  if (conn() && conn()->status() != 'I') last_statement_ = start.statement.ref();
  start.arrived = arrived_;
  start.pool_wait = waited_;
  return worker_.recorder->begin(start);
}

void PostgresClient::take_literals(std::span<const query::Literal> literals,
                                   std::string_view text) {
  auto& values = worker_.values;
  values.clear();
  if (literals.empty()) return;
  auto& undone = worker_.undone;
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
