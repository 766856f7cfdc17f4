// What arrives from a client, and when it is a request.
#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"
#include "session/postgres_error.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

constexpr Duration kLongWait =
    std::chrono::seconds(1);                   // for a connection, before a notice says so
constexpr std::size_t kReadAhead = 64 * 1024;  // of requests that wait behind the one under way

bool starts_request(char type) {
  switch (type) {
    case frontend::kQuery:
    case frontend::kParse:
    case frontend::kBind:
    case frontend::kDescribe:
    case frontend::kExecute:
    case frontend::kFunctionCall: return true;
    default: return false;
  }
}

}  // namespace

// Something is to be read, or there is room to write.
void PostgresClient::on_ready() {
  if (closed_) return;
  if (!out_.empty()) {
    flush_replies();
  }
  if (waiting_) return look_for_hangup();
  if (fiber_)
    net::wake(*fiber_);
  else if (!starting_ && (stream_->maybe_readable() || gone_ || closing_)) {
    starting_ = true;
    worker_.loop->spawn([this] { burst(); });
  }
}

// A client that leaves while it waits for a connection doesn't need one any more.
void PostgresClient::look_for_hangup() {
  char byte = 0;
  auto seen = stream_->peek({&byte, 1});
  if (seen ? *seen > 0 : seen.error().code == Code::would_block) return;
  gone_ = true;
  front_.walk().cancel_wait(*this);
}

// Serves all that has arrived; ends when nothing is left to do but wait for the client.
void PostgresClient::burst() {
  fiber_ = net::current_fiber();
  starting_ = false;
  if (last_statement_) {
    if (idle_ == Idle::in_transaction && worker_.recorder)
      worker_.recorder->pause(last_statement_, worker_.loop->now() - idle_since_);
    last_statement_.reset();
  }
  idle_ = Idle::none;
  while (!closing_) {
    if (serve_next()) continue;
    flush_replies();
    if (closing_) break;
    if (gone_ || !read_more()) break;
  }
  if (gone_) closing_ = true;
  if (closing_) return finish();
  in_.release();
  group_.clear();
  group_.release();
  fiber_ = nullptr;
  ServerConn* server = conn();
  const bool open = server && server->status() != 'I';
  idle_ = open ? Idle::in_transaction : Idle::between;
  idle_since_ = worker_.loop->now();
  if (!open) portal_runs_.clear();
  if (draining_ && !open) return drain(true);
  const Duration limit = open ? options_->idle_in_transaction : options_->client_idle;
  if (limit > Duration::zero() || timer_.armed()) arm(deadline_after(worker_.loop->now(), limit));
}

// False: nothing more for now. True: something came, or the client is gone.
bool PostgresClient::read_more() {
  if (gone_ || !stream_->maybe_readable()) return false;
  auto got = stream_->read_some(in_, kReadAhead);
  if (!got) {
    if (got.error().code == Code::would_block) return false;
    gone_ = true;
    return true;
  }
  if (*got == 0) gone_ = true;
  front_.metrics().bytes_received.add(*got);
  if (route_) route_->counts.received.fetch_add(*got, std::memory_order_relaxed);
  return true;
}

// Takes the message at the front of what arrived. REQUIRES: no request is under way.
bool PostgresClient::serve_next() {
  auto head = head_of(in_.view());
  if (!head) {
    violation(head.error().detail);
    return false;
  }
  if (!*head) return false;
  const char type = (*head)->type;
  if (!frontend::known(type)) {
    violation(std::string("invalid frontend message type ") +
              std::to_string(static_cast<unsigned char>(type)));
    return false;
  }
  if (type == frontend::kCopyData) {
    // The tail of a copy that the server has given up: its data is nobody's.
    const std::size_t n = std::min((*head)->frame_size(), in_.size());
    if (n < (*head)->frame_size() && in_.size() < kReadAhead) return false;
  }
  const auto frame = frame_behind(**head, in_.view());
  if (!frame) return false;
  if (console_ && type == frontend::kQuery) {
    run_console(*frame);
    return true;
  }
  if (serve_locally(*frame)) return !closing_;
  ask(*frame);
  return !closing_;
}

