// Waiting for one signal, and how a plain thread sleeps: a mutex and a condition variable of its own.
//
// A fiber's scheduler installs a parker at each switch (set_current_parker), so the stages above wait
// the same way on both. Spurious unparks are allowed everywhere: every wait loops on its own flag.
#include "sluice/event.h"

#include <condition_variable>
#include <mutex>

namespace sluice {
namespace {

class ThreadParker final : public Parker {
 public:
  void park(Deadline deadline) override {
    std::unique_lock lock(mutex_);
    if (deadline == kNever) {
      awake_.wait(lock, [this] { return unparked_; });
    } else {
      awake_.wait_until(lock, deadline, [this] { return unparked_; });
    }
    unparked_ = false;
  }

  void unpark() override {
    {
      std::lock_guard lock(mutex_);
      unparked_ = true;
    }
    awake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable awake_;
  bool unparked_ = false;
};

thread_local constinit const std::shared_ptr<Parker>* installed_parker = nullptr;

}  // namespace

std::shared_ptr<Parker> current_parker() {
  if (installed_parker) return *installed_parker;
  thread_local const std::shared_ptr<Parker> own = std::make_shared<ThreadParker>();
  return own;
}

void set_current_parker(const std::shared_ptr<Parker>* parker) { installed_parker = parker; }

bool Event::wait(Deadline deadline) {
  while (!signalled()) {
    if (deadline != kNever && now() >= deadline) return signalled();
    parker_->park(deadline);
  }
  return true;
}

void Event::signal() {
  // The waiter may destroy this event as soon as it sees the flag, so nothing of it is used after.
  std::shared_ptr<Parker> parker = parker_;
  signalled_.store(true, std::memory_order_release);
  parker->unpark();
}

}  // namespace sluice
