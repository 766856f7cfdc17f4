// The walk of one lease: picked or opened or waited for, checked, used, given back.
//
// In the order of preference: the connection the caller named; its own home's most recently used;
// the longest idle one of the home that has most, moved here (cheaper than a login, and the owner
// keeps its warm ones); a login; a place in the queue. What turns out dead on the way is closed and
// the walk begins again with the caller's old ticket, so a restarted server costs a silent retry
// and no turn.
#include "pool/shared_pool.h"

#include <algorithm>
#include <exception>
#include <string>

#include <time.h>

namespace sluice {
namespace {

// The kernel's last tick: behind now() by at most 4-10 ms and a fifth of its price. Good enough for
// ages counted in seconds, and the hot path reads the clock twice.
Time coarse_now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
  return Time(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
}

}  // namespace

std::shared_ptr<PoolCore> PoolCore::make(PoolOptions options, Connect connect) {
  return std::make_shared<SharedPool>(options, std::move(connect));
}

PoolOptions SharedPool::sane(PoolOptions options) {
  options.max = std::max(options.max, 1u);
  options.min = std::min(options.min, options.max);
  options.max_connecting = std::max(options.max_connecting, 1u);
  if (options.lifetime > kNever.time_since_epoch() / 2) options.lifetime = Duration::zero();
  options.lifetime_jitter = std::clamp(options.lifetime_jitter, 0.0, 1.0);
  return options;
}

SharedPool::SharedPool(PoolOptions options, Connect connect)
    : connect_(std::move(connect)), options_(sane(options)) {}

// ---- what follows the release of the lock

void SharedPool::Section::call(Waiter& waiter) {
  waiter.called = true;
  waiter.next_called = nullptr;
  *called_end_ = &waiter;
  called_end_ = &waiter.next_called;
}

void SharedPool::Section::close(Slot& slot) {
  slot.state = State::closing;
  slot.next_closing = std::exchange(closing_, &slot);
}

void SharedPool::Section::finish() {
  for (;;) {
    Waiter* called = std::exchange(called_, nullptr);
    Slot* closing = std::exchange(closing_, nullptr);
    called_end_ = &called_;
    lock_.unlock();
    while (called) {
      Waiter* next = called->next_called;  // read first: the signalled one is gone at once
      called->event->signal();
      called = next;
    }
    if (!closing) return;
    for (Slot* slot = closing; slot; slot = slot->next_closing) slot->connection.reset();
    lock_.lock();
    while (closing) pool_.erase(*std::exchange(closing, closing->next_closing));
    pool_.serve(*this);
  }
}

// ---- acquire

Result<PoolLease> SharedPool::acquire(const AcquireOptions& options) {
  Waiter waiter;
  waiter.home = options.home;
  waiter.tag = options.tag;
  const Time at = coarse_now();
  Section section(*this);
  waiter.ticket = ++last_ticket_;
  Slot* slot = nullptr;
  if (may_go(waiter.ticket)) {
    slot = pick_preferred(options, at);
    if (!slot) slot = pick(section, options.home, at);
  }
  for (;;) {
    if (slot) {
      section.leave();
    } else {
      Result<Slot*> turn = wait_turn(section, waiter, options);
      if (!turn) return std::unexpected(std::move(turn.error()));
      slot = *turn;
    }
    if (slot->state == State::leased && !slot->stale && slot->home == options.home &&
        slot->connection->usable()) {
      slot->connection->on_lease();
      return lease_of(shared_from_this(), slot);
    }
    Result<bool> ready = slot->state == State::connecting ? open(section, *slot, options)
                                                          : check_out(section, *slot, options);
    if (!ready) return std::unexpected(std::move(ready.error()));
    if (*ready) return lease_of(shared_from_this(), slot);
    slot = may_go(waiter.ticket) ? pick(section, options.home, now()) : nullptr;
    if (slot) serve(section);  // what I didn't need
  }
}

// ---- a connection found idle

Result<bool> SharedPool::check_out(Section& section, Slot& slot, const AcquireOptions& options) {
  if ((slot.stale || slot.home != options.home) && now() >= options.deadline) {
    section.enter();  // no time left to move or validate: somebody else's, as it was
    --counts_.leased;
    --counts_.acquired;
    --slot.leases;
    put(slot, coarse_now() - (slot.stale ? options_.validate_after : Duration::zero()));
    ++counts_.timed_out;
    serve(section);
    section.leave();
    return fail(Code::timed_out, "check out a connection: no time left to move or validate it");
  }
  const bool ready = made_ready(slot, options);
  section.enter();
  if (ready && !closed_ && slot.generation == counts_.generation) {
    if (std::exchange(slot.home, options.home) != options.home) ++counts_.moved;
    section.leave();
    return true;
  }
  --counts_.acquired;
  bury(section, slot);
  return false;
}

bool SharedPool::made_ready(Slot& slot, const AcquireOptions& options) try {
  Poolable& connection = *slot.connection;
  const bool elsewhere = slot.home != options.home;
  if (elsewhere && !connection.move_to(options.home, options.deadline)) return false;
  if (!connection.usable()) return false;
  connection.on_lease();
  return !slot.stale || connection.validate(options.deadline);
} catch (const std::exception&) {
  return false;  // a program's own validation function: as good as a no
}

// ---- a connection to be made

Result<std::unique_ptr<Poolable>> SharedPool::connect(unsigned home, Deadline deadline) const try {
  auto made = connect_(home, deadline);
  if (made && !*made) return fail(Code::internal, "the connect function gave no connection");
  return made;
} catch (const std::exception& thrown) {
  return fail(Code::internal, std::string("the connect function threw: ") + thrown.what());
}

Result<bool> SharedPool::open(Section& section, Slot& slot, const AcquireOptions& options) {
  Result<std::unique_ptr<Poolable>> made =
      now() < options.deadline ? connect(options.home, options.deadline)
                               : fail(Code::timed_out, "open a connection: no time left");
  section.enter();
  if (!made) return login_failed(section, slot, std::move(made.error()), options.deadline);
  welcome(slot, std::move(*made), now());
  if (closed_ || slot.generation != counts_.generation) {
    bury(section, slot);
    return false;
  }
  slot.fresh = true;
  ++slot.leases;
  ++counts_.acquired;
  serve(section);
  section.leave();
  return true;
}

Result<bool> SharedPool::login_failed(Section& section, Slot& slot, Error error,
                                      Deadline deadline) {
  const Time at = now();
  // A caller in a hurry or taken back says nothing about the server.
  const bool callers =
      error.code == Code::cancelled || (error.code == Code::timed_out && at >= deadline);
  const std::uint64_t round = slot.round;
  const std::size_t open = counts_.idle + counts_.leased;
  erase(slot);
  if (callers) {
    if (error.code == Code::timed_out) ++counts_.timed_out;
  } else {
    ++counts_.connect_failures;
    if (error.code == Code::exhausted && open > 0) {
      logins_.full(open, at);
      return false;
    }
    logins_.failed(error, round, at, random_.unit());
    if (counts_.idle > 0) return false;  // one came back meanwhile
  }
  serve(section);
  section.leave();
  return std::unexpected(std::move(error));
}

// ---- back again

void SharedPool::give_back(Slot* slot, bool discard) {
  const bool usable = !discard && slot->connection->usable();
  if (usable) slot->connection->on_idle();
  const Time at = coarse_now();
  Section section(*this);
  --counts_.leased;
  if (!usable || closed_ || slot->generation != counts_.generation || at >= slot->expires ||
      slots_.size() > options_.max) {
    section.close(*slot);
  } else {
    put(*slot, at);
    serve(section);
  }
  section.leave();
}

bool SharedPool::recalls(const Slot& slot) const {
  const std::lock_guard lock(mutex_);
  return paused_ || closed_ || slot.generation != counts_.generation ||
         coarse_now() >= slot.expires || slots_.size() > options_.max;
}

// Closes a leased connection at once, keeping the caller's turn: the lock is held again at the end
// and what it freed wasn't offered to anybody.
void SharedPool::bury(Section& section, Slot& slot) {
  --counts_.leased;
  slot.state = State::closing;
  section.outside([&] { slot.connection.reset(); });
  erase(slot);
}

}  // namespace sluice
