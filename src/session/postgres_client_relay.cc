// A request under way: the client's messages go up as they come, the server's replies come down by
// themselves, until nothing is unanswered. Either side may be slow: what is queued for it is bounded.
#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"
#include "session/postgres_error.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

constexpr unsigned kReadsInOneGo = 16;  // of up to 64 KB
constexpr Duration kAbandonTimeout =
    std::chrono::seconds(5);  // to cancel and drain for who has left

}  // namespace

PostgresClient::Ask::Ask(PostgresClient& client, const Frame& frame)
    : first_size(frame.bytes.size()), client_(client) {
  if (auto read = examine_first(frame); !read) {
    valid = false;
    problem = read.error().detail;
  }
}

// What the walk will see: the statement, and what is known of it already.
Result<void> PostgresClient::Ask::examine_first(const Frame& frame) {
  if (frame.type == frontend::kQuery) {
    auto query = read_query(frame.payload);
    if (!query) return std::unexpected(query.error());
    statement = query->text;
    whole = simple_ = true;
  } else if (frame.type == frontend::kParse) {
    auto parse = read_parse(frame.payload);
    if (!parse) return std::unexpected(parse.error());
    statement = parse->query;
  } else if (frame.type == frontend::kBind) {
    auto bind = read_bind(frame.payload);
    if (!bind) return std::unexpected(bind.error());
    const query::Known* known = nullptr;
    if (const StatementRef* named = client_.find_statement(bind->statement)) {
      statement = (*named)->text;
      known = &(*named)->known;
    } else if (bind->statement.empty() && client_.unnamed_.valid) {
      statement = client_.unnamed_.text;
      known = &client_.unnamed_.known;
    }
    if (known) {
      analysis = known->analysis;
      known_as = known->statement.get();
    }
  }
  return {};
}

// A connection has been found.
void PostgresClient::begin_relay(Ask& request) {
  waiting_ = false;
  waited_ = worker_.loop->now() - wait_began_;
  front_.metrics().wait_time.record(waited_);
  route_->counts.wait_ns.fetch_add(waited_.count(), std::memory_order_relaxed);
  if (request.run) request.run->pool_wait(waited_);
  relaying_ = true;
  asking_cancel_ = false;
  timer_.clear();
  if (options_->query_timeout > Duration::zero())
    arm(deadline_after(request_began_, options_->query_timeout));
}

Result<void> PostgresClient::converse(ServerConn& server, Ask& request) {
  if (seat) return converse_shared(server, request);
  begin_relay(request);
  if (!attached_) {
    server.attach(exchange_);
    attached_ = true;
    sequence_on_lease_ = false;
  }
  const Time began = worker_.loop->now();
  exchange_.take_bytes();
  Result<void> done;
  unsigned reads = 0;
  for (;;) {
    if (send_again_ && exchange_.settled()) repeat_group(request);
    if (!send_again_) forward(server, request);
    const bool was_full = server.out_full();
    server.flush();
    if (was_full && !server.out_full() && server.usable()) continue;  // the rest has room now
    if (!out_.empty()) flush_replies();
    if (!server.usable()) {
      request.told = server.fatal();
      done = std::unexpected(server.last_error());
      break;
    }
    if (complete(server)) {
      if (pins_ && recheck_pins_ && server.status() == 'I') done = check_pins(server);
      break;
    }
    if (gone_ && !polite_) {
      done = abandon(server);
      break;
    }
    if (closing_) {
      server.give_up({Code::cancelled, 0, "its client was closed in the middle of a request"});
      done = std::unexpected(server.last_error());
      break;
    }
    const bool wants_more = in_.size() < 64 * 1024 || need_more_;
    if (wants_more && !server.out_full() && read_more()) {
      if (++reads % kReadsInOneGo == 0) net::yield();  // a client that never pauses isn't alone
      continue;
    }
    if (gone_ && polite_ && (in_group_ || exchange_.copying_in() || frame_left_ > 0))
      polite_ = false;
    if (gone_ && !polite_) continue;
    net::park();
  }
  relaying_ = false;
  if (timer_.armed()) timer_.clear();
  if (request.requests == 1) request.took = worker_.loop->now() - began;
  request.reply_bytes = exchange_.take_bytes();
  if (done) note_popular(request);
  return done;
}

// The server has forgotten what it was asked: the group's messages go through once more.
void PostgresClient::repeat_group(Ask& request) {
  send_again_ = keep_group_ = false;
  if (stale_) {
    std::vector<std::string> names;
    statements_.each([&](const std::string& name, const StatementRef& s) {
      if (s == stale_) names.push_back(name);
    });
    for (const std::string& name : names) statements_.put(name, intern_again(*stale_));
    if (unnamed_.statement == stale_) unnamed_.statement = intern_again(*stale_);
    stale_.reset();
    parse_told_ = !seat && group_.view().starts_with(frontend::kParse);
  }
  Buffer rest(std::move(in_));
  in_.append(group_.view());
  in_.append(rest.view());
  group_.clear();
  request.first = true;
  error_seen_ = false;
}

