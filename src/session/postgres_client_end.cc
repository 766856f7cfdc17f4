// How it ends: timeouts, cancels, drains, and what has to be tidied when a client leaves.
#include <sys/socket.h>

#include "base/secret.h"
#include "session/postgres_client.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

constexpr Duration kRollbackTimeout = std::chrono::seconds(5);

ErrorReport fatal(std::string_view state, std::string message) {
  return {.severity = "FATAL", .sqlstate = std::string(state), .message = std::move(message)};
}

}  // namespace

void PostgresClient::say_goodbye(const ErrorReport& report) {
  if (closing_) return;
  append_error(out_, report);
  closing_ = true;
}

void PostgresClient::arm(Deadline at) { timer_.set(worker_.loop->timers(), at); }

void PostgresClient::on_timer() {
  if (closed_ || closing_) return;
  if (waiting_) return tell_of_wait();
  if (relaying_) {
    front_.metrics().timeouts.add();
    return cancel_running();
  }
  if (idle_ == Idle::none || fiber_) return;
  front_.metrics().timeouts.add();
  say_goodbye(idle_ == Idle::in_transaction
                  ? fatal(sqlstate::kIdleInTransaction,
                          "terminating connection due to idle-in-transaction timeout")
                  : fatal(sqlstate::kIdleSessionTimeout,
                          "terminating connection due to idle-session timeout"));
  on_ready();
}

void PostgresClient::cancel(std::string_view secret) {
  if (!constant_time_equal(secret, key_.secret)) return;
  front_.metrics().cancels.add();
  cancel_running();
}

// It waits long for a connection: say so once, while the request goes on waiting.
void PostgresClient::tell_of_wait() {
  append_notice(out_, {.severity = "NOTICE",
                       .sqlstate = std::string(sqlstate::kSuccess),
                       .message = "waiting for a server connection",
                       .hint = "all connections of the pool are in use"});
  flush_replies();
}

// On a fiber of its own: the one that relays goes on relaying.
void PostgresClient::cancel_running() {
  ServerConn* server = conn();
  if (waiting_) return front_.walk().cancel_wait(*this);
  if (!relaying_ || !server || exchange_.settled() || asking_cancel_) return;
  if (seat) return cancel_shared(*server);
  asking_cancel_ = true;
  worker_.loop->spawn([server, client = id, &worker = worker_, timeout = options_->cancel_timeout] {
    server->cancel(deadline_after(worker.loop->now(), timeout));
    if (auto still = worker.clients.find(client); still != worker.clients.end())
      still->second->asking_cancel_ = false;
  });
}

void PostgresClient::drain(bool at_once) {
  if (closed_ || closing_) return;
  draining_ = true;
  if (!logged_in_) {
    if (at_once)
      ::shutdown(stream_->fd(), SHUT_RDWR);  // its fiber waits for the client's next word
    return;
  }
  if (at_once && waiting_) front_.walk().cancel_wait(*this);
  ServerConn* server = conn();
  const bool busy = fiber_ || (server && server->status() != 'I');
  if (busy && !at_once) return;
  say_goodbye(
      fatal(sqlstate::kAdminShutdown, "terminating connection due to administrator command"));
  on_ready();
}

// The fiber's last act: the connection goes back or is closed, then the client is no more.
void PostgresClient::finish() {
  closed_ = true;
  fiber_ = net::current_fiber();
  timer_.clear();
  release_lease();
  if (!gone_ && !out_.empty())
    (void)stream_->write(out_.view(), deadline_after(now(), std::chrono::seconds(1)));
  stream_->set_handler(nullptr);
  if (!gone_) stream_->close_gracefully(deadline_after(now(), std::chrono::seconds(1)));
  fiber_ = nullptr;
  worker_.loop->post([&worker = worker_, client = id] { worker.clients.erase(client); });
}

void PostgresClient::release_lease() {
  ServerConn* server = conn();
  if (!server) return;
  if (server->usable() && exchange_.settled() && server->status() != 'I') {
    front_.metrics().aborted.add();
    (void)server->run("ROLLBACK", deadline_after(worker_.loop->now(), kRollbackTimeout));
  }
  if (!server->settle(*this)) lease.discard();
  lease.give_back();
}

PostgresClient::Snapshot PostgresClient::snapshot() const {
  Snapshot s;
  s.id = id;
  s.user = user_;
  s.database = database_;
  if (const Setting* name = wants ? wants->find("application_name") : nullptr)
    s.application = name->value;
  s.tls = stream_->tls_description();
  s.peer = stream_->peer();
  s.local = stream_->local();
  s.active = static_cast<bool>(lease);
  s.waiting = waiting_;
  s.pins = pins_;
  s.connected_at = connected_at_;
  s.request_at = request_at_;
  s.pid = key_.pid;
  s.statements = statements_.size();
  if (waiting_) s.waited = worker_.loop->now() - wait_began_;
  if (const ServerConn* server = conn()) {
    s.in_transaction = server->status() != 'I';
    s.server = std::to_string(server->facts().key.pid) + "@" + server->facts().endpoint.text();
  }
  return s;
}

}  // namespace sluice::postgres
