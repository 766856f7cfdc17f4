#include "net/timer.h"

#include <bit>

namespace sluice::net {
namespace {

void unlink(TimerLink& link) {
  link.prev->next = link.next;
  link.next->prev = link.prev;
  link.next = link.prev = &link;
}

void append(TimerLink& list, TimerLink& link) {
  link.prev = list.prev;
  link.next = &list;
  list.prev->next = &link;
  list.prev = &link;
}

// Moves all of `from` behind what is in `to`.
void splice(TimerLink& to, TimerLink& from) {
  if (from.next == &from) return;
  from.next->prev = to.prev;
  from.prev->next = &to;
  to.prev->next = from.next;
  to.prev = from.prev;
  from.next = from.prev = &from;
}

std::uint64_t tick_begun(Time at) {
  const auto since = at.time_since_epoch().count();
  return since <= 0 ? 0 : static_cast<std::uint64_t>(since / Timers::kTick.count());
}

// The first tick that begins at or after `at`: a timer never fires early.
std::uint64_t tick_after(Time at) {
  const std::uint64_t tick = tick_begun(at);
  return at.time_since_epoch() > Timers::kTick * tick ? tick + 1 : tick;
}

}  // namespace

void Timer::set(Timers& timers, Deadline at) {
  clear();
  if (at == kNever) return;
  timers_ = &timers;
  tick_ = tick_after(at);
  timers.insert(*this);
}

void Timer::clear() {
  if (!timers_) return;
  timers_->remove(*this);
  timers_ = nullptr;
}

Timers::~Timers() {
  const auto disarm = [](TimerLink& list) {
    while (list.next != &list) {
      static_cast<Timer*>(list.next)->timers_ = nullptr;
      unlink(*list.next);
    }
  };
  for (TimerLink& slot : slots_) disarm(slot);
  disarm(due_);
}

void Timers::insert(Timer& timer) {
  if (timer.tick_ <= tick_) {
    timer.slot_ = kLoose;
    return append(due_, timer);
  }
  const unsigned highest = 63 - static_cast<unsigned>(std::countl_zero(timer.tick_ ^ tick_));
  const unsigned level = highest / kBits;
  const unsigned slot = (timer.tick_ >> (level * kBits)) % kSlots;
  timer.slot_ = static_cast<std::uint16_t>(level * kSlots + slot);
  used_[level] |= std::uint64_t{1} << slot;
  append(slots_[timer.slot_], timer);
}

void Timers::remove(Timer& timer) {
  unlink(timer);
  if (timer.slot_ == kLoose) return;
  const TimerLink& list = slots_[timer.slot_];
  if (list.next == &list)
    used_[timer.slot_ / kSlots] &= ~(std::uint64_t{1} << (timer.slot_ % kSlots));
}

// Every timer of a level fires before all of the levels above it, and slots never wrap: the first
// used bit of the lowest used level is next.
bool Timers::next_slot(Next& next) const {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (!used_[level]) continue;
    const unsigned slot = static_cast<unsigned>(std::countr_zero(used_[level]));
    const unsigned shift = level * kBits;
    const std::uint64_t above = tick_ >> (shift + kBits) << (shift + kBits);
    next = {level, slot, above | std::uint64_t{slot} << shift};
    return true;
  }
  return false;
}

// Moves what is due until then into `firing`, slot by slot; far timers move down on the way.
void Timers::gather(std::uint64_t until, TimerLink& firing) {
  splice(firing, due_);
  Next next;
  while (next_slot(next) && next.tick <= until) {
    tick_ = next.tick;
    used_[next.level] &= ~(std::uint64_t{1} << next.slot);
    TimerLink slot;
    splice(slot, slots_[next.level * kSlots + next.slot]);
    while (slot.next != &slot) {
      Timer& timer = *static_cast<Timer*>(slot.next);
      unlink(timer);
      if (timer.tick_ > tick_) {
        insert(timer);
      } else {
        timer.slot_ = kLoose;
        append(firing, timer);
      }
    }
  }
  if (until > tick_) tick_ = until;
}

void Timers::expire(Time now) {
  TimerLink firing;
  gather(tick_begun(now), firing);
  while (firing.next != &firing) {
    Timer& timer = *static_cast<Timer*>(firing.next);
    timer.clear();
    timer.fire_();
  }
}

Duration Timers::until_next(Time now) const {
  if (due_.next != &due_) return Duration::zero();
  Next next;
  if (!next_slot(next)) return Duration::max();
  const Time begins{kTick * next.tick};
  return begins > now ? begins - now : Duration::zero();
}

}  // namespace sluice::net
