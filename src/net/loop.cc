#include "net/loop.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "net/fiber_pool.h"
#include "net/mailbox.h"

namespace sluice::net {
namespace {

constexpr int kBatch = 256;     // events a turn; what is left comes with the next one
constexpr int kHookRounds = 3;  // hooks that hooks schedule still run in this turn, so many times
constexpr std::uint32_t kReading = EPOLLIN | EPOLLRDHUP | EPOLLET;

thread_local Loop* current_loop = nullptr;

int milliseconds_for(Duration patience) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest(60'000);
  if (patience >= longest) return static_cast<int>(longest.count());
  return static_cast<int>(std::chrono::ceil<milliseconds>(patience).count());
}

}  // namespace

Loop::Loop(const LoopOptions& options)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      spin_(options.spin),
      mailbox_(std::make_shared<Mailbox>()),
      fibers_(std::make_unique<FiberPool>(*this, mailbox_, options)),
      events_(std::make_unique<epoll_event[]>(kBatch)),
      now_(sluice::now()),
      turn_ended_(now_) {
  // The mailbox has no target: its events only end the wait. Edge-triggered, it is never read.
  if (epoll_ < 0 || !control(EPOLL_CTL_ADD, mailbox_->fd(), EPOLLIN | EPOLLET, nullptr))
    throw std::system_error(errno, std::system_category(), "epoll");
}

Loop::~Loop() {
  mailbox_->close();
  fibers_.reset();
  ::close(epoll_);
}

Loop* Loop::current() { return current_loop; }

void Loop::run() {
  current_loop = this;
  running_.store(true, std::memory_order_release);
  while (!stopped_.load(std::memory_order_acquire)) turn();
  stopped_.store(false, std::memory_order_relaxed);
  running_.store(false, std::memory_order_release);
  run_posted();  // whoever saw it running and posted waits for it
  current_loop = nullptr;
}

void Loop::stop() {
  stopped_.store(true, std::memory_order_release);
  mailbox_->post([] {});
}

void Loop::post(std::function<void()> task) { mailbox_->post(std::move(task)); }

void Loop::spawn(std::function<void()> body) { fibers_->start(std::move(body)); }

// --- descriptors ---------------------------------------------------------------------------------

Result<void> Loop::control(int operation, int fd, std::uint32_t events, Pollable* target) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = target;
  if (::epoll_ctl(epoll_, operation, fd, &event) == 0) return {};
  return fail(errno == ENOSPC || errno == ENOMEM ? Code::exhausted : Code::internal,
              "registering a descriptor with epoll", errno);
}

Result<void> Loop::add(int fd, Pollable& target) {
  return control(EPOLL_CTL_ADD, fd, kReading | EPOLLOUT, &target);
}

Result<void> Loop::add_reader(int fd, Pollable& target) {
  return control(EPOLL_CTL_ADD, fd, kReading, &target);
}

Result<void> Loop::watch_writing(int fd, Pollable& target, bool on) {
  return control(EPOLL_CTL_MOD, fd, on ? kReading | EPOLLOUT : kReading, &target);
}

Result<void> Loop::add_listener(int fd, Pollable& target) {
  return control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE, &target);
}

void Loop::remove(int fd, Pollable& target) {
  epoll_event unused{};
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &unused);
  for (int i = next_event_; i < event_count_; ++i)
    if (events_[i].data.ptr == &target) events_[i].data.ptr = nullptr;
}

// --- a turn --------------------------------------------------------------------------------------

void Loop::turn() {
  const int count = wait();
  now_ = sluice::now();
  dispatch(count);
  fibers_->run_ready();
  run_posted();
  timers_.expire(now_);
  settle();
  account(sluice::now());
}

// How long there is nothing to do but to wait for the kernel.
Duration Loop::patience() const {
  if (fibers_->has_ready() || !hooks_.empty() || !mailbox_->empty()) return Duration::zero();
  return timers_.until_next(turn_ended_);
}

int Loop::poll(Duration patience) {
  const int count = ::epoll_wait(epoll_, events_.get(), kBatch, milliseconds_for(patience));
  return std::max(count, 0);  // interrupted by a signal: a turn without events
}

int Loop::wait() {
  const Duration longest = patience();
  if (longest == Duration::zero()) return poll(longest);
  if (spin_ > Duration::zero()) {
    const Time until = turn_ended_ + std::min(spin_, longest);
    do {
      if (const int count = poll(Duration::zero())) return count;
      if (!mailbox_->empty()) return 0;
    } while (sluice::now() < until);
  }
  const int count = poll(mailbox_->about_to_sleep() ? longest : Duration::zero());
  mailbox_->awake();
  return count;
}

void Loop::dispatch(int count) {
  event_count_ = count;
  for (next_event_ = 0; next_event_ < event_count_;) {
    const epoll_event& event = events_[next_event_++];
    if (event.data.ptr) static_cast<Pollable*>(event.data.ptr)->on_events(event.events);
  }
  event_count_ = next_event_ = 0;
}

void Loop::run_posted() {
  if (mailbox_->empty()) return;
  mailbox_->take(tasks_);
  for (auto& task : tasks_) {
    task();
    task = nullptr;
  }
  tasks_.clear();
}

// Runs what posted tasks and timers woke, then the hooks, and what these woke and scheduled.
void Loop::settle() {
  fibers_->run_ready();
  for (int round = 0; round < kHookRounds && !hooks_.empty(); ++round) {
    run_hooks();
    fibers_->run_ready();
  }
}

void Loop::run_hooks() {
  running_hooks_.swap(hooks_);
  for (std::size_t i = 0; i < running_hooks_.size(); ++i) {
    TurnHook* hook = std::exchange(running_hooks_[i], nullptr);
    if (!hook) continue;
    hook->scheduled_ = false;
    hook->on_turn_end();
  }
  running_hooks_.clear();
}

void Loop::at_turn_end(TurnHook& hook) {
  if (std::exchange(hook.scheduled_, true)) return;
  hooks_.push_back(&hook);
}

void Loop::cancel(TurnHook& hook) {
  if (!std::exchange(hook.scheduled_, false)) return;
  for (auto* hooks : {&hooks_, &running_hooks_}) std::ranges::replace(*hooks, &hook, nullptr);
}

// --- how busy it is ------------------------------------------------------------------------------

void Loop::account(Time end) {
  const std::int64_t spent = (end - now_).count();
  turn_ended_ = end;
  run_delay_.update(end);
  busy_ns_.fetch_add(spent, std::memory_order_relaxed);
  if (spent > longest_turn_ns_.load(std::memory_order_relaxed))
    longest_turn_ns_.store(spent, std::memory_order_relaxed);
}

Loop::Lag Loop::lag() {
  return {Duration(busy_ns_.exchange(0, std::memory_order_relaxed)),
          Duration(longest_turn_ns_.exchange(0, std::memory_order_relaxed))};
}

}  // namespace sluice::net
