// Mailbox: where other threads leave work for a loop. Outlives the loop while somebody may still
// post (a fiber's parker holds it), and forgets what comes after the loop's end.
//
// Posting wakes the loop through an eventfd, but only if it sleeps or is about to: a busy loop sees
// its mail at the end of its turn without a system call.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

namespace sluice::net {

class Mailbox {
 public:
  using Task = std::function<void()>;

  Mailbox();  // throws std::system_error when the process is out of descriptors
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Thread-safe.
  void post(Task task);
  void wake();

  // The loop's own thread.
  int fd() const { return fd_; }
  bool empty() const { return !has_mail_.load(std::memory_order_seq_cst); }
  void take(std::vector<Task>& into);  // REQUIRES: into is empty
  // True: the loop may sleep and post() will wake it. False: there is mail.
  bool about_to_sleep();
  void awake() { sleeping_.store(false, std::memory_order_relaxed); }
  void close();  // the loop has ended

 private:
  int fd_;
  std::atomic<bool> has_mail_ = false, sleeping_ = false;
  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool closed_ = false;
};

}  // namespace sluice::net
