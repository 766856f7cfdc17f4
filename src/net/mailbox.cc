#include "net/mailbox.h"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice::net {

Mailbox::Mailbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
}

Mailbox::~Mailbox() { ::close(fd_); }

void Mailbox::post(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
  }
  has_mail_.store(true, std::memory_order_seq_cst);
  wake();
}

// Either the loop sees the mail before it sleeps, or we see that it is about to: both sides write
// their flag before they read the other's, sequentially consistent.
void Mailbox::wake() {
  if (!sleeping_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  // Can't fail but when 2^64 wakes were never read, and then the loop is awake anyway.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void Mailbox::take(std::vector<Task>& into) {
  std::lock_guard lock(mutex_);
  has_mail_.store(false, std::memory_order_seq_cst);
  into.swap(tasks_);
}

bool Mailbox::about_to_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);
  if (empty()) return true;
  awake();
  return false;
}

void Mailbox::close() {
  std::vector<Task> dropped;
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

}  // namespace sluice::net
