#include "net/listener.h"
#include "sluice/event.h"

namespace sluice::net {

Worker::~Worker() { stop_and_join(); }

void Worker::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::stop_and_join() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void Worker::run(std::function<void()> task) {
  Event done;
  loop_.post([this, &task, &done] {
    loop_.spawn([&task, &done] {
      task();
      done.signal();
    });
  });
  done.wait(kNever);
}

}  // namespace sluice::net
