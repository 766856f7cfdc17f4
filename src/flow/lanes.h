// Lanes: connections that several clients' requests share, one behind the other. One worker, one pool.
//
// A lane is a lease that isn't one client's: requests that may share take a seat, are sent at the end of
// the loop's turn together with their neighbours, and leave when they are answered. A lane that nobody
// sits in goes back to the pool at the end of the turn, so a lone request pays for a lease as ever, and
// who needs a connection to himself finds one. How many lanes there are follows from how many requests
// are under way and how deep DepthControl lets them stand.
//
// A lane closes to newcomers when its head doesn't answer for some milliseconds, when somebody waits for
// the pool, or when it has been held for a while (so that a pause, a reload or old age reach it too).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "net/fiber.h"
#include "net/loop.h"
#include "session/session.h"
#include "sluice/batch/sharing.h"
#include "sluice/pool.h"
#include "sluice/query/facts.h"

namespace sluice::flow {

struct LaneOptions {
  batch::Sharing sharing = batch::Sharing::reads;
  batch::Expectation::Bounds bounds;
};

class Lanes final : public std::enable_shared_from_this<Lanes>, net::TurnHook {
 public:
  static constexpr Duration kStall = std::chrono::milliseconds(4);  // of a head, before it is one
  static constexpr Duration kShift =
      std::chrono::milliseconds(5);  // held at least, while others wait for the pool
  static constexpr Duration kHeld = std::chrono::milliseconds(250);  // held at most
  static constexpr unsigned kSeveral = 4;  // connections, of which one may stay a lane ...
  static constexpr Duration kSpare =
      std::chrono::milliseconds(50);  // ... so long without anybody in it
  static constexpr Duration kOrphan = std::chrono::milliseconds(20);  // before it is cancelled
  static constexpr std::size_t kMaxKnown = 8192;                      // statements
  // A machine whose processors are all busy lets everybody wait. What a worker itself waits on average, so
  // many times, is taken off what statements took.
  static constexpr int kDelays = 8;

  struct Lane {
    PoolLease lease;
    session::UpstreamConn* conn = nullptr;
    unsigned seats = 0;
    bool closed = false;     // to newcomers
    bool stalled = false;    // ... because of its head
    bool cancelled = false;  // what nobody waits for any more
    Time opened{}, used{};
  };

  Lanes(std::shared_ptr<PoolCore> pool, unsigned home, LaneOptions options)
      : pool_(std::move(pool)), home_(home), options_(options) {
    figures_.depth = depth_.depth();
  }
  ~Lanes() override;

  // For good, once the pool is closed and no client is left: waits for what still runs for nobody.
  void close(Deadline deadline);

  // Which statement a request is, where its text means the same.
  struct Sign {
    query::Fingerprint fingerprint;
    bool known = false;
  };
  static Sign sign_of(const session::Request& q);
  // Whether the request may share; counted. Before anything of it was sent.
  batch::Alone judge(const session::Client& client, session::Request& q, const Sign& sign);
  // A seat for the client's request, on the calling fiber; may wait. leave() gives it up.
  Result<Lane*> take(session::Client& client, Deadline deadline);
  // `latency`: since the request came.
  void leave(Lane& lane, Duration latency);
  // Ends the client's wait for a seat; false: it doesn't wait here.
  bool cancel(std::uint64_t client);

  // What became of a request and what it took, shared or not.
  void note(const Sign& sign, const session::Request& q, bool shared);
  // Null, or what it reads, to be vouched for by the upstream: once for each statement.
  std::shared_ptr<const std::vector<std::string>> unvouched(const Sign& sign);
  void vouched(const Sign& sign, bool plain);

  // Thread-safe.
  const batch::SharingFigures& figures() const { return figures_; }
  // Whether the statement shares (Alone::no), as it was decided last; nullopt: it didn't come here. By its
  // fingerprint alone, whatever settings it ran under.
  std::optional<batch::Alone> verdict(const query::Fingerprint& of) const;

 private:
  struct Statement {
    batch::Expectation expectation;
    batch::Alone fitness = batch::Alone::unanalysed;  // as far as it is known without measuring
    bool asked = false;                               // for what it reads
    batch::Alone told = batch::Alone::kCount;         // see verdict(); kCount: nothing yet
    std::shared_ptr<const std::vector<std::string>> reads;
  };
  struct Waiter {
    std::uint64_t client;
    net::Fiber* fiber;
    bool called = false, cancelled = false;
  };

  static Duration allowance();
  batch::Alone fit(const session::Client& client, session::Request& q, const Sign& sign);
  batch::Alone fit(Statement& statement, session::Request& q) const;
  Statement& known(const Sign& sign);
  void tell(Statement& statement, const query::Fingerprint& of, batch::Alone why);
  void count(const session::Request& q);
  batch::Alone fitness(const query::Facts& facts, Statement& statement) const;
  Lane* shortest(const session::Client& client);
  std::size_t open_lanes() const;
  Result<Lane*> open(session::Client& client, Deadline deadline, bool queue);
  Lane* sit(Lane& lane);
  Result<void> wait(const session::Client& client, Deadline deadline);
  void call_waiters(std::size_t most);
  void tick();
  bool stays(const Lane& lane, Time now) const;
  bool is_over(const Lane& lane, Time now) const;
  void look_at(Lane& lane, Time now);
  void on_turn_end() override;
  bool release(Lane& lane);
  void keep_alive();

  const std::shared_ptr<PoolCore> pool_;
  const unsigned home_;
  const LaneOptions options_;
  std::unordered_map<query::Fingerprint, Statement> statements_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Waiter*> waiters_;
  unsigned seated_ = 0, opening_ = 0;
  batch::DepthControl depth_;
  net::Timer timer_{[this] { tick(); }};
  std::shared_ptr<Lanes> self_;  // while a lane is open
  batch::SharingFigures figures_;
  mutable std::mutex verdicts_mutex_;
  std::unordered_map<query::Fingerprint, batch::Alone> verdicts_;  // no more than statements_
};

}  // namespace sluice::flow
