// Executor: who runs work that nobody waits for on the spot: a cache's refresh behind a stale answer,
// a load that goes on after its caller's patience ended. The gateway gives fibers, a plain program
// the small thread pool below, a test a list that it runs when it likes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace sluice {

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs the task some time, on any thread, and destroys it then. False: refused, because there is
  // no room or it is stopping; the task is destroyed at once without having run. A task that was
  // taken may also be destroyed without having run when the executor ends. Thread-safe; returns soon.
  virtual bool run(std::function<void()> task) = 0;
};

struct ThreadPoolOptions {
  unsigned threads = 2;     // at least 1
  std::size_t queue = 256;  // tasks that wait for a thread; beyond: refused
};

// So many threads and one queue, first come, first served. Thread-safe. A task that throws ends the
// program, as it would in a std::thread. The destructor drops what waits and waits for what runs.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(ThreadPoolOptions options = {});
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  bool run(std::function<void()> task) override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sluice
