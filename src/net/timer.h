// Timers: a coarse hierarchical wheel. Arming and disarming are a few pointer writes, so each
// request may have its deadline; a timer fires up to one tick late and never early. One thread.
//
// Seven levels of 64 slots hold every point in time that 64 bits of nanoseconds can name; a bit a
// slot tells which ones are used, so advancing costs by the timers that move, not by the time that
// passed. The level is the highest group of six bits in which the timer's tick differs from now
// (as in tokio's wheel), so slots never wrap around.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "sluice/time.h"

namespace sluice::net {

class Timers;

// A place in a circular list; a timer is in one list at most.
struct TimerLink {
  TimerLink *next = this, *prev = this;
};

// Intrusive: lives in its owner, disarms itself when destroyed.
class Timer : TimerLink {
 public:
  // `fire` may set, clear or destroy other timers and set this one again, but not destroy it.
  explicit Timer(std::function<void()> fire) : fire_(std::move(fire)) {}
  ~Timer() { clear(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Arms it, or moves it if it is armed. kNever disarms.
  void set(Timers& timers, Deadline at);
  void clear();
  bool armed() const { return timers_ != nullptr; }

 private:
  friend class Timers;
  Timers* timers_ = nullptr;
  std::uint64_t tick_ = 0;  // fires once this tick has begun
  std::uint16_t slot_ = 0;  // level * 64 + slot, or Timers::kLoose
  std::function<void()> fire_;
};

class Timers {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(4);

  Timers() = default;
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Fires all that is due, in the order of their ticks. Timers may arm and disarm others while
  // firing; what is armed for the past in there fires at the next call.
  void expire(Time now);
  // How long nothing fires: for epoll_wait. Duration::max() when none is armed. May be shorter than
  // it could be (a far timer moves down a level), never longer.
  Duration until_next(Time now) const;

 private:
  friend class Timer;
  static constexpr unsigned kBits = 6, kSlots = 1u << kBits, kLevels = 7;
  static constexpr std::uint16_t kLoose = 0xffff;  // in due_ or firing_

  struct Next {
    unsigned level, slot;
    std::uint64_t tick;  // when the slot begins
  };
  void insert(Timer& timer);
  void remove(Timer& timer);
  bool next_slot(Next& next) const;
  void gather(std::uint64_t until, TimerLink& firing);

  std::uint64_t tick_ = 0;                     // begun last
  std::array<std::uint64_t, kLevels> used_{};  // a bit for each slot that holds a timer
  std::array<TimerLink, kLevels * kSlots> slots_;
  TimerLink due_;  // armed for a tick that has begun already
};

}  // namespace sluice::net
