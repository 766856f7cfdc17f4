// Throttles: keys whose loader failed a moment ago and isn't tried again yet. One word a slot, by hash;
// a collision forgets one of the two, which costs a load that comes early. Bounded, whatever fails.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "sluice/time.h"

namespace sluice::cache {

// Thread-safe.
class Throttles {
 public:
  static constexpr Duration kLongest = std::chrono::hours(24);

  void set(std::uint64_t hash, Time until) {
    slot(hash).store(name(hash) << 32 | tick(until), std::memory_order_relaxed);
  }
  void clear(std::uint64_t hash) {
    std::uint64_t seen = slot(hash).load(std::memory_order_relaxed);
    if (seen >> 32 == name(hash)) slot(hash).compare_exchange_strong(seen, 0);
  }
  bool hold(std::uint64_t hash, Time now) const {
    const std::uint64_t seen = table_[hash % kSlots].load(std::memory_order_relaxed);
    if (seen >> 32 != name(hash)) return false;
    // The clock wraps after 49 days: what seems to last longer than any may is an old one.
    const std::uint32_t left = static_cast<std::uint32_t>(seen) - tick(now);
    return left != 0 && std::chrono::milliseconds(left) <= kLongest;
  }

 private:
  static constexpr std::size_t kSlots = 4096;
  static std::uint64_t name(std::uint64_t hash) { return hash >> 32 | 1; }  // never an empty slot's
  static std::uint32_t tick(Time at) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count());
  }
  std::atomic<std::uint64_t>& slot(std::uint64_t hash) { return table_[hash % kSlots]; }

  std::array<std::atomic<std::uint64_t>, kSlots> table_{};
};

}  // namespace sluice::cache
