#include "net/fiber.h"

#include <new>
#include <utility>

#include "net/fiber_pool.h"

namespace sluice::net {
namespace {

thread_local Fiber* running_fiber = nullptr;

// Sanitizers' frames are several times larger, and they don't hurt in a test.
#if defined(SLUICE_ASAN) || defined(SLUICE_TSAN)
constexpr std::size_t kStackFactor = 4;
#else
constexpr std::size_t kStackFactor = 1;
#endif
constexpr int kResumesPerTurn = 4096;

}  // namespace

Fiber* current_fiber() { return running_fiber; }

void park(Deadline deadline) {
  Fiber& self = *running_fiber;
  if (std::exchange(self.woken_, false)) return;
  if (deadline != kNever) self.timer_.set(self.pool_.loop_.timers(), deadline);
  self.leave(Fiber::State::parked);
  self.timer_.clear();
  self.woken_ = false;
}

void yield() {
  Fiber& self = *running_fiber;
  self.pool_.yielded_.push_back(&self);
  self.leave(Fiber::State::ready);
}

void sleep_until(Deadline at) {
  while (now() < at) park(at);
}

void wake(Fiber& fiber) {
  if (fiber.state_ == Fiber::State::parked)
    fiber.pool_.push_ready(fiber);
  else if (fiber.state_ == Fiber::State::running)
    fiber.woken_ = true;
}

FiberCounts fiber_counts() {
  Loop* loop = Loop::current();
  return loop ? loop->fibers().counts() : FiberCounts{};
}

// --- FiberParker ---------------------------------------------------------------------------------

void FiberParker::park(Deadline deadline) { net::park(deadline); }

void FiberParker::unpark() {
  if (Loop::current() == loop_) return deliver();
  if (posted_.exchange(true, std::memory_order_acq_rel)) return;
  mailbox_->post([self = shared_from_this()] {
    self->posted_.exchange(false, std::memory_order_acq_rel);
    self->deliver();
  });
}

void FiberParker::deliver() {
  if (fiber_) wake(*fiber_);
}

// --- Fiber ---------------------------------------------------------------------------------------

Fiber::Fiber(FiberPool& pool)
    : pool_(pool),
      stack_(pool.stack_size_),
      side_(stack_, &Fiber::entry),
      parker_(std::make_shared<FiberParker>(*this, pool.loop_, pool.mailbox_)),
      parker_face_(parker_),
      timer_([this] { wake(*this); }) {}

Fiber::~Fiber() { parker_->fiber_ = nullptr; }

// Runs one body after the other; between them the fiber rests among the pool's spares. noexcept: an
// exception has nobody to go to.
void Fiber::entry(boost::context::detail::transfer_t from) {
  Fiber& self = *running_fiber;
  self.side_.arrived(from);
  [&self]() noexcept {
    for (;;) {
      self.body_();
      self.body_ = nullptr;
      self.leave(State::idle);
    }
  }();
}

void Fiber::leave(State state) {
  state_ = state;
  side_.go(pool_.loop_side_);
}

// --- FiberPool -----------------------------------------------------------------------------------

FiberPool::FiberPool(Loop& loop, std::shared_ptr<Mailbox> mailbox, const LoopOptions& options)
    : loop_(loop),
      mailbox_(std::move(mailbox)),
      stack_size_(options.stack_size * kStackFactor),
      max_spare_(options.spare_stacks) {}

// Fibers that are still parked are abandoned: what their stacks own is never destroyed. Who stops a
// loop ends its fibers first.
FiberPool::~FiberPool() = default;

void FiberPool::start(std::function<void()> body) { bodies_.push_back(std::move(body)); }

void FiberPool::push_ready(Fiber& fiber) {
  fiber.state_ = Fiber::State::ready;
  fiber.next_ready_ = nullptr;
  (ready_last_ ? ready_last_->next_ready_ : ready_first_) = &fiber;
  ready_last_ = &fiber;
}

Fiber* FiberPool::pop_ready() {
  Fiber* fiber = ready_first_;
  if (fiber) {
    ready_first_ = fiber->next_ready_;
    if (!ready_first_) ready_last_ = nullptr;
  }
  return fiber;
}

void FiberPool::run_ready() {
  for (Fiber* fiber : std::exchange(yielded_, {})) push_ready(*fiber);
  for (int i = 0; i < kResumesPerTurn; ++i) {
    Fiber* fiber = pop_ready();
    if (!fiber) fiber = fiber_for_next_body();
    if (!fiber) return;
    resume(*fiber);
  }
}

// Null when no body waits, or when there is no memory for a stack: then the bodies wait until a
// running fiber finishes. Without any fiber that could finish nothing can ever run: that throws.
Fiber* FiberPool::fiber_for_next_body() {
  if (bodies_.empty()) return nullptr;
  if (spare_.empty()) {
    try {
      auto made = std::make_unique<Fiber>(*this);
      made->index_ = fibers_.size();
      spare_.push_back(made.get());
      fibers_.push_back(std::move(made));
    } catch (const std::bad_alloc&) {
      if (running_ == 0) throw;
      full_ = true;
      return nullptr;
    }
  }
  Fiber* fiber = spare_.back();
  spare_.pop_back();
  fiber->body_ = std::move(bodies_.front());
  bodies_.pop_front();
  fiber->woken_ = false;
  ++running_;
  return fiber;
}

void FiberPool::resume(Fiber& fiber) {
  fiber.state_ = Fiber::State::running;
  running_fiber = &fiber;
  set_current_parker(&fiber.parker_face_);
  loop_side_.go(fiber.side_);
  set_current_parker(nullptr);
  running_fiber = nullptr;
  if (fiber.state_ == Fiber::State::idle) recycle(fiber);
}

void FiberPool::recycle(Fiber& fiber) {
  --running_;
  full_ = false;
  if (spare_.size() < max_spare_) return spare_.push_back(&fiber);
  const std::size_t index = fiber.index_;
  fibers_.back()->index_ = index;
  std::swap(fibers_[index], fibers_.back());
  fibers_.pop_back();
}

}  // namespace sluice::net
