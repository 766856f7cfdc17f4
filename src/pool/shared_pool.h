// SharedPool: the pool that PoolCore::make gives.
//
// One mutex guards everything and is held for a few pointer operations: no connecting, validating,
// moving or closing happens under it, nor is anybody woken. What has to follow its release is
// collected in a Section: the waiters to signal and the connections to destroy.
//
// One rule makes the queue fair and wake-ups safe: whoever frees anything (a connection, a place
// under max, a login permit) calls serve() before it lets go of the lock, and serve() answers the
// head of the queue as long as there is anything to give. So while somebody waits nothing is free,
// and a newcomer who finds the queue empty takes what there is without asking further.
//
// shared_pool.cc is the walk of one lease; turn.cc the queue and who gets what; upkeep.cc what an
// operator and a timer do.
#pragma once

#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "pool/login_state.h"
#include "pool/slot.h"
#include "pool/wait_queue.h"
#include "sluice/pool.h"

namespace sluice {

class SharedPool final : public PoolCore {
 public:
  SharedPool(PoolOptions options, Connect connect);

  Result<PoolLease> acquire(const AcquireOptions& options) override;
  bool waited_for() const override { return queue_.occupied(); }
  bool cancel(std::uint64_t tag) override;
  void clear() override;
  void pause() override;
  void resume() override;
  bool drained() const override;
  void close() override;
  unsigned maintain(unsigned home, Time now) override;
  bool evict_idle() override;
  void set_options(const PoolOptions& options) override;
  PoolStats stats(Time now) const override;
  void each(const std::function<void(const View&)>& visit) const override;

 private:
  using Slot = PoolLease::Slot;
  using State = Slot::State;

  // The lock, and what is done after its release. leave() may take it again to bury what it closed.
  class Section {
   public:
    explicit Section(SharedPool& pool) : pool_(pool), lock_(pool.mutex_) {}
    ~Section() {
      if (lock_.owns_lock()) leave();
    }
    void enter() { lock_.lock(); }
    void leave() {
      if (called_ || closing_) return finish();
      lock_.unlock();
    }
    // Runs f without the lock.
    template <class F>
    void outside(F&& f) {
      lock_.unlock();
      f();
      lock_.lock();
    }
    // Signals the waiter after the release. REQUIRES: waiter.called was false.
    void call(Waiter& waiter);
    // Destroys the connection after the release. REQUIRES: the caller owns the slot: in no list.
    void close(Slot& slot);

   private:
    void finish();

    SharedPool& pool_;
    std::unique_lock<std::mutex> lock_;
    Waiter* called_ = nullptr;  // in the order of their tickets
    Waiter** called_end_ = &called_;
    Slot* closing_ = nullptr;
  };

  static PoolOptions sane(PoolOptions options);
  void give_back(Slot* slot, bool discard) override;
  bool recalls(const Slot& slot) const override;

  // The walk of an acquire. With the lock: pick... and the queue. `false` means: try again.
  Slot* pick_preferred(const AcquireOptions& options, Time now);
  Slot* pick_idle(Section& section, unsigned home, Time now);
  Slot* pick(Section& section, unsigned home, Time now);
  Result<Slot*> wait_turn(Section& section, Waiter& waiter, const AcquireOptions& options);
  Error give_up(Section& section, Waiter& waiter, Time now);
  // Without the lock; with it again when they answer false.
  Result<bool> check_out(Section& section, Slot& slot, const AcquireOptions& options);
  Result<bool> open(Section& section, Slot& slot, const AcquireOptions& options);
  Result<bool> login_failed(Section& section, Slot& slot, Error error, Deadline deadline);
  Result<std::unique_ptr<Poolable>> connect(unsigned home, Deadline deadline) const;
  static bool made_ready(Slot& slot, const AcquireOptions& options);

  // All below with the lock.
  void serve(Section& section);
  void answer(Section& section, Waiter& waiter, Slot* slot, Time now);
  void note_wait(const Waiter& waiter, Time now);
  bool may_go(std::uint64_t ticket) const {
    return !paused_ && !closed_ && (queue_.empty() || queue_.front()->ticket > ticket);
  }
  bool may_connect(Time now) const;
  // Nothing is open or opening and the login can't be tried yet: fail with what the server said.
  bool hopeless(Time now) const { return slots_.empty() && logins_.backing_off(now); }
  // When time alone allows another login; kNever when it waits for an event or for nothing.
  Time next_try(Time now) const;

  Slot& reserve(unsigned home);
  void welcome(Slot& slot, std::unique_ptr<Poolable> connection, Time now);
  void take(Slot& slot, Time now);
  void put(Slot& slot, Time now);
  void unlist(Slot& slot);
  void erase(Slot& slot);
  void bury(Section& section, Slot& slot);
  Slot* longest_idle() const;
  void close_all_idle(Section& section);
  void close_aged(Section& section, unsigned home, Time now);
  void count_leaks(Time now);
  bool open_idle(Section& section, unsigned home, Time now);

  const Connect connect_;
  mutable std::mutex mutex_;
  PoolOptions options_;
  std::unordered_map<std::uint64_t, Slot> slots_;  // by id; a slot never moves
  std::vector<IdleList> idle_;                     // by home
  WaitQueue queue_;
  LoginState logins_;
  PoolStats counts_;  // idle, leased, connecting and the counters; total and waiting are sizes
  std::uint64_t last_id_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t idle_order_ = 0;
  Random random_;
  bool paused_ = false;
  bool closed_ = false;
};

}  // namespace sluice
