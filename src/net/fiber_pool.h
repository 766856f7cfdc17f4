// FiberPool: one loop's fibers: who is ready to run, and the stacks that wait for reuse.
//
// Only loop.cc and fiber.cc know this header; everybody else sees net/fiber.h. Loop thread only,
// but for FiberParker::unpark().
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "net/fiber.h"
#include "net/fiber_stack.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/timer.h"

namespace sluice::net {

// How a fiber sleeps on an Event. Outlives its fiber as long as somebody may still unpark it; a
// late unpark wakes nobody, or the next fiber on that stack, once too often (park() may return
// early).
class FiberParker final : public Parker, public std::enable_shared_from_this<FiberParker> {
 public:
  FiberParker(Fiber& fiber, Loop& loop, std::shared_ptr<Mailbox> mailbox)
      : fiber_(&fiber), loop_(&loop), mailbox_(std::move(mailbox)) {}
  void park(Deadline deadline) override;
  void unpark() override;

 private:
  friend class Fiber;
  void deliver();

  Fiber* fiber_;            // null once it is gone; loop thread only
  const Loop* const loop_;  // compared with the calling thread's, never followed
  std::shared_ptr<Mailbox> mailbox_;
  std::atomic<bool> posted_ = false;  // an unpark is on its way
};

class FiberPool {
 public:
  FiberPool(Loop& loop, std::shared_ptr<Mailbox> mailbox, const LoopOptions& options);
  ~FiberPool();

  void start(std::function<void()> body);  // runs in the next run_ready()
  // Runs what is ready, what becomes ready meanwhile included, up to a bound that keeps fibers
  // which wake each other from starving the sockets.
  void run_ready();
  bool has_ready() const {
    return ready_first_ || !yielded_.empty() || (!bodies_.empty() && !full_);
  }
  FiberCounts counts() const { return {running_ + bodies_.size(), fibers_.size()}; }

 private:
  friend class Fiber;
  friend void park(Deadline deadline);
  friend void yield();
  friend void wake(Fiber& fiber);
  void push_ready(Fiber& fiber);
  Fiber* pop_ready();
  Fiber* fiber_for_next_body();
  void resume(Fiber& fiber);
  void recycle(Fiber& fiber);

  Loop& loop_;
  std::shared_ptr<Mailbox> mailbox_;
  const std::size_t stack_size_, max_spare_;
  StackSwitch loop_side_;
  Fiber *ready_first_ = nullptr, *ready_last_ = nullptr;
  std::vector<Fiber*> yielded_;               // run after the next look at the sockets
  std::deque<std::function<void()>> bodies_;  // get a stack when they first run
  bool full_ = false;  // no memory for one more stack: bodies wait for a spare
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> spare_;
  std::size_t running_ = 0;
};

class Fiber {
 public:
  explicit Fiber(FiberPool& pool);
  ~Fiber();

 private:
  friend class FiberPool;
  friend class FiberParker;
  friend void park(Deadline deadline);
  friend void yield();
  friend void wake(Fiber& fiber);
  enum class State : unsigned char { idle, ready, running, parked };

  static void entry(boost::context::detail::transfer_t from);
  void leave(State state);  // back to the loop

  FiberPool& pool_;
  FiberStack stack_;
  StackSwitch side_;
  std::function<void()> body_;
  std::shared_ptr<FiberParker> parker_;
  std::shared_ptr<Parker> parker_face_;  // the same, as set_current_parker() takes it
  Timer timer_;
  Fiber* next_ready_ = nullptr;
  std::size_t index_ = 0;  // in pool_.fibers_
  State state_ = State::idle;
  bool woken_ = false;  // wake() came while it ran
};

}  // namespace sluice::net
