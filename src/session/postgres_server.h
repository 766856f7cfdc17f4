// A connection to a PostgreSQL server, logged in: the upstream side of the protocol.
//
// It reads by itself, whenever something arrives, and hands each reply to the exchange that waits for
// it: the first of its exchanges that still expects something. A lease that is exclusive attaches
// one exchange for as long as it lasts; a slot in a pipeline would attach one for each request, in the
// order in which they are sent. Idle, it takes in what the server says on its own account and notices
// when it is gone. Lives on one worker at a time; move_to() brings it to another.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "net/fiber.h"
#include "net/stream.h"
#include "session/postgres_exchange.h"
#include "session/postgres_settings.h"
#include "session/session.h"
#include "wire/postgres/frame.h"
#include "wire/postgres/startup.h"

namespace sluice::postgres {

// What a server reported at login, one object for all connections that were told the same.
class Baselines {
 public:
  using Ref = std::shared_ptr<const Reported>;
  Ref intern(Reported reported);  // thread-safe
  Ref newest() const;             // null before the first login

 private:
  mutable std::mutex mutex_;
  Ref newest_;
};

// The client's side as a server connection sees it.
class Peer : public session::Client {
 public:
  Settings::Ref wants;  // its settings
  Baselines::Ref told;  // the parameters that it was sent at login
  // Sends it a parameter that changed on the server without its doing.
  virtual void tell(std::string_view name, std::string_view value) = 0;
  // Left something on the connection that has to be wiped before anybody else gets it.
  virtual bool leaves_traces() const = 0;
};

struct ServerOptions {
  unsigned max_prepared = 200;  // statements kept on the connection
  std::string reset_query =
      "DISCARD ALL";  // before another client gets it, if this one left traces
  Duration reset_timeout = std::chrono::seconds(5);
  net::StreamOptions stream;
};

// What a connection is made from.
struct ServerFacts {
  net::Endpoint endpoint;
  std::string user, database;
  CancelKey key;
  std::shared_ptr<Baselines> baselines;
  Baselines::Ref baseline;
};

class ServerConn final : public session::UpstreamConn, net::Stream::Handler, net::TurnHook {
 public:
  using Loops = std::vector<net::Loop*>;  // by home

  ServerConn(std::unique_ptr<net::Stream> stream, ServerFacts facts, ServerOptions options,
             const Loops& loops);
  ~ServerConn() override;

  // --- Poolable, UpstreamConn ------------------------------------------------------------------------
  bool usable() const override { return !dead_.load(std::memory_order_acquire); }
  Result<void> validate(Deadline deadline) override;
  Result<void> move_to(unsigned home, Deadline deadline) override;
  Result<void> adopt(session::Client& client) override;
  bool held() const override;
  bool settle(session::Client& client) override;

  void share(bool on) override;
  bool suits(const session::Client& client) const override;
  void introduce(session::Client& client) override;
  std::optional<Time> busy_since() const override;
  void rescue() override;
  void end_orphans() override;
  bool at_rest() const override;

  // --- shared ----------------------------------------------------------------------------------------
  bool shared() const { return shared_; }
  // At the end of the line; what it expects is appended to out() next and leaves with the loop's turn. It
  // stands there until it is settled, orphaned or the connection lost.
  void join(Exchange& exchange);
  void flush_later();
  std::uint64_t written() const { return written_; }  // bytes, since it is open
  // Its client doesn't wait for the answer any more.
  void orphan(Exchange& exchange);
  // Part of an answer to it has come, and the rest of that message hasn't.
  bool torn(const Exchange& exchange) const;
  // A cancel for it, as soon as it is its turn; neighbours who can are sent away for that.
  void cancel_alone(Exchange& exchange, Deadline deadline);
  // Some cancel went out since it is shared: it may have hit anybody.
  bool had_cancel() const { return had_cancel_; }

