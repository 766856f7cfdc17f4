// What a client's statements leave on its connection: settings, which can be replayed on another one,
// and the rest, for which it keeps the connection (a pin) until the server says that nothing is left.
#include <algorithm>

#include "session/postgres_client.h"

namespace sluice::postgres {
namespace {

using query::bit;
using query::PinCause;

// The pins that the server can be asked about, in the order of check_pins()'s columns.
constexpr PinCause kAskable[] = {PinCause::temp_table,    PinCause::listen,
                                 PinCause::advisory_lock, PinCause::hold_cursor,
                                 PinCause::sql_prepare,   PinCause::role};

constexpr std::string_view kPinQuestion =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = "
    "pg_catalog.pg_my_temp_schema()),"
    " EXISTS (SELECT FROM pg_catalog.pg_listening_channels()),"
    " EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = "
    "pg_catalog.pg_backend_pid()),"
    " EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable),"
    " EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql),"
    " pg_catalog.current_setting('role') <> 'none' OR session_user <> ";

// Settings that change no parse: limits, output, logging.
constexpr std::string_view kHarmless[] = {"application_name",
                                          "client_min_messages",
                                          "extra_float_digits",
                                          "idle_in_transaction_session_timeout",
                                          "idle_session_timeout",
                                          "lock_timeout",
                                          "statement_timeout",
                                          "synchronous_commit",
                                          "work_mem"};

constexpr Duration kAskTimeout = std::chrono::seconds(5);

// A name as SQL writes it: folded unless it is quoted.
std::string unquoted(std::string_view name) {
  if (!name.starts_with('"')) return lower(name);
  std::string out;
  name = name.substr(1, name.size() - 2);
  for (std::size_t i = 0; i < name.size(); ++i) {
    out += name[i];
    if (name[i] == '"') ++i;
  }
  return out;
}

// Client encodings in which a byte below 0x80 may be half of a character.
session::Client::Encoding encoding_of(std::string_view name) {
  using Encoding = session::Client::Encoding;
  static constexpr std::string_view two[] = {"BIG5", "GBK", "GB18030", "UHC", "JOHAB"};
  if (std::ranges::find(two, name) != std::end(two)) return Encoding::two_bytes;
  return name == "SJIS" || name == "SHIFT_JIS_2004" ? Encoding::shift_jis : Encoding::ascii_safe;
}

bool reported(const Baselines::Ref& told, std::string_view name) {
  if (!told) return false;
  for (const auto& [parameter, value] : *told)
    if (lower(parameter) == name) return true;
  return false;
}

}  // namespace

// Notes what a statement is about to do, before it is sent.
void PostgresClient::apply(const query::Analysis& analysis, ServerConn&) {
  query::PinSet pins = analysis.pins;
  sequence_on_lease_ |= analysis.uses_sequence;
  if (analysis.uses_sequence && route_->keep_sequences.load(std::memory_order_relaxed))
    pins |= bit(PinCause::sequence_state);
  // What a rolled back savepoint takes back isn't followed.
  if (analysis.savepoints && !pending_.empty()) pins |= bit(PinCause::setting);
  if (pins & ~pins_) {
    for (unsigned i = 0; i < static_cast<unsigned>(PinCause::kCount); ++i)
      if ((pins & ~pins_) >> i & 1) front_.metrics().pins[i].add();
    pins_ |= pins;
    recheck_pins_ = true;  // a pg_try_advisory_lock() that got none needs nothing
  }
  if (analysis.verb == query::Verb::ddl && !analysis.pinned_by(PinCause::temp_table)) {
    schema_changes_ = true;
    route_->schema->fetch_add(1, std::memory_order_relaxed);
  }
  if (pins_ && analysis.may_unpin) recheck_pins_ = true;
  for (const query::SettingChange& change : analysis.settings)
    if (change.kind != query::SettingChange::Kind::set_local)
      pending_.push_back({change, boundaries_sent_ + 1});
}

// currval() and lastval() speak of the session's last nextval(). True: that was on another connection,
// or somebody has used it since, and the server's answer could be another client's number.
bool PostgresClient::sequence_lost(const query::Analysis& analysis) {
  if (!analysis.pinned_by(PinCause::sequence_state) || !renames()) return false;
  if (pins_ || sequence_on_lease_) return false;
  route_->keep_sequences.store(true, std::memory_order_relaxed);
  return lease.id() != last_connection || lease.uses() != last_uses + 1;
}

// The settings that a statement's parse depends on, as one text. All count but those known not to.
const std::string& PostgresClient::parse_settings() {
  if (parse_settings_of_ == wants) return parse_settings_;
  parse_settings_of_ = wants;
  parse_settings_.clear();
  if (!wants) return parse_settings_;
  for (const Setting& s : wants->all()) {
    if (std::ranges::find(kHarmless, s.name) != std::end(kHarmless)) continue;
    parse_settings_.append(s.name).append(s.raw ? "=" : ":").append(s.value).push_back('\0');
  }
  return parse_settings_;
}

ErrorReport PostgresClient::sequence_report() const {
  return {.sqlstate = "55000",
          .message = "the sequence was last used on another connection",
          .hint =
              "from now on clients that use sequences keep their connection: try the transaction "
              "again, "
              "or use INSERT ... RETURNING"};
}

// Drops a statement of the protocol by its name in a DEALLOCATE. False: there is none.
bool PostgresClient::forget_statement(std::string_view sql_name) {
  if (sql_name.empty()) return false;
  const std::string name = unquoted(sql_name);
  if (!statements_.find(name)) return false;
  statements_.erase(name);
  return true;
}

// What a parameter says about how this client's texts are to be read.
void PostgresClient::note_text_rules(std::string_view name, std::string_view value) {
  if (name == "standard_conforming_strings") backslash_escapes = value == "off";
  if (name == "client_encoding") encoding = encoding_of(value);
}

void PostgresClient::on_parameter(std::string_view name, std::string_view value) {
  if (!settable(name) || !told) return;
  auto at_login = told->find(name);
  const bool as_at_login = at_login != told->end() && at_login->second == value;
  note_text_rules(name, value);
  wants = as_at_login ? Settings::without(wants, lower(name))
                      : Settings::with(wants, {lower(name), std::string(value)});
}

void PostgresClient::on_command(std::string_view tag) {
  if (tag.empty() || (tag[0] != 'D' && tag[0] != 'R')) return;
  if (tag == "ROLLBACK") rolled_back_ = true;
  ServerConn* server = conn();
  if (!server) return;
  if (tag == "DISCARD ALL") forget_session(*server);
  if (tag == "DEALLOCATE ALL") {
    statements_.clear();
    server->statements().clear();
    server->unnamed = {};
  }
}

void PostgresClient::on_unparsed(const Awaited& parse) {
  if (parse.name.empty())
    unnamed_.valid = false;
  else
    statements_.erase(parse.name);
}

// DISCARD ALL: the session is as new, except for what the client asked for at login.
void PostgresClient::forget_session(ServerConn& server) {
  statements_.clear();
  server.statements().clear();
  server.unnamed = {};
  unnamed_.valid = false;
  pending_.clear();
  pins_ &= bit(PinCause::load);
  server.now_has(nullptr);
  wants = startup_;
}

// A boundary was reached: what was set before it holds, or was rolled back.
void PostgresClient::commit_settings(ServerConn& server) {
  if (server.status() != 'I') return;
  const bool undone = error_seen_ || rolled_back_;
  std::size_t done = 0;
  for (; done < pending_.size() && pending_[done].boundary <= boundaries_seen_; ++done) {
    const query::SettingChange& change = pending_[done].change;
    if (undone) continue;
    Settings::Ref has = server.has();
    using Kind = query::SettingChange::Kind;
    if (change.kind == Kind::reset_all) {
      server.now_has(nullptr);
      wants = startup_;
      continue;
    }
    // Reported parameters have told us themselves, in the server's spelling.
    if (reported(told, change.name)) continue;
    const Setting* at_start = startup_ ? startup_->find(change.name) : nullptr;
    if (change.kind == Kind::reset || lower(change.value) == "default") {
      has = Settings::without(has, change.name);
      wants = at_start ? Settings::with(wants, *at_start) : Settings::without(wants, change.name);
    } else if (change.kind == Kind::set) {
      const Setting made{change.name, change.value, true};
      has = Settings::with(has, made);
      wants = Settings::with(wants, made);
    }
    server.now_has(std::move(has));
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
  if (Settings::same(wants, server.has())) wants = server.has();
}

// Asks the server what is left of the reasons for which the client keeps this connection.
Result<void> PostgresClient::check_pins(ServerConn& server) {
  recheck_pins_ = false;
  query::PinSet askable = 0;
  for (PinCause cause : kAskable) askable |= bit(cause);
  if (!(pins_ & askable)) return {};
  const std::string question = std::string(kPinQuestion) + quote_literal(server.facts().user);
  auto answer = server.run(question, deadline_after(worker_.loop->now(), kAskTimeout));
  if (!answer) return server.usable() ? Result<void>{} : std::unexpected(answer.error());
  if (answer->rows.size() != 1 || answer->rows[0].size() != std::size(kAskable)) return {};
  for (std::size_t i = 0; i < std::size(kAskable); ++i)
    if (answer->rows[0][i] == "f") pins_ &= ~bit(kAskable[i]);
  if (pins_ || !own_names_) return {};
  own_names_ = false;
  if (auto done = server.run("DEALLOCATE ALL", deadline_after(worker_.loop->now(), kAskTimeout));
      !done)
    return std::unexpected(done.error());
  server.statements().clear();
  return {};
}

}  // namespace sluice::postgres
