// A client's messages on their way to its server, one by one; _prepare has what becomes of statements.
#include <algorithm>

#include "session/postgres_client.h"
#include "session/postgres_client_ask.h"
#include "session/postgres_error.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

// Requests that may ride along on a lease before it has to go back to whoever waits for it.
constexpr unsigned kMaxAlong = 64;
// Of a group of messages that may have to be sent again, after the plan of its statement went stale.
constexpr std::size_t kMaxKept = 16 * 1024;

ErrorReport malformed() {
  return {.sqlstate = std::string(sqlstate::kProtocolViolation),
          .message = "invalid message format"};
}

}  // namespace

void PostgresClient::forward(ServerConn& server, Ask& request) {
  need_more_ = false;
  while (!server.out_full() && server.usable() && !closing_) {
    const Step step = forward_one(server, request);
    if (step == Step::sent) continue;
    need_more_ = step == Step::need_more;
    return;
  }
}

PostgresClient::Step PostgresClient::forward_one(ServerConn& server, Ask& request) {
  if (frame_left_ > 0) {
    const std::size_t n = std::min(frame_left_, in_.size());
    if (n == 0) return Step::need_more;
    server.out().append(in_.view().substr(0, n));
    in_.consume(n);
    frame_left_ -= n;
    return Step::sent;
  }
  auto head = head_of(in_.view());
  if (!head) {
    violation(head.error().detail);
    return Step::stop;
  }
  if (!*head) return Step::need_more;
  const char type = (*head)->type;
  if (!frontend::known(type)) {
    violation(std::string("invalid frontend message type ") +
              std::to_string(static_cast<unsigned char>(type)));
    return Step::stop;
  }
  // A boundary: what follows belongs to another request, which may ride along.
  const bool boundary = !request.first && !in_group_ && !exchange_.copying_in();
  if (boundary &&
      (type == frontend::kTerminate || draining_ || seat || request.requests > kMaxAlong)) {
    if (type == frontend::kTerminate) gone_ = polite_ = true;
    return Step::stop;
  }
  // Nor may it build on a statement whose Parse may yet turn out to have been skipped.
  if (boundary && renames() && exchange_.parsing()) return Step::stop;
  if (type == frontend::kCopyData) return forward_data(server, **head);
  const auto frame = frame_behind(**head, in_.view());
  if (!frame) return Step::need_more;
  const std::size_t size = frame->bytes.size();
  if (boundary) {
    arrived_ = present();
    waited_ = {};
  }
  if (boundary || request.first) {
    ++request.requests;
    keep_group_ = seat || ((type == frontend::kBind || type == frontend::kParse) && renames() && server.status() == 'I' &&
                           exchange_.settled());
    group_.clear();
  }
  if (keep_group_ && group_.size() + size <= kMaxKept)
    group_.append(frame->bytes);
  else
    keep_group_ = false;
  request.sent = true;
  switch (type) {
    case frontend::kQuery:
      if (!forward_query(server, *frame, request)) return Step::stop;
      break;
    case frontend::kParse:
      if (!forward_parse(server, *frame, request)) return Step::stop;
      break;
    case frontend::kBind: forward_bind(server, *frame); break;
    case frontend::kDescribe: forward_describe(server, *frame); break;
    case frontend::kClose: forward_close(server, *frame); break;
    case frontend::kSync: forward_sync(server, *frame); break;
    case frontend::kExecute: forward_execute(server, *frame); break;
    case frontend::kFunctionCall:
      exchange_.expect({.kind = Await::function});
      server.out().append(frame->bytes);
      ++boundaries_sent_;
      break;
    case frontend::kFlush: forward_flush(server, *frame); break;
    case frontend::kCopyDone:
    case frontend::kCopyFail:
      server.out().append(frame->bytes);
      exchange_.copy_ended();
      break;
    case frontend::kTerminate: gone_ = true; return Step::stop;
    default:
      violation(std::string("invalid frontend message type '") + type + "'");
      return Step::stop;
  }
  request.first = false;
  in_.consume(size);
  return Step::sent;
}

// Copied data goes on in pieces, whatever the size of its frames.
PostgresClient::Step PostgresClient::forward_data(ServerConn& server, const Head& head) {
  const std::size_t n = std::min(head.frame_size(), in_.size());
  server.out().append(in_.view().substr(0, n));
  in_.consume(n);
  frame_left_ = head.frame_size() - n;
  return Step::sent;
}

