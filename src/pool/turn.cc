// Whose turn it is: what may be taken now, who waits, and who is answered when something is freed.
//
// Everything here runs under the pool's lock, but for the sleep in wait_turn().
#include <algorithm>
#include <string>

#include "pool/shared_pool.h"

namespace sluice {
namespace {

constexpr const char* kClosed = "the pool is closed";

}  // namespace

SharedPool::Slot* SharedPool::pick_preferred(const AcquireOptions& options, Time now) {
  if (options.prefer == 0) return nullptr;
  auto found = slots_.find(options.prefer);
  if (found == slots_.end()) return nullptr;
  Slot& slot = found->second;
  if (slot.state != State::idle || now >= slot.expires) return nullptr;
  if (options.prefer_uses != AcquireOptions::kAnyUses && slot.leases != options.prefer_uses + 1) {
    return nullptr;
  }
  take(slot, now);
  return &slot;
}

SharedPool::Slot* SharedPool::pick_idle(Section& section, unsigned home, Time now) {
  while (counts_.idle > 0) {
    Slot* slot = home < idle_.size() ? idle_[home].newest() : nullptr;
    if (!slot) slot = std::ranges::max(idle_, {}, &IdleList::size).oldest();
    if (now < slot->expires) {
      take(*slot, now);
      return slot;
    }
    unlist(*slot);
    section.close(*slot);
  }
  return nullptr;
}

SharedPool::Slot* SharedPool::pick(Section& section, unsigned home, Time now) {
  if (Slot* slot = pick_idle(section, home, now)) return slot;
  return may_connect(sluice::now()) ? &reserve(home) : nullptr;
}

// Leaves the section. A slot that it gives is leased (to be checked) or connecting (to be opened).
Result<SharedPool::Slot*> SharedPool::wait_turn(Section& section, Waiter& waiter,
                                                const AcquireOptions& options) {
  Time at = now();
  if (closed_) return fail(Code::unavailable, kClosed);
  if (hopeless(at) && !paused_) return std::unexpected(logins_.error());
  if (!options.queue) return fail(Code::exhausted, "no connection is free");
  if (!waiter.counted && options_.max_waiting > 0 && queue_.size() >= options_.max_waiting) {
    return fail(Code::exhausted, "the pool's queue is full (" + std::to_string(queue_.size()) +
                                     " waiting, " + std::to_string(counts_.leased) + " leased)");
  }
  if (!std::exchange(waiter.counted, true)) ++counts_.waited;
  waiter.slot = nullptr;
  waiter.since = at;
  queue_.insert(waiter);
  for (;;) {
    const Time wake_at = std::min(options.deadline, next_try(at));
    waiter.arm(wake_at);
    serve(section);
    section.leave();
    if (!waiter.event->wait(wake_at)) {
      section.enter();
      at = now();
      if (!waiter.called) {
        if (at >= options.deadline) return std::unexpected(give_up(section, waiter, at));
        continue;
      }
      // Answered while giving up: the signal is on its way, and the answer isn't to be lost.
      section.leave();
      waiter.event->wait(kNever);
    }
    if (waiter.slot) return waiter.slot;
    if (waiter.error) return std::unexpected(std::move(*waiter.error));
    section.enter();
    at = now();
  }
}

Error SharedPool::give_up(Section& section, Waiter& waiter, Time now) {
  queue_.remove(waiter);
  note_wait(waiter, now);
  ++counts_.timed_out;
  std::string detail = "wait for a connection (" + std::to_string(counts_.leased) + " of at most " +
                       std::to_string(options_.max) + " leased, " + std::to_string(queue_.size()) +
                       " others waiting" + (paused_ ? ", the pool is paused)" : ")");
  if (logins_.failing()) detail += "; the last login failed: " + logins_.error().detail;
  serve(section);
  section.leave();
  return Error{Code::timed_out, 0, std::move(detail)};
}

// Answers the head of the queue for as long as there is something to give.
void SharedPool::serve(Section& section) {
  if (queue_.empty() || (paused_ && !closed_)) return;
  const Time at = now();
  while (Waiter* waiter = queue_.front()) {
    if (waiter->called) return;  // told to look again: it calls serve() itself
    if (closed_) {
      waiter->error = Error{Code::unavailable, 0, kClosed};
      answer(section, *waiter, nullptr, at);
    } else if (Slot* slot = pick(section, waiter->home, at)) {
      answer(section, *waiter, slot, at);
    } else if (hopeless(at)) {
      waiter->error = logins_.error();
      answer(section, *waiter, nullptr, at);
    } else {
      break;
    }
  }
  Waiter* head = queue_.front();
  if (head && next_try(at) < head->wake_at) section.call(*head);  // it sets its alarm to that
}

bool SharedPool::cancel(std::uint64_t tag) {
  Section section(*this);
  Waiter* waiter = queue_.front();
  while (waiter && (waiter->tag != tag || waiter->called)) waiter = waiter->later;
  if (waiter) {
    waiter->error = Error{Code::cancelled, 0, "cancelled while waiting for a connection"};
    answer(section, *waiter, nullptr, now());
    serve(section);
  }
  section.leave();
  return waiter != nullptr;
}

void SharedPool::answer(Section& section, Waiter& waiter, Slot* slot, Time now) {
  queue_.remove(waiter);
  note_wait(waiter, now);
  waiter.slot = slot;
  section.call(waiter);
}

void SharedPool::note_wait(const Waiter& waiter, Time now) {
  const Duration waited = std::max(now - waiter.since, Duration::zero());
  counts_.wait_total += waited;
  counts_.wait_longest = std::max(counts_.wait_longest, waited);
}

bool SharedPool::may_connect(Time now) const {
  return !paused_ && !closed_ && slots_.size() < options_.max &&
         counts_.connecting < options_.max_connecting && now >= logins_.next_try(slots_.size());
}

Time SharedPool::next_try(Time now) const {
  if (paused_ || slots_.size() >= options_.max) return kNever;
  const Time at = logins_.next_try(slots_.size());
  return at > now ? at : kNever;
}

SharedPool::Slot& SharedPool::reserve(unsigned home) {
  const std::uint64_t id = ++last_id_;
  Slot& slot = slots_[id];
  slot.id = id;
  slot.home = home;
  slot.generation = counts_.generation;
  slot.round = logins_.round();
  ++counts_.connecting;
  return slot;
}

void SharedPool::welcome(Slot& slot, std::unique_ptr<Poolable> connection, Time now) {
  --counts_.connecting;
  ++counts_.leased;
  ++counts_.opened;
  logins_.succeeded();
  slot.connection = std::move(connection);
  slot.state = State::leased;
  slot.created = slot.since = now;
  const double share = 1.0 - options_.lifetime_jitter * random_.unit();
  const auto lifetime = std::chrono::duration_cast<Duration>(options_.lifetime * share);
  slot.expires = deadline_after(now, lifetime);
}

void SharedPool::take(Slot& slot, Time now) {
  unlist(slot);
  ++counts_.leased;
  ++counts_.acquired;
  ++slot.leases;
  slot.state = State::leased;
  slot.stale =
      options_.validate_after >= Duration::zero() && now - slot.since >= options_.validate_after;
  slot.since = now;
  slot.leak_counted = false;
}

void SharedPool::put(Slot& slot, Time now) {
  if (slot.home >= idle_.size()) idle_.resize(slot.home + 1);
  idle_[slot.home].push(slot);
  ++counts_.idle;
  slot.state = State::idle;
  slot.fresh = false;
  slot.since = now;
  slot.idle_order = ++idle_order_;
}

void SharedPool::unlist(Slot& slot) {
  idle_[slot.home].remove(slot);
  --counts_.idle;
}

void SharedPool::erase(Slot& slot) {
  if (slot.state == State::connecting) {
    --counts_.connecting;
  } else {
    ++counts_.closed;
  }
  slots_.erase(slot.id);
}

}  // namespace sluice