// Nothing is unanswered, half sent or without its Sync.
bool PostgresClient::complete(ServerConn& server) const {
  return exchange_.settled() && !in_group_ && !send_again_ && frame_left_ == 0 &&
         !exchange_.copying_in() && server.out().empty();
}

// The client has left in the middle. What it asked is cancelled and drained; a connection that can't be
// brought to rest in time is closed.
Result<void> PostgresClient::abandon(ServerConn& server) {
  front_.metrics().aborted.add();
  out_.clear();
  const Deadline deadline = deadline_after(worker_.loop->now(), kAbandonTimeout);
  if (frame_left_ > 0 || exchange_.copying_in() || !server.out().empty()) {
    server.give_up({Code::connection_lost, 0, "its client left in the middle of a message"});
    return std::unexpected(server.last_error());
  }
  if (in_group_) {
    append_sync(server.out());
    exchange_.expect({.kind = Await::sync});
    in_group_ = false;
    server.flush();
  }
  server.resume();
  if (!exchange_.settled() && server.usable()) server.cancel(deadline);
  while (!exchange_.settled() && server.usable() && worker_.loop->now() < deadline)
    net::park(deadline);
  if (!exchange_.settled()) {
    server.give_up({Code::timed_out, 0, "its client left and the server didn't stop in time"});
    return std::unexpected(server.last_error());
  }
  return {};
}

void PostgresClient::flush_replies() {
  if (gone_ && !polite_) {
    out_.clear();
    return;
  }
  const std::size_t before = out_.size();
  const bool was_full = !has_room();
  auto flushed = stream_->flush(out_);
  front_.metrics().bytes_sent.add(before - out_.size());
  if (route_) route_->counts.sent.fetch_add(before - out_.size(), std::memory_order_relaxed);
  if (!flushed) {
    gone_ = true;
    polite_ = false;
    out_.clear();
  }
  out_.release();
  if (ServerConn* server = conn(); server && was_full && has_room()) server->resume();
}

// --- told by the server's connection, on its own time ----------------------------------------------------

void PostgresClient::on_progress() {
  if (!out_.empty()) flush_replies();
  if (!fiber_) {
    if (gone_ && !closed_) on_ready();
    return;
  }
  ServerConn* server = conn();
  if (exchange_.settled() || gone_ || (server && (!server->usable() || !server->out_full())))
    net::wake(*fiber_);
}

void PostgresClient::on_lost(const Error& error) {
  // What never left us may be sent again whatever it does.
  if (seat && fate_ == Fate::none && !exchange_.passed() &&
      (repeatable_ || exchange_.first_byte() >= conn()->written())) {
    fate_ = Fate::again;
    exchange_.take_back_runs();
  }
  if (relaying_) {
    net::wake(*fiber_);
    return;
  }
  // Between requests, with a connection of its own: the session is lost with it.
  ServerConn* server = conn();
  if (server && !server->fatal()) append_error(out_, report_of(error, "FATAL"));
  closing_ = true;
  on_ready();
}

void PostgresClient::on_ready(char status) {
  ++boundaries_seen_;
  if (exchange_.settled()) {
    in_group_ = false;
    boundaries_seen_ = boundaries_sent_;
  }
  if (status == 'I') {
    front_.metrics().transactions.add();
    route_->counts.transactions.fetch_add(1, std::memory_order_relaxed);
  }
  if (!pending_.empty() && conn()) commit_settings(*conn());
  // The timeout is for each request, not for a pipeline of them.
  if (relaying_ && timer_.armed())
    arm(deadline_after(worker_.loop->now(), options_->query_timeout));
  if (status != 'I') return;
  portal_runs_.close_suspended();
  error_seen_ = rolled_back_ = false;
  // What was parsed while the change wasn't committed yet is of the old schema.
  if (std::exchange(schema_changes_, false))
    route_->schema->fetch_add(1, std::memory_order_relaxed);
}

void PostgresClient::on_error(const ErrorFields&) {
  front_.metrics().errors.add();
  error_seen_ = true;
  if (pins_) recheck_pins_ = true;
  if (conn()) conn()->unnamed = {};  // a failed Parse leaves none
}

bool PostgresClient::on_stale_plan(const StatementRef& statement, bool unseen) {
  worker_.statements.supersede(*statement);
  worker_.popular.forget(*statement);
  if (seat) {
    if (!unseen || !repeatable_) return false;
    stale_ = statement;
    fate_ = Fate::again;
    return true;
  }
  if (!unseen || !keep_group_ || in_group_ || send_again_) return false;
  stale_ = statement;
  send_again_ = true;
  return true;
}

void PostgresClient::tell(std::string_view name, std::string_view value) {
  append_parameter_status(out_, name, value);
}

}  // namespace sluice::postgres