  // --- exchanges -------------------------------------------------------------------------------------
  void attach(Exchange& exchange);
  void detach(Exchange& exchange);
  Buffer& out() { return out_; }  // requests are appended here, then flushed
  void flush();                   // as much as the socket takes; on_progress() tells of more
  bool out_full() const { return out_.size() >= kHighWater; }
  void resume();  // the owner has room again
  char status() const { return status_; }
  ServerStatements& statements() { return statements_; }
  // Whose unnamed statement is parsed here: a client's id and its count of such parses, or zeros.
  struct Unnamed {
    std::uint64_t client = 0, count = 0;
    bool operator==(const Unnamed&) const = default;
  };
  Unnamed unnamed;

  // A simple query on our own account, on the calling fiber. An ErrorResponse is an Error with the
  // server's SQLSTATE; the connection goes on. REQUIRES: nothing is unanswered.
  struct Rows {
    std::vector<std::vector<std::optional<std::string>>> rows;
  };
  Result<Rows> run(std::string_view sql, Deadline deadline);

  // Whether all of them, as SQL would name them here, are tables whose reading does nothing else: no views,
  // no row security, not foreign. On the calling fiber. REQUIRES: nothing is unanswered.
  bool plain_tables(std::span<const std::string> relations);
  // Asks the server to cancel what runs, on a connection of its own, on the calling fiber. Until it
  // returns settle() doesn't let go of this connection, so no later owner is hit.
  void cancel(Deadline deadline);

  const ServerFacts& facts() const { return facts_; }
  // What it was told at login counts among these from now on.
  void share(std::shared_ptr<Baselines> baselines);
  const Settings::Ref& has() const { return has_; }
  void now_has(Settings::Ref settings) { has_ = std::move(settings); }
  bool encrypted() const { return stream_->encrypted(); }
  std::string tls_description() const { return stream_->tls_description(); }
  net::Stream& stream() { return *stream_; }
  // Why it died, or the error that it sent on its own account.
  const Error& last_error() const { return last_error_; }
  // The server said FATAL: its client has been told and the end of file follows.
  bool fatal() const { return fatal_; }
  void give_up(Error error);  // never back to the pool

  static constexpr std::size_t kHighWater = 256 * 1024;  // bytes queued before the sender waits
  static constexpr std::size_t kOneGo = 1024 * 1024;     // then others have their turn
  static constexpr std::size_t kMaxWhole =
      64 * 1024 * 1024;  // of a frame that has to be seen whole

 private:
  class Query;  // an exchange of our own
  class Nobody;
  void on_ready() override;
  void on_turn_end() override { flush(); }
  void pump();
  bool read_replies();
  void pump_later();
  std::size_t route(std::string_view bytes);
  void on_idle_frame(const Frame& frame);
  void note_parameter(std::string_view name, std::string_view value, bool idle);
  Exchange* current();
  Exchange* listener();
  void lose(Error error);
  void step_out(Exchange& exchange);
  void tell_those_done();
  void try_cancel();
  void send_cancel(Deadline deadline);
  bool is_orphan(const Exchange& exchange) const;
  void part();
  void wait_for_cancels();
  Result<void> wipe();

  std::unique_ptr<net::Stream> stream_;
  ServerFacts facts_;
  ServerOptions options_;
  const Loops& loops_;
  Buffer in_, out_;
  std::uint64_t written_ = 0;
  std::vector<Exchange*> exchanges_;
  ServerStatements statements_;
  Settings::Ref has_;
  std::size_t partial_ = 0;      // bytes of a frame that are still to come ...
  bool partial_passes_ = false;  // ... and go on to the client
  char status_ = 'I';
  bool fatal_ = false, pumping_ = false;
  std::size_t pumped_ = 0;  // bytes in this go
  std::shared_ptr<ServerConn*>
      later_;             // set while the rest is posted; its target is null once we are gone
  unsigned cancels_ = 0;  // cancel requests under way
  net::Fiber* cancel_waiter_ = nullptr;
  // Shared only.
  bool shared_ = false, had_cancel_ = false;
  Time turn_began_{};  // of the first in line
  std::vector<std::unique_ptr<Exchange>> orphans_;
  std::vector<Exchange*> done_;  // settled in this go, to be told
  Exchange* cancel_for_ = nullptr;
  Deadline cancel_by_{};
  std::atomic<bool> dead_ = false;
  Error last_error_;
};

}  // namespace sluice::postgres
