// RunDelay: how long the calling thread waits for a processor each time it could run.
//
// Near nothing while processors are idle, milliseconds when everybody wants them. Linux counts it
// (/proc/thread-self/schedstat: nanoseconds run, nanoseconds waited, times run; Documentation/scheduler/
// sched-stats.rst); where it doesn't the delay is always zero. One thread.
#pragma once

#include <string_view>

#include "sluice/time.h"

namespace sluice::net {

class RunDelay {
 public:
  static constexpr Duration kEvery = std::chrono::milliseconds(100);

  RunDelay() = default;
  ~RunDelay();
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;

  // Reads the kernel's counts if the last reading is older than kEvery.
  void update(Time now) {
    if (now - read_at_ >= kEvery) read(now);
  }
  // What the kernel says by now, as its file has it.
  void take(std::string_view schedstat);
  // Mean over the last second or so.
  Duration mean() const { return mean_; }

 private:
  void read(Time now);

  int fd_ = -2;  // -2: not opened yet, -1: the kernel doesn't say
  Time read_at_{};
  unsigned long long waited_ = 0, times_ = 0;  // when it last said enough
  Duration mean_{};
};

}  // namespace sluice::net
