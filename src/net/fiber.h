// Fibers: stackful, cooperative, over Boost.Context. Code on a fiber reads like a blocking script.
//
// A fiber lives for a burst of work, not for a connection; stacks (with a guard page below) come
// from the loop's pool and go back. A fiber runs on its loop's thread for all of its life. ASan and
// TSan are told of every switch. Don't park inside a catch block: the C++ runtime keeps one list of
// caught exceptions a thread, not a fiber. An exception that leaves a fiber's body ends the
// program.
#pragma once

#include <cstddef>
#include <memory>

#include "sluice/event.h"
#include "sluice/time.h"

namespace sluice::net {

class Fiber;

// The fiber that runs now, or null outside of one.
Fiber* current_fiber();

// Parks the calling fiber until wake() or the deadline; may return early, so callers loop on their
// own condition. A wake() that came before makes it return at once. REQUIRES: on a fiber.
void park(Deadline deadline = kNever);
// Lets every other ready fiber and event run first.
void yield();
void sleep_until(Deadline at);

// Wakes a parked fiber of the same loop: it runs later in this turn. Loop thread only; from other
// threads use the fiber's Parker (current_parker() on the fiber, sluice/event.h).
void wake(Fiber& fiber);

struct FiberCounts {
  std::size_t running;  // started and not finished
  std::size_t stacks;   // allocated, pooled ones included
};
FiberCounts fiber_counts();  // of the calling thread's loop

}  // namespace sluice::net
