// WorkerLock: a lock that its worker takes for each statement and that others want now and then.
//
// Taking it costs one exchange and giving it back a store. Who finds it held waits by yielding: the worker
// holds it for some hundred nanoseconds, readers for tens of microseconds (workload.cc).
#pragma once

#include <atomic>
#include <thread>

namespace sluice::query {

class WorkerLock {
 public:
  void lock() {
    while (held_.exchange(true, std::memory_order_acquire)) wait();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  [[gnu::noinline]] void wait() const {
    constexpr int kLooks = 64;
    for (int i = 0; held_.load(std::memory_order_relaxed); ++i)
      if (i >= kLooks) std::this_thread::yield();
  }

  std::atomic<bool> held_ = false;
};

}  // namespace sluice::query