// The first statement has been through the walk; those that ride along take its first two stages here.
// `text` is the statement where it will stay; the walk may have seen it in the input.
std::optional<query::Known> PostgresClient::examine(std::string_view text, Ask& request) {
  if (!request.first || !request.analysis || request.repeated) {
    auto followed = front_.walk().follow(*this, text);
    if (!followed) return std::nullopt;
    return query::keep(std::move(*followed), text, text);
  }
  request.known.analysis = *request.analysis;
  return query::keep(std::move(request.known), request.statement, text);
}

// False: it isn't admitted and waits for its own walk, which will say so.
bool PostgresClient::forward_query(ServerConn& server, const Frame& frame, Ask& request) {
  auto query = read_query(frame.payload);
  if (!query) {
    violation(query.error().detail);
    return false;
  }
  query::RunRef run = std::move(request.run);
  auto known = examine(query->text, request);
  if (!known) return false;
  const query::Analysis* analysis = &known->analysis;
  // A statement that was prepared by the protocol isn't known by that name to any server.
  if (renames() && exchange_.settled() && server.status() != 'E' &&
      forget_statement(analysis->deallocates)) {
    Buffer reply;
    append_command_complete(reply, "DEALLOCATE");
    owe_boundary(server, reply);
    return true;
  }
  if (sequence_lost(*analysis)) {
    refuse_in_group(server, sequence_report());
    append_sync(server.out());
    exchange_.expect({.kind = Await::sync});
    ++boundaries_sent_;
    in_group_ = false;
    return true;
  }
  if (analysis->pinned_by(query::PinCause::sql_prepare) && renames()) name_statements(server);
  if (!run) run = watch(*known, query->text);
  if (request.form && !request.plain && seat && repeatable_) {
    forward_form(server, request, std::move(run));
    return true;
  }
  request.prepared = false;
  exchange_.expect({.kind = Await::query, .run = std::move(run)});
  apply(*analysis, server);
  ++boundaries_sent_;
  server.out().append(frame.bytes);
  return true;
}

// Answers a simple query ourselves, in its turn.
void PostgresClient::owe_boundary(ServerConn& server, Buffer& reply) {
  append_ready_for_query(reply, server.status());
  exchange_.owe(std::string(reply.view()));
}

void PostgresClient::forward_bind(ServerConn& server, const Frame& frame) {
  in_group_ = true;
  auto bind = read_bind(frame.payload);
  if (!bind) return refuse_in_group(server, report_of(bind.error()));
  if (!renames()) {
    portal_runs_.put(bind->portal, watch_named(*bind));
    exchange_.expect({.kind = Await::bind});
    server.out().append(frame.bytes);
    return;
  }
  const query::Analysis* analysis = nullptr;
  if (bind->statement.empty() && unnamed_.valid && unnamed_.statement) {
    const StatementRef statement = unnamed_as_now();
    if (sequence_lost(unnamed_.known.analysis)) return refuse_in_group(server, sequence_report());
    ensure_parsed(server, statement);
    portal_runs_.put(bind->portal, watch_unnamed(*bind));
    append_bind(server.out(), bind->portal, statement->server_name, bind->rest);
    apply(unnamed_.known.analysis, server);
    exchange_.expect({.kind = Await::bind, .fresh = true, .statement = statement});
    return;
  }
  if (bind->statement.empty()) {
    if (!ensure_unnamed(server))
      return refuse_in_group(server,
                             {.sqlstate = std::string(sqlstate::kUndefinedPreparedStatement),
                              .message = "unnamed prepared statement does not exist"});
    analysis = &unnamed_.known.analysis;
    if (sequence_lost(*analysis)) return refuse_in_group(server, sequence_report());
    portal_runs_.put(bind->portal, watch_unnamed(*bind));
    server.out().append(frame.bytes);
  } else {
    const StatementRef* known = statements_.find(bind->statement);
    if (!known) return refuse_unknown(server, bind->statement);
    const StatementRef statement = as_now(bind->statement, *known);
    analysis = &statement->known.analysis;
    if (sequence_lost(*analysis)) return refuse_in_group(server, sequence_report());
    ensure_parsed(server, statement);
    portal_runs_.put(bind->portal, watch(*statement, *bind));
    append_bind(server.out(), bind->portal, statement->server_name, bind->rest);
    apply(*analysis, server);
    exchange_.expect({.kind = Await::bind, .statement = statement});
    return;
  }
  apply(*analysis, server);
  exchange_.expect({.kind = Await::bind});
}

