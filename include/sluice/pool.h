// Pool: bounded reuse of connections of any type, shared by several threads or workers.
//
//   sluice::Pool<PGconn_ptr> pool({.min = 2, .max = 20}, connect);
//   auto lease = pool.acquire({.deadline = now() + 5s});   // waits its turn
//   if (lease) use(**lease);                               // gives itself back
//
// Semantics follow MongoDB's Connection Monitoring and Pooling specification: a generation that
// clear() raises, a FIFO wait queue, closed for good after close(). The pool does no I/O: it calls
// the functions it was given. It prefers the caller's own idle connections (`home`, a worker's
// number), then takes one that is idle in another home and moves it, then makes a new one below
// `max`, then waits its turn: whoever asked first is served first, nobody overtakes the queue.
//
// While logins fail the pool backs off (0.1 s doubling to 5 s, with jitter): who could wait for a
// connection that exists waits, everybody else gets the server's own last error at once.
// Thread-safe. Reads the clock in acquire() and give_back(); elsewhere `now` is an argument.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice {

struct PoolOptions {
  unsigned min = 0;                                    // kept open by maintain()
  unsigned max = 20;                                   // over all homes, >= 1
  unsigned max_connecting = 4;                         // logins under way at once (maxConnecting)
  unsigned max_waiting = 0;                            // queue bound, 0: none; beyond: exhausted
  Duration idle_timeout = std::chrono::minutes(10);    // idle above min: closed; <= 0: never
  Duration lifetime = std::chrono::hours(1);           // replaced when older, <= 0: never
  double lifetime_jitter = 0.1;                        // each connection's own lifetime: -10 %..0
  Duration validate_after = std::chrono::seconds(30);  // idle as long: validated first; < 0: never
  Duration leak_after = std::chrono::seconds(0);       // a longer lease is counted; <= 0: never
};

// What the pool holds. A connection belongs to one home at a time. Destroying it closes it: on the
// thread that found it too old, not under the pool's lock, before another is opened in its place.
class Poolable {
 public:
  virtual ~Poolable() = default;
  // Cheap and without I/O: false once the peer hung up or anything was left half done. Called on
  // its own home, by maintain() under the pool's lock.
  virtual bool usable() const { return true; }
  // A round trip that proves it answers; may wait. Called at checkout after validate_after idle.
  virtual Result<void> validate(Deadline) { return {}; }
  // Moves it to another worker; called by an acquirer of `home`, may wait. It is idle still.
  virtual Result<void> move_to(unsigned /*home*/, Deadline) { return {}; }
  // Enters and leaves the idle state, called by the thread that gives back or takes (after the move
  // to its home, before validate). A connection made for a lease begins without on_lease.
  virtual void on_idle() {}
  virtual void on_lease() {}
};

struct PoolStats {
  // total also counts those being opened or closed; leased those being validated or moved.
  unsigned total = 0, idle = 0, leased = 0, connecting = 0, waiting = 0;
  std::uint64_t acquired = 0;  // leases given
  std::uint64_t opened = 0;    // connections made
  std::uint64_t closed = 0;
  std::uint64_t moved = 0;      // idle connections handed to another home
  std::uint64_t waited = 0;     // acquires that queued
  std::uint64_t timed_out = 0;  // ... and gave up at their deadline
  std::uint64_t connect_failures = 0;
  std::uint64_t leaks = 0;
  Duration wait_total{}, wait_longest{};
  std::uint64_t generation = 0;
  Duration oldest_wait{};  // of those who wait now
};

struct AcquireOptions {
  Deadline deadline = kNever;
  unsigned home = 0;
  std::uint64_t prefer = 0;  // a connection's id: taken if it is idle and nobody used it since
  std::uint64_t prefer_uses = kAnyUses;  // that lease's uses(): the "since"; kAnyUses: whoever did
  static constexpr std::uint64_t kAnyUses = ~std::uint64_t{0};
  std::uint64_t tag = 0;  // the caller's own word for it, for PoolCore::cancel()
  bool queue = true;      // false: who can't be served at once fails with exhausted
};

class PoolCore;

// What PoolCore::acquire gives: the connection and what the pool knows of it. Moves only; the
// destructor gives back. One thread at a time.
class PoolLease {
 public:
  struct Slot;  // the pool's record of one connection

  PoolLease() = default;
  PoolLease(PoolLease&& other) noexcept;
  PoolLease& operator=(PoolLease&& other) noexcept;
  ~PoolLease() { give_back(); }

  explicit operator bool() const { return slot_ != nullptr; }
  Poolable& get() const;
  // Stable for the connection's life, never 0, unique in its pool.
  std::uint64_t id() const;
  bool fresh() const;  // made for this lease
  // How many leases of the connection came before this one.
  std::uint64_t uses() const;
  // The pool wants it back for its own sake: it is paused or closed, or the connection is too old, cleared
  // or one too many.
  bool recalled() const;
  // Closes the connection instead of giving it back.
  void discard();
  void give_back();

