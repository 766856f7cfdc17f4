// Automatic preparation: what a client sends unprepared again and again runs as a prepared statement.
//
// In the extended protocol that is the text of an unnamed Parse, which goes to the server under a name of ours
// like any prepared statement. In the simple protocol literals that are compared become parameters
// (sluice/query/prepared_form.h says which, and why that keeps the meaning); only on shared connections,
// where whatever fails in this form can be run once more as it came.
#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"

namespace sluice::postgres {
namespace {

bool plain_verb(query::Verb verb) {
  using query::Verb;
  return verb == Verb::select || verb == Verb::insert || verb == Verb::update ||
         verb == Verb::delete_ || verb == Verb::merge;
}

void append_count(std::string& out, std::size_t n) {
  out.push_back(static_cast<char>(n >> 8));
  out.push_back(static_cast<char>(n));
}

void count(std::atomic<std::uint64_t>& figure) { figure.fetch_add(1, std::memory_order_relaxed); }

// As a Bind has it behind its names: no formats, values as text, no formats of results.
std::string bind_of(const query::PreparedForm& form) {
  std::string rest;
  append_count(rest, 0);
  append_count(rest, form.values.size());
  for (std::string_view value : form.values) {
    append_count(rest, value.size() >> 16);
    append_count(rest, value.size() & 0xffff);
    rest += value;
  }
  append_count(rest, 0);
  return rest;
}

}  // namespace

// The statement as which a text goes prepared; null: it goes as it is. Either is measured. `known`: of
// key.text.
StatementRef PostgresClient::popular(const StatementKey& key, Ask& request,
                                     const query::Known& known) {
  if (key.text.size() > PopularTexts::kLongest || exceeds(0, 2)) return nullptr;
  request.popular = key.hash();
  PopularText& text = worker_.popular.of(*request.popular);
  request.prepared = text.prepares();
  if (!request.prepared) return nullptr;
  if (!text.statement || !key.names(*text.statement))
    text.statement = worker_.statements.intern(
        key, [&](std::string_view kept) { return query::keep(known, key.text, kept); });
  return text.statement;
}

// For an unnamed Parse that has been examined.
StatementRef PostgresClient::popular(const Parse& parse, ServerConn& server, Ask& request) {
  const query::Analysis& analysis = unnamed_.known.analysis;
  if (!route_->auto_prepare || server.status() == 'E' || !plain_verb(analysis.verb) ||
      analysis.statements != 1 || analysis.pins != 0)
    return nullptr;
  StatementRef statement = popular(
      {unnamed_.text, parse.types, parse_settings(), schema_epoch()}, request, unnamed_.known);
  if (statement) count(route_->counts.prepared);
  return statement;
}

// The unnamed statement under the settings that are in force now.
const StatementRef& PostgresClient::unnamed_as_now() {
  if (unnamed_.statement->settings != parse_settings())
    unnamed_.statement = intern_again(*unnamed_.statement);
  return unnamed_.statement;
}

// For a simple query, while what was seen of it is still there.
void PostgresClient::find_form(const query::Seen& seen, Ask& request) {
  if (!route_ || !route_->auto_prepare || !route_->shares || !renames() || lease || !seen.statement ||
      encoding != Encoding::ascii_safe || seen.analysis.verb != query::Verb::select ||
      seen.analysis.statements != 1 || seen.analysis.pins != 0)
    return;
  const query::Facts* facts = (*seen.statement)->facts();
  if (!facts || !facts->unanalysed.empty()) return;
  query::PreparedForm& form = worker_.form;
  // A string becomes what it is compared with when the server first meets it, and stays that.
  if (!query::prepare(request.statement, seen.literals, *facts, backslash_escapes, form) ||
      !form.declared())
    return;
  request.form = popular({form.text, form.types, parse_settings(), schema_epoch()}, request, {});
  if (request.form) request.bind = bind_of(form);
}

// In place of the Query. The server's answer lacks nothing of what the client expects, and has nothing more.
void PostgresClient::forward_form(ServerConn& server, Ask& request, query::RunRef run) {
  as_form_ = true;
  count(route_->counts.prepared);
  ensure_parsed(server, request.form);
  append_bind(server.out(), {}, request.form->server_name, request.bind);
  append_describe(server.out(), 'P', {});
  append_execute(server.out(), {});
  append_sync(server.out());
  exchange_.expect({.kind = Await::bind, .ours = true, .statement = request.form});
  exchange_.expect({.kind = Await::describe});
  exchange_.expect({.kind = Await::execute, .run = std::move(run)});
  exchange_.expect({.kind = Await::sync});
  ++boundaries_sent_;
}

void PostgresClient::give_up_form(Ask& request) {
  request.plain = true;
  PopularText* text = worker_.popular.find(*request.popular);
  if (text && text->failed()) count(route_->counts.reverted);
}

void PostgresClient::note_popular(const Ask& request) {
  if (!request.popular || request.took < Duration::zero() || request.repeated) return;
  PopularText* text = worker_.popular.find(*request.popular);
  if (text && text->measured(request.prepared, request.took)) count(route_->counts.reverted);
}

}  // namespace sluice::postgres
