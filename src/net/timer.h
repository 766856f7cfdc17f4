// Timers: a coarse hierarchical wheel. Arming and disarming are a few pointer writes, so each
// request may have its deadline; a timer fires up to one tick late and never early. One thread.
#pragma once

#include <cstdint>
#include <functional>

#include "sluice/time.h"

namespace sluice::net {

class Timers;

// Intrusive: lives in its owner, disarms itself when destroyed.
class Timer {
 public:
  explicit Timer(std::function<void()> fire) : fire_(std::move(fire)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Arms it, or moves it if it is armed. kNever disarms.
  void set(Timers& timers, Deadline at);
  void clear();
  bool armed() const { return timers_ != nullptr; }

 private:
  friend class Timers;
  Timer *next_ = nullptr, *prev_ = nullptr;
  Timers* timers_ = nullptr;
  Deadline at_{};
  std::uint32_t slot_ = 0;
  std::function<void()> fire_;
};

class Timers {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(4);

  Timers();
  ~Timers();
  // Fires all that is due. Timers may arm and disarm others, themselves included, while firing.
  void expire(Time now);
  // How long nothing fires: for epoll_wait. Duration::max() when none is armed.
  Duration until_next(Time now) const;

 private:
  friend class Timer;
  struct Wheel;
  Wheel* wheel_;
};

}  // namespace sluice::net
