// What a timer and an operator do to the pool: ageing, warm-up, leaks; clear, pause, close;
// statistics.
#include <algorithm>

#include "pool/shared_pool.h"

namespace sluice {
namespace {

// A warm-up has no caller whose deadline could bound it.
constexpr Duration kWarmUpTimeout = std::chrono::seconds(10);

}  // namespace

unsigned SharedPool::maintain(unsigned home, Time now) {
  Section section(*this);
  count_leaks(now);
  close_aged(section, home, now);
  section.leave();
  unsigned opened = 0;
  while (open_idle(section, home, now)) ++opened;
  return opened;
}

void SharedPool::count_leaks(Time now) {
  if (options_.leak_after <= Duration::zero()) return;
  for (auto& [id, slot] : slots_) {
    if (slot.state != State::leased || slot.leak_counted) continue;
    if (now - slot.since < options_.leak_after) continue;
    slot.leak_counted = true;
    ++counts_.leaks;
  }
}

void SharedPool::close_aged(Section& section, unsigned home, Time now) {
  std::size_t left = slots_.size();
  const auto close = [&](Slot& slot) {
    unlist(slot);
    section.close(slot);
    --left;
  };
  for (unsigned at = 0; at < idle_.size(); ++at) {
    for (Slot* slot = idle_[at].oldest(); slot;) {
      Slot* next = slot->newer;
      if (now >= slot->expires || (at == home && !slot->connection->usable())) close(*slot);
      slot = next;
    }
  }
  if (options_.idle_timeout <= Duration::zero()) return;
  while (left > options_.min) {
    Slot* slot = longest_idle();
    if (!slot || now - slot->since < options_.idle_timeout) return;
    close(*slot);
  }
}

// True if it opened one. Without the lock before and after.
bool SharedPool::open_idle(Section& section, unsigned home, Time now) {
  section.enter();
  if (slots_.size() >= options_.min || !may_connect(sluice::now())) {
    section.leave();
    return false;
  }
  Slot& slot = reserve(home);
  section.leave();
  const Deadline deadline = deadline_after(now, kWarmUpTimeout);
  Result<std::unique_ptr<Poolable>> made = connect(home, deadline);
  if (made) (*made)->on_idle();
  section.enter();
  if (!made) {
    Result<bool> failed = login_failed(section, slot, std::move(made.error()), kNever);
    if (failed) {  // the server is full: the lock is still held
      serve(section);
      section.leave();
    }
    return false;
  }
  welcome(slot, std::move(*made), sluice::now());
  --counts_.leased;
  const bool wanted = !closed_ && slot.generation == counts_.generation;
  if (wanted) {
    put(slot, slot.created);
  } else {
    section.close(slot);
  }
  serve(section);
  section.leave();
  return wanted;
}

SharedPool::Slot* SharedPool::longest_idle() const {
  Slot* longest = nullptr;
  for (const IdleList& list : idle_) {
    Slot* slot = list.oldest();
    if (slot && (!longest || slot->idle_order < longest->idle_order)) longest = slot;
  }
  return longest;
}

void SharedPool::close_all_idle(Section& section) {
  while (Slot* slot = longest_idle()) {
    unlist(*slot);
    section.close(*slot);
  }
}

bool SharedPool::evict_idle() {
  Section section(*this);
  Slot* slot = longest_idle();
  if (!slot) return false;
  unlist(*slot);
  section.close(*slot);
  return true;
}

void SharedPool::clear() {
  Section section(*this);
  ++counts_.generation;
  close_all_idle(section);
}

void SharedPool::pause() {
  Section section(*this);
  paused_ = true;
}

void SharedPool::resume() {
  Section section(*this);
  paused_ = false;
  serve(section);
}

bool SharedPool::drained() const {
  std::lock_guard lock(mutex_);
  return counts_.leased == 0 && counts_.connecting == 0;
}

void SharedPool::close() {
  Section section(*this);
  closed_ = true;
  close_all_idle(section);
  serve(section);
}

void SharedPool::set_options(const PoolOptions& options) {
  Section section(*this);
  options_ = sane(options);
  for (std::size_t total = slots_.size(); total > options_.max; --total) {
    Slot* slot = longest_idle();
    if (!slot) break;  // the rest when they come back
    unlist(*slot);
    section.close(*slot);
  }
  serve(section);
}

PoolStats SharedPool::stats(Time now) const {
  std::lock_guard lock(mutex_);
  PoolStats all = counts_;
  all.total = static_cast<unsigned>(slots_.size());
  all.waiting = static_cast<unsigned>(queue_.size());
  if (Waiter* head = queue_.front()) {
    all.oldest_wait = std::max(now - head->since, Duration::zero());
  }
  return all;
}

void SharedPool::each(const std::function<void(const View&)>& visit) const {
  std::lock_guard lock(mutex_);
  for (const auto& [id, slot] : slots_) {
    if (slot.state == State::closing) continue;
    visit({.id = id,
           .connection = slot.connection.get(),
           .leased = slot.state == State::leased,
           .home = slot.home,
           .created = slot.created,
           .since = slot.since,
           .uses = slot.leases});
  }
}

}  // namespace sluice
