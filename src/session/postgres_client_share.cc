// A request on a connection that it shares with other clients' requests: sent as a whole, answered in its
// turn. It may end without that: taken back to be sent again elsewhere, cancelled without the server's
// help, left behind.
#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {

using session::Request;

namespace {

constexpr std::size_t kMaxShared = 16 * 1024;  // bytes of a request, kept until it is answered

}  // namespace

// What the walk can't see: nothing of this client is on a connection, and all of the request is here.
bool PostgresClient::may_share(const query::Analysis& analysis) const {
  // Its clients ask for currval(): who may have touched a sequence keeps a connection.
  if (analysis.uses_sequence && route_->keep_sequences.load(std::memory_order_relaxed))
    return false;
  if (!renames() || pins_ != 0 || own_names_ || !pending_.empty() || in_group_ ||
      !exchange_.settled() || frame_left_ > 0 || draining_ || closing_)
    return false;
  const auto head = head_of(in_.view());
  if (!head || !*head) return false;
  if ((*head)->type == frontend::kQuery) return (*head)->frame_size() <= kMaxShared;
  return whole_group();
}

// [Parse of the unnamed statement] Bind [Describe] Execute Sync, and nothing else.
bool PostgresClient::whole_group() const {
  static constexpr std::string_view kOrder = "PBDES";
  std::string_view rest = in_.view().substr(0, kMaxShared);
  std::size_t at = 0;
  bool parsed = false, bound = false, executed = false;
  for (;;) {
    auto next = next_frame(rest);
    if (!next || !*next) return false;
    const Frame& frame = **next;
    const std::size_t place = kOrder.find(frame.type);
    if (place == std::string_view::npos || place < at) return false;
    at = place + 1;
    if (frame.type == frontend::kParse) {
      auto parse = read_parse(frame.payload);
      if (!parse || !parse->name.empty()) return false;
      parsed = true;
    } else if (frame.type == frontend::kBind) {
      auto bind = read_bind(frame.payload);
      if (!bind || (bind->statement.empty() ? !parsed && !unnamed_.valid
                                            : parsed || !statements_.find(bind->statement)))
        return false;
      bound = true;
    } else if (frame.type == frontend::kDescribe) {
      auto describe = read_describe(frame.payload);
      if (!describe || describe->kind != 'P') return false;
    } else if (frame.type == frontend::kExecute) {
      executed = bound;
    } else {
      return frame.payload.empty() && executed;
    }
    rest.remove_prefix(frame.bytes.size());
  }
}

// What beside the text says what a statement does.
std::uint64_t PostgresClient::context() {
  if (!route_) return 0;
  return hash64(parse_settings(), schema_epoch());
}

Result<void> PostgresClient::converse_shared(ServerConn& server, Ask& request) {
  if (server.out_full()) server.flush();
  if (server.out_full() || !server.usable()) {
    request.again = true;
    request.began = false;
    return fail(Code::unavailable, "no room in the line");
  }
  begin_relay(request);
  fate_ = Fate::none;
  as_form_ = form_failed_ = left_behind_ = false;
  repeatable_ = request.repeatable;
  exchange_.take_bytes();
  exchange_.served = Duration(-1);
  server.join(exchange_);
  forward(server, request);
  if (in_group_) {  // a message that doesn't hold together has ended the client; the line goes on
    append_sync(server.out());
    exchange_.expect({.kind = Await::sync, .ours = true});
    in_group_ = false;
  }
  server.flush_later();
  while (!exchange_.settled() && fate_ == Fate::none && server.usable()) {
    if ((gone_ && !polite_) || closing_) {
      fate_ = Fate::left;
      break;
    }
    if (in_.size() < 64 * 1024 && read_more()) continue;
    net::park();
  }
  relaying_ = false;
  if (timer_.armed()) timer_.clear();
  if (!exchange_.settled()) leave_line(server);
  return end_shared(server, request);
}

void PostgresClient::leave_line(ServerConn& server) {
  server.orphan(exchange_);
  left_behind_ = true;
}

Result<void> PostgresClient::end_shared(ServerConn& server, Ask& request) {
  in_group_ = false;
  request.left_behind = left_behind_;
  switch (fate_) {
    case Fate::held_up:
    case Fate::again:
      request.ending = fate_ == Fate::held_up ? Request::Ending::held_up : Request::Ending::refused;
      repeat_group(request);
      if (request.is_simple()) request.run = std::move(kept_run_);
      request.again = request.repeated = true;
      if (form_failed_) give_up_form(request);
      request.sent = request.began = false;
      begin_wait();
      return fail(Code::unavailable, "to be sent again");
    case Fate::left:
      front_.metrics().aborted.add();
      return fail(Code::connection_lost, "its client left");
    case Fate::told: request.ending = Request::Ending::cancelled; return {};
    case Fate::none: break;
  }
  if (exchange_.served < Duration::zero()) {  // the connection is lost
    request.told = server.fatal() && exchange_.passed();  // who stood first has read it
    return std::unexpected(server.last_error());
  }
  request.took = exchange_.served;
  request.reply_bytes = exchange_.take_bytes();
  note_popular(request);
  if (!out_.empty()) flush_replies();
  return {};
}

// The client wants to be rid of it. Where nothing of it can be left behind nobody has to be asked.
void PostgresClient::cancel_shared(ServerConn& server) {
  if (fate_ != Fate::none) return;
  if (!repeatable_) {
    asking_cancel_ = true;
    return server.cancel_alone(exchange_,
                               deadline_after(worker_.loop->now(), options_->cancel_timeout));
  }
  if (server.torn(exchange_)) return;  // its answer is just coming
  fate_ = Fate::told;
  leave_line(server);
  append_error(out_, {.sqlstate = std::string(sqlstate::kQueryCanceled),
                      .message = "canceling statement due to user request"});
  append_ready_for_query(out_, 'I');
  front_.metrics().errors.add();
  net::wake(*fiber_);
}

// The server refuses it, but not for anything that the client did: it is taken back.
bool PostgresClient::on_refused(const ErrorFields& error) {
  if (!seat || fate_ != Fate::none) return false;
  if (as_form_ && !error.fatal()) {  // what the text itself does is what the client is to see
    form_failed_ = true;
    fate_ = Fate::again;
    return true;
  }
  // Neither has run: what is cancelled is undone. So a write may be sent again too.
  const bool neighbours =
      (error.sqlstate == sqlstate::kQueryCanceled && conn()->had_cancel() && !asking_cancel_) ||
      error.sqlstate == sqlstate::kUndefinedPreparedStatement;
  if (!neighbours && !(repeatable_ && error.fatal())) return false;
  fate_ = Fate::again;
  return true;
}

void PostgresClient::on_taken_back(query::RunRef run) {
  if (fate_ == Fate::told)
    run->finish({.at = present(), .sqlstate = sqlstate::kQueryCanceled});
  else if ((fate_ == Fate::again || fate_ == Fate::held_up) && !kept_run_)
    kept_run_ = std::move(run);
}

// Who stands in front doesn't get on.
bool PostgresClient::on_held_up() {
  if (!repeatable_ || fate_ != Fate::none || exchange_.passed()) return false;
  fate_ = Fate::held_up;
  leave_line(*conn());
  net::wake(*fiber_);
  return true;
}

}  // namespace sluice::postgres