 private:
  friend class PoolCore;
  PoolLease(std::shared_ptr<PoolCore> core, Slot* slot) : core_(std::move(core)), slot_(slot) {}
  std::shared_ptr<PoolCore> core_;
  Slot* slot_ = nullptr;
};

class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  // Makes a connection for `home`, on the calling thread or fiber, until the acquirer's deadline
  // (which may be kNever). exhausted from a server that is full: the pool waits for one of its own
  // instead of failing, if it has any, and asks for no more during 5 s.
  using Connect = std::function<Result<std::unique_ptr<Poolable>>(unsigned home, Deadline)>;

  static std::shared_ptr<PoolCore> make(PoolOptions options, Connect connect);
  virtual ~PoolCore() = default;

  // Errors: timed_out at the deadline, exhausted when the queue is full, unavailable when closed,
  // else the connect function's own (or its last one, while logins fail and nothing is open).
  virtual Result<PoolLease> acquire(const AcquireOptions& options) = 0;
  // Somebody waits for a lease. A hint: read without the lock.
  virtual bool waited_for() const = 0;
  // Ends the wait of the acquire() with this tag, which then fails with cancelled. False: none waits.
  virtual bool cancel(std::uint64_t tag) = 0;

  // Idle ones are closed now, leased ones when they come back. Raises the generation.
  virtual void clear() = 0;
  // No leases until resume(); acquire() waits. pause() returns at once; drained() tells when all
  // are back.
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual bool drained() const = 0;
  // For good: idle ones closed, waiters fail with unavailable.
  virtual void close() = 0;
  // Closes what is idle too long or too old, in `home` also what isn't usable(), and opens
  // connections up to min for `home`.
  // Call it every second or so, on a thread or fiber that may wait. Returns how many it opened.
  // Leases held beyond leak_after are counted here.
  virtual unsigned maintain(unsigned home, Time now) = 0;
  // Closes one idle connection, the longest idle first; false if none is idle.
  virtual bool evict_idle() = 0;
  // In effect at once, but a connection keeps the lifetime it was born with.
  virtual void set_options(const PoolOptions& options) = 0;
  virtual PoolStats stats(Time now) const = 0;
  // Calls `visit` for each connection under the pool's lock: don't call back into the pool.
  struct View {
    std::uint64_t id;
    Poolable* connection;  // null while connecting
    bool leased;
    unsigned home;
    Time created, since;  // since: when it became idle or leased
    std::uint64_t uses;
  };
  virtual void each(const std::function<void(const View&)>& visit) const = 0;

 protected:
  static PoolLease lease_of(std::shared_ptr<PoolCore> core, PoolLease::Slot* slot) {
    return PoolLease(std::move(core), slot);
  }

 private:
  friend class PoolLease;
  virtual void give_back(PoolLease::Slot* slot, bool discard) = 0;
  virtual bool recalls(const PoolLease::Slot& slot) const = 0;
};

// The typed face for programs: T needs no base class.
template <class T>
class Pool {
  struct Held final : Poolable {
    explicit Held(T v, std::function<bool(T&)>* check) : value(std::move(v)), check_(check) {}
    Result<void> validate(Deadline) override {
      if (*check_ && !(*check_)(value)) return fail(Code::connection_lost, "validation failed");
      return {};
    }
    T value;
    std::function<bool(T&)>* check_;
  };

 public:
  class Lease {
   public:
    explicit Lease(PoolLease lease) : lease_(std::move(lease)) {}
    T& operator*() const { return static_cast<Held&>(lease_.get()).value; }
    T* operator->() const { return &**this; }
    void discard() { lease_.discard(); }

   private:
    PoolLease lease_;
  };

  // `validate` answers whether a long idle connection still works; empty: always.
  Pool(PoolOptions options, std::function<Result<T>(Deadline)> connect,
       std::function<bool(T&)> validate = {})
      : check_(std::make_unique<std::function<bool(T&)>>(std::move(validate))),
        core_(PoolCore::make(options, typed(std::move(connect), check_.get()))) {}
  ~Pool() { core_->close(); }

  Result<Lease> acquire(const AcquireOptions& options = {}) {
    auto lease = core_->acquire(options);
    if (!lease) return std::unexpected(lease.error());
    return Lease(std::move(*lease));
  }
  PoolCore& core() { return *core_; }

 private:
  static PoolCore::Connect typed(std::function<Result<T>(Deadline)> connect,
                                 std::function<bool(T&)>* check) {
    return [connect = std::move(connect), check](
               unsigned, Deadline deadline) -> Result<std::unique_ptr<Poolable>> {
      Result<T> made = connect(deadline);
      if (!made) return std::unexpected(std::move(made.error()));
      return std::make_unique<Held>(std::move(*made), check);
    };
  }

  std::unique_ptr<std::function<bool(T&)>> check_;
  std::shared_ptr<PoolCore> core_;
};

}  // namespace sluice
