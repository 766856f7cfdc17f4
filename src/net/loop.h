// Loop: one thread's epoll, its timers, its fibers and its mailbox.
//
// A turn: wait for events, run what is ready, run what was posted, expire timers, run the
// end-of-turn hooks (writes gathered in the turn leave there). One thread runs a loop; post(),
// stop() and lag() are the only members that other threads may call. Sockets are registered once,
// edge-triggered, so a request costs no epoll_ctl (docs/decisions/0001-own-epoll-loop.md says why
// this isn't Asio).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "net/run_delay.h"
#include "net/timer.h"
#include "sluice/result.h"
#include "sluice/time.h"

struct epoll_event;

namespace sluice::net {

class FiberPool;
class Mailbox;

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

struct LoopOptions {
  std::size_t stack_size = 64 * 1024;  // of a fiber, without its guard page
  std::size_t spare_stacks = 128;      // kept for reuse; more are given back to the system
  Duration spin{};                     // polls that long before it sleeps; 0: sleeps at once
};

class Loop {
 public:
  // Throws std::system_error when the process is out of descriptors.
  Loop() : Loop(LoopOptions{}) {}
  explicit Loop(const LoopOptions& options);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs turns until stop(). Installs itself as the calling thread's current().
  void run();
  void stop();  // thread-safe; a stop before run() counts
  // Between run() and its return: what is posted will be done. Thread-safe.
  bool running() const { return running_.load(std::memory_order_acquire); }
  void post(std::function<void()> task);   // thread-safe; runs in a later turn, not on a fiber
  void spawn(std::function<void()> body);  // runs body on a fiber, in this turn; loop thread only
  Time now() const { return now_; }        // read once a turn
  Timers& timers() { return timers_; }
  FiberPool& fibers() { return *fibers_; }
  static Loop* current();  // the loop that this thread runs, or null

  // Registers fd for all events, edge-triggered. The same Pollable once only.
  Result<void> add(int fd, Pollable& target);
  // Like add(), but without news of room to write until watch_writing() asks for it: a Unix socket
  // reports room each time its peer reads, a wake-up per request that nobody wants.
  Result<void> add_reader(int fd, Pollable& target);
  Result<void> watch_writing(int fd, Pollable& target, bool on);
  // Level-triggered readable with EPOLLEXCLUSIVE, for listeners shared between workers.
  Result<void> add_listener(int fd, Pollable& target);
  // After it, pending events of this turn don't reach target any more.
  void remove(int fd, Pollable& target);

  void at_turn_end(TurnHook& hook);  // loop thread only
  void cancel(TurnHook& hook);       // before the hook dies

  // Time this thread spent outside epoll_wait, and the longest turn, since the last call.
  struct Lag {
    Duration busy{};
    Duration longest_turn{};
  };
  Lag lag();  // thread-safe
  // What this thread waits for a processor each time it could run, on average of the last second.
  Duration run_delay() const { return run_delay_.mean(); }

 private:
  Result<void> control(int operation, int fd, std::uint32_t events, Pollable* target);
  void turn();
  int wait();
  int poll(Duration patience);
  Duration patience() const;
  void dispatch(int count);
  void run_posted();
  void run_hooks();
  void settle();
  void account(Time end);

  int epoll_;
  const Duration spin_;
  std::atomic<bool> stopped_ = false, running_ = false;
  std::shared_ptr<Mailbox> mailbox_;
  Timers timers_;
  std::unique_ptr<FiberPool> fibers_;
  std::vector<std::function<void()>> tasks_;  // taken from the mailbox, this turn's
  std::unique_ptr<epoll_event[]> events_;
  int next_event_ = 0, event_count_ = 0;          // of this turn's batch
  std::vector<TurnHook*> hooks_, running_hooks_;  // null: cancelled
  Time now_{}, turn_ended_{};
  RunDelay run_delay_;
  std::atomic<std::int64_t> busy_ns_ = 0, longest_turn_ns_ = 0;
};

}  // namespace sluice::net
