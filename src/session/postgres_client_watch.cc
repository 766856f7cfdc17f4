// What the query stage is told of this client's statements: which, with what values, and by Exchange
// how each ended.
#include <utility>

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

// What a Bind says behind its names (Bind::rest), field by field. One that doesn't fit makes it fail for good.
class BoundFields {
 public:
  explicit BoundFields(std::string_view rest) : at_(rest.data()), left_(rest.size()) {}

  std::uint32_t count() { return number_at(take(2), 2); }
  std::uint32_t size() { return number_at(take(4), 4); }
  const char* take(std::size_t bytes) {
    static constexpr char kNothing[4] = {};
    if (bytes > left_) {
      left_ = 0;
      failed_ = true;
      return kNothing;
    }
    left_ -= bytes;
    return std::exchange(at_, at_ + bytes);
  }
  // A count and so many 16-bit formats.
  std::string_view formats() {
    const std::uint32_t n = count();
    if (n == 0) return {};
    const char* first = take(2 * std::size_t{n});
    if (failed_) return {};
    for (std::size_t i = 0; i < n; ++i) failed_ |= number_at(first + 2 * i, 2) > 1;
    return {first, 2 * std::size_t{n}};
  }
  bool ok() const { return !failed_; }
  bool done() const { return !failed_ && left_ == 0; }

 private:
  const char* at_;
  std::size_t left_;
  bool failed_ = false;
};

// Puts the values of a Bind behind those that are there; their bytes stay where they are. `results`: the
// formats of its results. False: it doesn't hold together.
bool take_values(std::string_view rest, std::string_view types, std::vector<Value>& values,
                 std::string_view& results) {
  BoundFields in(rest);
  const std::string_view formats = in.formats();
  const std::uint32_t count = in.count();
  if (formats.size() > 2 && formats.size() != 2 * std::size_t{count}) return false;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::uint32_t size = in.size();
    const std::uint32_t type = types.empty() ? 0 : type_at(types, i);
    if (size == 0xffffffff) {
      values.push_back({.type = type, .form = Value::Form::null});
      continue;
    }
    const char* bytes = in.take(size);
    const bool binary = !formats.empty() && formats[formats.size() > 2 ? 2 * i + 1 : 1] == 1;
    values.push_back({.bytes = {bytes, in.ok() ? size : 0},
                      .type = type,
                      .form = binary ? Value::Form::binary : Value::Form::text});
  }
  results = in.formats();
  return in.done();
}

}  // namespace

void PostgresClient::Ask::on_examined(const query::Seen& seen) {
  if (simple_) {
    client_.find_form(seen, *this);
    run = client_.watch(seen, statement);
  } else {
    known = query::keep(seen, statement, statement);
  }
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
  if (!take_values(rest, types, worker_.values, results)) return nullptr;
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
