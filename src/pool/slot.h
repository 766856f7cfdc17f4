// Slot: the pool's record of one connection, from the login to the close; IdleList: those of one
// home that wait for work, the most recently used in front.
//
// Slots live in the pool's table and never move, so a lease is a pointer. The list is threaded
// through them: taking and giving back allocates nothing. Last in, first out, so that a surplus
// stays idle and ages out instead of every connection being touched now and then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "sluice/pool.h"

namespace sluice {

// Guarded by the pool's lock, except that who holds the lease may read it.
struct PoolLease::Slot {
  // connecting: reserved, no connection yet. closing: the connection is being destroyed outside of
  // the lock; the slot keeps its place under `max` until that is done.
  enum class State : std::uint8_t { connecting, idle, leased, closing };

  std::uint64_t id = 0;
  std::unique_ptr<Poolable> connection;
  State state = State::connecting;
  bool fresh = false;         // made for the lease it is in
  bool stale = false;         // was idle for validate_after when it was taken
  bool leak_counted = false;  // this lease was reported already
  unsigned home = 0;
  std::uint64_t leases = 0;  // given so far, the running one included
  std::uint64_t generation = 0;
  std::uint64_t round = 0;  // of the logins that began with it, see LoginState
  Time created{}, since{};  // since: idle or leased
  Time expires = kNever;
  std::uint64_t idle_order = 0;  // grows with every return: which of two was idle first
  Slot* newer = nullptr;
  Slot* older = nullptr;
  Slot* next_closing = nullptr;
};

class IdleList {
 public:
  using Slot = PoolLease::Slot;

  Slot* newest() const { return newest_; }
  Slot* oldest() const { return oldest_; }
  std::size_t size() const { return size_; }

  void push(Slot& slot) {
    slot.newer = nullptr;
    slot.older = newest_;
    (newest_ ? newest_->newer : oldest_) = &slot;
    newest_ = &slot;
    ++size_;
  }
  // REQUIRES: slot is in this list.
  void remove(Slot& slot) {
    (slot.newer ? slot.newer->older : newest_) = slot.older;
    (slot.older ? slot.older->newer : oldest_) = slot.newer;
    slot.newer = slot.older = nullptr;
    --size_;
  }

 private:
  Slot* newest_ = nullptr;
  Slot* oldest_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice
