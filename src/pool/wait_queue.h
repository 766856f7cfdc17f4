// WaitQueue: who waits for a connection, in the order of their asking.
//
// A waiter stands on the stack of its acquire(). Whoever frees something answers the head under the
// pool's lock (a connection, a reservation to open one, or an error), takes it out of the queue and
// signals it afterwards. A ticket, drawn at the beginning of acquire(), keeps its place when a
// connection that it got turns out to be dead and it has to queue again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "pool/slot.h"
#include "sluice/event.h"

namespace sluice {

struct Waiter {
  std::uint64_t ticket = 0;
  std::uint64_t tag = 0;  // AcquireOptions::tag
  unsigned home = 0;
  bool counted = false;  // in PoolStats::waited

  std::optional<Event> event;
  // Once called, the event is signalled or about to be; without slot and error: look again.
  bool called = false;
  PoolLease::Slot* slot = nullptr;
  std::optional<Error> error;

  Time since{};    // in the queue
  Time wake_at{};  // when it wakes by itself: its deadline, or when a login may be tried again
  Waiter* earlier = nullptr;
  Waiter* later = nullptr;
  Waiter* next_called = nullptr;

  // REQUIRES: the pool's lock, and that a call was seen by the waiter.
  void arm(Time wake) {
    if (!event || called) event.emplace();
    called = false;
    wake_at = wake;
  }
};

// Under the pool's lock, but for occupied().
class WaitQueue {
 public:
  Waiter* front() const { return front_; }
  bool empty() const { return !front_; }
  std::size_t size() const { return size_; }
  bool occupied() const { return occupied_.load(std::memory_order_relaxed); }

  // Newcomers have the highest ticket and go to the end; who returns goes before all later tickets.
  void insert(Waiter& waiter) {
    Waiter* before = back_;
    if (front_ && front_->ticket > waiter.ticket) before = nullptr;
    while (before && before->ticket > waiter.ticket) before = before->earlier;
    waiter.earlier = before;
    waiter.later = before ? before->later : front_;
    (waiter.later ? waiter.later->earlier : back_) = &waiter;
    (before ? before->later : front_) = &waiter;
    ++size_;
    occupied_.store(true, std::memory_order_relaxed);
  }
  // REQUIRES: waiter is in the queue.
  void remove(Waiter& waiter) {
    (waiter.earlier ? waiter.earlier->later : front_) = waiter.later;
    (waiter.later ? waiter.later->earlier : back_) = waiter.earlier;
    waiter.earlier = waiter.later = nullptr;
    if (--size_ == 0) occupied_.store(false, std::memory_order_relaxed);
  }

 private:
  Waiter* front_ = nullptr;
  Waiter* back_ = nullptr;
  std::size_t size_ = 0;
  std::atomic<bool> occupied_ = false;
};

}  // namespace sluice
