#include "cmd/control.h"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sluice::cmd {
namespace {

sigset_t taken_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&set, number);
  return set;
}

}  // namespace

struct Control::Task {
  std::function<Result<void>()> work;
  Result<void> result;
  Event done;
};

Control::Control() {
  const sigset_t set = taken_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  bell_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (signals_ < 0 || bell_ < 0) throw std::system_error(errno, std::system_category(), "signalfd");
}

Control::~Control() {
  refuse();
  ::close(signals_);
  ::close(bell_);
}

Control::Order Control::wait(Duration at_most) {
  const Deadline until = deadline_after(now(), at_most);
  while (true) {
    run_tasks();
    if (const Order order = next_order(); order != Order::none) return order;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    if (left <= 0) return Order::none;
    pollfd fds[] = {{signals_, POLLIN, 0}, {bell_, POLLIN, 0}};
    ::poll(fds, 2, static_cast<int>(left));
    std::uint64_t rung;
    [[maybe_unused]] const auto n = ::read(bell_, &rung, sizeof rung);
  }
}

Control::Order Control::next_order() {
  signalfd_siginfo info;
  if (::read(signals_, &info, sizeof info) == sizeof info)
    return info.ssi_signo == SIGHUP ? Order::reload : Order::stop;
  const std::lock_guard lock(mutex_);
  if (orders_.empty()) return Order::none;
  const Order first = orders_.front();
  orders_.erase(orders_.begin());
  return first;
}

void Control::order(Order order) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back(order);
  }
  ring();
}

Result<void> Control::run(std::function<Result<void>()> work) {
  Task task{std::move(work), {}, {}};
  {
    const std::lock_guard lock(mutex_);
    if (refusing_) return fail(Code::unavailable, "shutting down");
    tasks_.push_back(&task);
  }
  ring();
  task.done.wait(kNever);
  return std::move(task.result);
}

void Control::run_tasks() {
  std::vector<Task*> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task* task : tasks) {
    task->result = task->work();
    task->done.signal();
  }
}

void Control::refuse() {
  const std::lock_guard lock(mutex_);
  refusing_ = true;
  for (Task* task : tasks_) {
    task->result = fail(Code::unavailable, "shutting down");
    task->done.signal();
  }
  tasks_.clear();
}

void Control::ring() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(bell_, &one, sizeof one);
}

void restore_signals() {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
}

}  // namespace sluice::cmd
