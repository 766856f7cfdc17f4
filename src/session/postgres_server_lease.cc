// A server connection changes hands: settings for the next client, traces of the last one wiped,
// cancels waited for, moves between workers; and the queries that all this takes.
#include "net/fiber.h"
#include "session/postgres_error.h"
#include "session/postgres_server.h"
#include "sluice/event.h"
#include "wire/postgres/frontend.h"

namespace sluice::postgres {

// One simple query whose answer is ours.
class ServerConn::Query final : public ReplyOwner {
 public:
  Query() : exchange(*this, true), fiber_(net::current_fiber()) {
    exchange.expect({.kind = Await::query});
  }

  Buffer& replies() override { return none_; }
  bool has_room() const override { return true; }
  void on_parameter(std::string_view, std::string_view) override {}
  void on_command(std::string_view) override {}
  void on_error(const ErrorFields& error) override {
    if (!failure) failure = error_of(error);
  }
  void on_copy_in() override {
    failure = Error{Code::internal, 0, "a query of ours started a COPY"};
  }
  void on_ready(char) override { done = true; }
  void on_unparsed(const Awaited&) override {}
  void on_progress() override {
    if (done) net::wake(*fiber_);
  }
  void on_lost(const Error& error) override {
    failure = error;
    done = true;
    net::wake(*fiber_);
  }
  void on_row(std::string_view payload) override {
    auto row = read_data_row(payload);
    if (!row) return;
    auto& kept = rows.rows.emplace_back();
    for (std::optional<std::string_view> value : *row)
      kept.push_back(value ? std::optional<std::string>(*value) : std::nullopt);
  }

  Exchange exchange;
  Rows rows;
  std::optional<Error> failure;
  bool done = false;

 private:
  Buffer none_;
  net::Fiber* fiber_;
};

Result<ServerConn::Rows> ServerConn::run(std::string_view sql, Deadline deadline) {
  if (dead_) return std::unexpected(last_error_);
  Query query;
  attach(query.exchange);
  append_query(out_, sql);
  flush();
  while (!query.done && !dead_ && net::Loop::current()->now() < deadline) net::park(deadline);
  detach(query.exchange);
  if (!query.done && !dead_)
    give_up({Code::timed_out, 0, "server " + facts_.endpoint.text() + " didn't answer in time"});
  if (query.failure) return std::unexpected(std::move(*query.failure));
  if (dead_) return std::unexpected(last_error_);
  return std::move(query.rows);
}

Result<void> ServerConn::validate(Deadline deadline) {
  deadline = std::min(deadline, deadline_after(now(), options_.reset_timeout));
  auto answer = run(";", deadline);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<void> ServerConn::move_to(unsigned home, Deadline) {
  net::Loop& from = stream_->loop();
  net::Loop& to = *loops_.at(home);
  if (&from == &to) return {};
  Event let_go;
  from.post([this, &let_go] {
    stream_->set_handler(nullptr);
    stream_->detach();
    let_go.signal();
  });
  let_go.wait(kNever);  // a loop always gets to its mailbox
  if (auto attached = stream_->attach(to); !attached) {
    give_up(attached.error());
    return attached;
  }
  stream_->set_handler(this);
  pump();  // what came in between
  if (dead_) return std::unexpected(last_error_);
  return {};
}

Result<void> ServerConn::adopt(session::Client& client) {
  Peer& peer = static_cast<Peer&>(client);
  if (!Settings::same(has_, peer.wants)) {
    const std::string sql = replay_sql(has_, peer.wants);
    auto done = run(sql, deadline_after(now(), options_.reset_timeout));
    if (!done) return std::unexpected(done.error());
  }
  has_ = peer.wants;  // the same object: the next comparison is one of pointers
  introduce(peer);
  return {};
}

void ServerConn::introduce(session::Client& client) {
  Peer& peer = static_cast<Peer&>(client);
  if (peer.told == facts_.baseline || !peer.told) return;
  for (const auto& [name, value] : *facts_.baseline) {
    auto old = peer.told->find(name);
    if (old != peer.told->end() && old->second == value) continue;
    if (!peer.wants || !peer.wants->find(lower(name))) peer.tell(name, value);
  }
  peer.told = facts_.baseline;
}

bool ServerConn::held() const {
  if (status_ != 'I' || partial_ > 0) return true;
  for (const Exchange* exchange : exchanges_)
    if (!exchange->settled()) return true;
  return false;
}

bool ServerConn::settle(session::Client& client) {
  bool unanswered = held();
  for (Exchange* exchange : exchanges_) unanswered |= !exchange->let_go();
  exchanges_.clear();
  if (cancels_ > 0) wait_for_cancels();
  while (later_) net::yield();
  if (unanswered || dead_ || fatal_ || held() || !out_.empty() || !in_.empty()) return false;
  if (!static_cast<Peer&>(client).leaves_traces()) return true;
  return wipe().has_value();
}

Result<void> ServerConn::wipe() {
  if (!options_.reset_query.empty()) {
    auto done = run(options_.reset_query, deadline_after(now(), options_.reset_timeout));
    if (!done) {
      give_up(done.error());
      return std::unexpected(done.error());
    }
  }
  statements_.clear();
  unnamed = {};
  has_ = nullptr;
  return {};
}

void ServerConn::wait_for_cancels() {
  cancel_waiter_ = net::current_fiber();
  while (cancels_ > 0) net::park();
  cancel_waiter_ = nullptr;
}

void ServerConn::cancel(Deadline deadline) {
  ++cancels_;
  auto carry = [&]() -> Result<void> {
    auto stream = net::Stream::connect(stream_->loop(), facts_.endpoint, deadline);
    if (!stream) return std::unexpected(stream.error());
    Buffer bytes;
    append_cancel_request(bytes, facts_.key);
    if (auto sent = (*stream)->write(bytes.view(), deadline); !sent) return sent;
    // The server closes after it has sent the signal: only then nobody else can be hit by it.
    Buffer nothing;
    auto end = (*stream)->read(nothing, deadline);
    if (!end && end.error().code == Code::timed_out) return end;
    return {};
  };
  if (auto carried = carry(); !carried && carried.error().code == Code::timed_out)
    give_up({Code::timed_out, 0, "a cancel request was not taken in time"});
  if (--cancels_ == 0 && cancel_waiter_) net::wake(*cancel_waiter_);
}

}  // namespace sluice::postgres
