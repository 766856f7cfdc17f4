// Stamps: invalidation without looking for anything. A clock counts invalidations; an entry knows the
// clock when it was loaded, a namespace or tag the clock when it was last invalidated. Younger stamp,
// dead entry. Tags and prefixes share a table of stamps by hash: a collision takes too much, never
// too little.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::cache {

// Thread-safe.
class Stamps {
 public:
  using Stamp = std::atomic<std::uint32_t>;

  // slots: a power of two, at most 2^16.
  explicit Stamps(std::size_t slots) : slots_(slots), table_(new Stamp[slots]()) {}

  std::uint64_t now() const { return clock_.load(std::memory_order_acquire); }
  std::uint16_t slot_of(std::uint64_t hash) const {
    return static_cast<std::uint16_t>(hash & (slots_ - 1));
  }
  bool younger(std::uint16_t slot, std::uint32_t born) const { return younger(table_[slot], born); }
  static bool younger(const Stamp& stamp, std::uint32_t born) {
    const std::uint32_t at = stamp.load(std::memory_order_acquire);
    return at != 0 && static_cast<std::int32_t>(at - born) > 0;
  }
  // So many invalidations ago that the 32 bits no longer tell: taken for dead.
  bool too_old(std::uint32_t born) const {
    return static_cast<std::uint32_t>(clock_.load(std::memory_order_relaxed)) - born > kHorizon;
  }

  void bump(std::uint16_t slot) { bump(table_[slot]); }
  void bump(Stamp& stamp) {
    const std::uint64_t at = clock_.fetch_add(1, std::memory_order_acq_rel) + 1;
    raise(stamp, static_cast<std::uint32_t>(at));
    if (at % (kHorizon / 4) == 0) forget_old(static_cast<std::uint32_t>(at));
  }
  // Of a stamp outside the table, every quarter of the horizon.
  static constexpr std::uint32_t kHorizon = 1u << 30;
  std::size_t bytes() const { return slots_ * sizeof(Stamp); }

 private:
  static void raise(Stamp& stamp, std::uint32_t at) {
    if (at == 0) at = 1;  // 0 means never
    std::uint32_t seen = stamp.load(std::memory_order_relaxed);
    while ((seen == 0 || static_cast<std::int32_t>(at - seen) > 0) &&
           !stamp.compare_exchange_weak(seen, at, std::memory_order_acq_rel)) {
    }
  }
  // What is older than every entry that still counts is the same as never.
  void forget_old(std::uint32_t at) {
    for (std::size_t i = 0; i < slots_; ++i) {
      std::uint32_t seen = table_[i].load(std::memory_order_relaxed);
      if (seen && at - seen > kHorizon)
        table_[i].compare_exchange_strong(seen, 0, std::memory_order_acq_rel);
    }
  }

  std::size_t slots_;
  std::unique_ptr<Stamp[]> table_;
  std::atomic<std::uint64_t> clock_{1};
};

}  // namespace sluice::cache