void PostgresClient::forward_execute(ServerConn& server, const Frame& frame) {
  in_group_ = true;
  server.out().append(frame.bytes);
  const auto execute = read_execute(frame.payload);
  Awaited awaited{.kind = Await::execute};
  if (execute && (awaited.run = portal_runs_.take(execute->portal))) awaited.name = execute->portal;
  exchange_.expect(std::move(awaited));
}

void PostgresClient::forward_describe(ServerConn& server, const Frame& frame) {
  in_group_ = true;
  auto describe = read_describe(frame.payload);
  if (!describe) return refuse_in_group(server, report_of(describe.error()));
  if (describe->kind == 'S' && renames()) {
    if (describe->name.empty() && unnamed_.valid && unnamed_.statement) {
      const StatementRef statement = unnamed_as_now();
      ensure_parsed(server, statement);
      append_describe(server.out(), 'S', statement->server_name);
      exchange_.expect({.kind = Await::describe, .statement = statement});
      return;
    }
    if (describe->name.empty()) {
      if (!ensure_unnamed(server)) return refuse_unknown(server, {});
    } else {
      const StatementRef* known = statements_.find(describe->name);
      if (!known) return refuse_unknown(server, describe->name);
      const StatementRef statement = as_now(describe->name, *known);
      ensure_parsed(server, statement);
      append_describe(server.out(), 'S', statement->server_name);
      exchange_.expect({.kind = Await::describe, .statement = statement});
      return;
    }
  }
  exchange_.expect({.kind = Await::describe});
  server.out().append(frame.bytes);
}

void PostgresClient::forward_close(ServerConn& server, const Frame& frame) {
  in_group_ = true;
  auto close = read_close(frame.payload);
  if (!close) return refuse_in_group(server, report_of(close.error()));
  if (close->kind == 'S' && renames()) {
    // The server's copy may serve others; the client's name is gone.
    const StatementRef* known = statements_.find(close->name);
    const StatementRef closed = known ? *known : nullptr;
    if (close->name.empty()) unnamed_.valid = false;
    statements_.erase(close->name);
    Buffer reply;
    append_close_complete(reply);
    exchange_.owe(std::string(reply.view()), std::string(close->name), closed);
    return;
  }
  if (close->kind == 'S') statements_.erase(close->name);
  exchange_.expect({.kind = Await::close});
  server.out().append(frame.bytes);
}

void PostgresClient::forward_sync(ServerConn& server, const Frame& frame) {
  if (!frame.payload.empty()) refuse_in_group(server, malformed());
  append_sync(server.out());
  if (exchange_.ignores_sync()) return;
  exchange_.expect({.kind = Await::sync});
  ++boundaries_sent_;
  in_group_ = false;
}

// To the server a Flush that doesn't hold together is an error like any other, up to the next Sync.
void PostgresClient::forward_flush(ServerConn& server, const Frame& frame) {
  if (!frame.payload.empty() && !exchange_.copying_in())
    return refuse_in_group(server, malformed());
  append_flush(server.out());
}

// An error of ours inside a group has to fail the group at the server too, or its earlier statements
// would be committed by the Sync. So the server is made to fail here, and our words replace its own.
void PostgresClient::refuse_in_group(ServerConn& server, const ErrorReport& report) {
  in_group_ = true;
  Buffer reply;
  append_error(reply, report);
  append_execute(server.out(), "sluice refused a message");
  exchange_.expect({.kind = Await::refused, .reply = std::string(reply.view())});
}

void PostgresClient::refuse_unknown(ServerConn& server, std::string_view name) {
  refuse_in_group(server, {.sqlstate = std::string(sqlstate::kUndefinedPreparedStatement),
                           .message = name.empty() ? "unnamed prepared statement does not exist"
                                                   : "prepared statement \"" + std::string(name) +
                                                         "\" does not exist"});
}

}  // namespace sluice::postgres
