// Event: one waiter, one signal. Parks the fiber when the caller runs on one, blocks the thread
// otherwise, so a stage that waits (pool, flight) serves the gateway and a plain program alike.
#pragma once

#include <atomic>
#include <memory>

#include "sluice/time.h"

namespace sluice {

// How the current thread of control sleeps. The fiber scheduler installs one for each fiber that it
// runs; where none is installed a condition variable is used.
class Parker {
 public:
  virtual ~Parker() = default;
  // Returns after unpark() or at the deadline; may return early. Only the parked party calls it.
  virtual void park(Deadline deadline) = 0;
  // Thread-safe. An unpark before park() makes that park() return at once.
  virtual void unpark() = 0;
};

// The parker of the calling fiber or thread. Shared, because a late unpark() may outlive the fiber.
std::shared_ptr<Parker> current_parker();
// Called by the fiber scheduler at each switch; null restores the thread's own.
void set_current_parker(const std::shared_ptr<Parker>* parker);

// One shot. The waiter constructs it and waits; anybody signals, from any thread, at most once
// each, and nobody touches it after the waiter has seen the signal (the signaller takes its own
// reference to the parker first). Thread-safe.
class Event {
 public:
  Event() : parker_(current_parker()) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // True when signalled, false when the deadline passed first.
  bool wait(Deadline deadline);
  void signal();
  bool signalled() const { return signalled_.load(std::memory_order_acquire); }

 private:
  std::shared_ptr<Parker> parker_;
  std::atomic<bool> signalled_ = false;
};

}  // namespace sluice
