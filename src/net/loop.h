// Loop: one thread's epoll, its timers, its fibers and its mailbox.
//
// A turn: wait for events, run what is ready, run what was posted, expire timers, run the end-of-turn
// hooks (writes gathered in the turn leave there). One thread runs a loop; post() and stop() are the
// only members that other threads may call. Sockets are registered once, edge-triggered, so a
// request costs no epoll_ctl (docs/decisions/ says why this isn't Asio).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "net/timer.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::net {

class FiberPool;

// What the loop calls when the kernel says that a descriptor became readable or writable.
class Pollable {
 public:
  virtual ~Pollable() = default;
  // epoll's event bits. Never called after Loop::remove() returned on the loop's own thread.
  virtual void on_events(std::uint32_t events) = 0;
};

// A hook that runs once at the end of the turn in which it was scheduled (again: once).
class TurnHook {
 public:
  virtual ~TurnHook() = default;
  virtual void on_turn_end() = 0;

 private:
  friend class Loop;
  bool scheduled_ = false;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs turns until stop(). Installs itself as the calling thread's current().
  void run();
  void stop();                                // thread-safe
  void post(std::function<void()> task);      // thread-safe; runs in a later turn, not on a fiber
  void spawn(std::function<void()> body);     // runs body on a fiber, in this turn; loop thread only
  Time now() const { return now_; }           // read once a turn
  Timers& timers() { return timers_; }
  static Loop* current();                     // the loop that this thread runs, or null

  // Registers fd for all events, edge-triggered. The same Pollable once only.
  Result<void> add(int fd, Pollable& target);
  // Level-triggered readable with EPOLLEXCLUSIVE, for listeners shared between workers.
  Result<void> add_listener(int fd, Pollable& target);
  // After it, pending events of this turn don't reach target any more.
  void remove(int fd, Pollable& target);

  void at_turn_end(TurnHook& hook);           // loop thread only
  void cancel(TurnHook& hook);                // before the hook dies

  // Seconds this thread spent outside epoll_wait, and the longest turn since the last call.
  struct Lag {
    Duration busy{};
    Duration longest_turn{};
  };
  Lag lag();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  Timers timers_;
  Time now_{};
};

}  // namespace sluice::net
