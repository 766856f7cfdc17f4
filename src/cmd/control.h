// Control: what the main thread is asked to do while everything else runs on its own threads.
//
// Signals are blocked in every thread and read here from a descriptor, so no handler ever runs in the
// middle of anything. What the console asks for (a reload, a change of a setting) is run by the main
// thread too, because the gateway is changed by one thread only; the asker waits for the result.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "sluice/event.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::cmd {

class Control {
 public:
  enum class Order : std::uint8_t {
    none,      // the time was up
    reload,    // SIGHUP
    stop,      // SIGTERM, SIGINT: gracefully
    stop_now,  // the console's SHUTDOWN
    stopped,   // told by whoever does the graceful stop
  };

  // Blocks the signals for the calling thread and those that it makes from now on; ignores SIGPIPE.
  // Throws std::system_error when the process is out of descriptors.
  Control();
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // Runs what was asked for, then returns the next order. Main thread.
  Order wait(Duration at_most);

  // Any thread or fiber.
  void order(Order order);
  // Runs `work` on the main thread and waits for it; unavailable once refuse() was called.
  Result<void> run(std::function<Result<void>()> work);
  // From now on run() fails, also for those who wait. Main thread.
  void refuse();

 private:
  struct Task;
  void ring();
  void run_tasks();
  Order next_order();

  int signals_, bell_;
  std::mutex mutex_;  // the rest
  std::vector<Task*> tasks_;
  std::vector<Order> orders_;
  bool refusing_ = false;
};

// What the program's children get: no signal blocked, none ignored. After fork().
void restore_signals();

}  // namespace sluice::cmd
