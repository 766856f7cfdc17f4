// The thread pool for plain programs: a queue, a condition, and threads that were started once.
#include "sluice/executor.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice {

struct ThreadPool::Parts {
  std::size_t room = 0;
  std::mutex mutex;
  std::condition_variable more;
  std::deque<std::function<void()>> waiting;  // guarded by mutex, as stopping is
  bool stopping = false;
  std::vector<std::jthread> threads;

  void serve() {
    for (;;) {
      std::unique_lock lock(mutex);
      more.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (stopping) return;
      const std::function<void()> task = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      task();
    }
  }
};

ThreadPool::ThreadPool(ThreadPoolOptions options) : parts_(std::make_unique<Parts>()) {
  parts_->room = options.queue;
  for (unsigned i = 0; i < std::max(1u, options.threads); ++i)
    parts_->threads.emplace_back([parts = parts_.get()] { parts->serve(); });
}

ThreadPool::~ThreadPool() {
  std::deque<std::function<void()>> dropped;
  {
    std::lock_guard lock(parts_->mutex);
    parts_->stopping = true;
    dropped.swap(parts_->waiting);
  }
  parts_->more.notify_all();
  dropped.clear();  // without the lock: a task's destructor may ask for another, which is refused
  parts_->threads.clear();
}

bool ThreadPool::run(std::function<void()> task) {
  {
    std::lock_guard lock(parts_->mutex);
    if (parts_->stopping || parts_->waiting.size() >= parts_->room) return false;
    parts_->waiting.push_back(std::move(task));
  }
  parts_->more.notify_one();
  return true;
}

}  // namespace sluice