// Messages that no server has to see. False: it is a request.
bool PostgresClient::serve_locally(const Frame& frame) {
  const std::size_t size = frame.bytes.size();
  if (frame.type == frontend::kTerminate) {
    gone_ = polite_ = closing_ = true;
    in_.consume(size);
    return true;
  }
  if (frame.type == frontend::kSync) {
    skip_to_sync_ = false;
    append_ready_for_query(out_, conn() ? conn()->status() : 'I');
    in_.consume(size);
    return true;
  }
  if (skip_to_sync_) {
    in_.consume(size);
    return true;
  }
  switch (frame.type) {
    case frontend::kFlush:
    case frontend::kCopyData:
    case frontend::kCopyDone:
    case frontend::kCopyFail: in_.consume(size); return true;
    case frontend::kClose: {
      auto close = read_close(frame.payload);
      if (close && close->kind == 'P' && lease) return false;
      if (close && close->kind == 'S' && !close->name.empty() && !console_ && !renames())
        return false;
      if (!close) {
        violation(close.error().detail);
        return true;
      }
      if (close->kind == 'S' && close->name.empty()) unnamed_.valid = false;
      if (close->kind == 'S') statements_.erase(close->name);
      append_close_complete(out_);
      in_.consume(size);
      return true;
    }
    default: break;
  }
  if (console_) {
    answer_error({Code::invalid_argument, 0, "the console understands simple queries only",
                  std::string(sqlstate::kFeatureNotSupported)},
                 true);
    in_.consume(size);
    return true;
  }
  if (starts_request(frame.type)) return false;
  violation(std::string("invalid frontend message type '") + frame.type + "'");
  return true;
}

// For a connection, until begin_relay(): meanwhile a cancel ends the wait, and so does leaving.
void PostgresClient::begin_wait() {
  waiting_ = true;
  wait_began_ = present();
  arm(deadline_after(wait_began_, kLongWait));
  if (!out_.empty()) flush_replies();  // what is answered doesn't wait with it
}

// One request's walk. The frame is still at the front of in_; exchange() consumes it.
void PostgresClient::ask(const Frame& frame) {
  const Time began = worker_.loop->now();
  const bool extended = frame.type != frontend::kQuery && frame.type != frontend::kFunctionCall;
  Ask request(*this, frame);
  if (!request.valid) {
    // As the server would: the message is wrong, the connection goes on.
    answer_error({Code::protocol_violation, 0, request.problem}, extended);
    in_.consume(frame.bytes.size());
    return;
  }
  request.deadline = deadline_after(began, wait_limit);
  request.context = context();
  kept_run_.reset();
  request_began_ = wait_began_ = arrived_ = began;
  waited_ = {};
  if (!lease) begin_wait();
  auto asked = front_.walk().ask(*this, request);
  waiting_ = false;
  if (!lease) attached_ = false;
  const auto& metrics = front_.metrics();
  const Duration took = now() - began;
  metrics.queries.add(std::max(1u, request.requests));
  route_->counts.requests.fetch_add(std::max(1u, request.requests), std::memory_order_relaxed);
  route_->counts.request_ns.fetch_add(took.count(), std::memory_order_relaxed);
  if (asked) return metrics.query_time.record(took);
  if (closing_ || gone_) {
    closing_ = true;
    return;
  }
  if (request.began) {  // part of the answer may be out: the client can't go on
    closing_ = true;
    if (!request.told) append_error(out_, report_of(asked.error(), "FATAL"));
    return;
  }
  answer_error(asked.error(), extended);
  in_.consume(request.first_size);
}

// ERROR, and the client goes on at the next boundary.
void PostgresClient::answer_error(const Error& error, bool extended) {
  ErrorReport report = report_of(error);
  if (error.code == Code::timed_out && error.state.empty()) {
    report.sqlstate = sqlstate::kTooManyConnections;
    report.message = "no server connection became free in time";
    report.hint = "raise pool.max or pool.wait, or look for transactions that stay open";
  }
  append_error(out_, report);
  if (extended)
    skip_to_sync_ = true;
  else
    append_ready_for_query(out_, conn() ? conn()->status() : 'I');
}

void PostgresClient::violation(std::string detail) {
  say_goodbye({.severity = "FATAL",
               .sqlstate = std::string(sqlstate::kProtocolViolation),
               .message = std::move(detail)});
}

void PostgresClient::run_console(const Frame& frame) {
  auto query = read_query(frame.payload);
  const std::string text(query ? query->text : std::string_view{});
  in_.consume(frame.bytes.size());
  auto reply = front_.console()->run(text, console_admin_);
  if (!reply) {
    append_error(out_, report_of(reply.error()));
    append_ready_for_query(out_, 'I');
    return;
  }
  for (const std::string& notice : reply->notices)
    append_notice(out_, {.severity = "NOTICE", .sqlstate = "00000", .message = notice});
  if (!reply->fields.empty()) {
    std::vector<Column> columns;
    for (const auto& field : reply->fields)
      columns.push_back({.name = field.name,
                         .type = field.type,
                         .type_size = static_cast<std::int16_t>(field.type == 20   ? 8
                                                                : field.type == 23 ? 4
                                                                                   : -1)});
    append_row_description(out_, columns);
    for (const auto& row : reply->rows) {
      std::vector<std::optional<std::string_view>> values(row.begin(), row.end());
      append_data_row(out_, values);
    }
  }
  append_command_complete(out_, reply->tag);
  append_ready_for_query(out_, 'I');
}

}  // namespace sluice::postgres
