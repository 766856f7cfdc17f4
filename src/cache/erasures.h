// Erasures: which keys were taken out one by one or by a pattern, and when, so that a load which began
// before doesn't bring them back. Entries that stand in the index need no such memory (they are gone),
// only loads under way do: hence a small table of stamps by the key's hash, and the latest patterns.
// A collision, or a pattern that had to be forgotten, voids too much, never too little.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>

#include "cache/glob.h"
#include "sluice/cache/engine.h"

namespace sluice::cache {

// Thread-safe. Its clock counts erasures in 64 bits, which don't wrap.
class Erasures {
 public:
  // slots: a power of two.
  explicit Erasures(std::size_t slots)
      : slots_(slots), table_(new std::atomic<std::uint64_t>[slots]()) {}

  std::uint64_t now() const { return clock_.load(std::memory_order_acquire); }
  void stamp(std::uint64_t hash) { raise(table_[hash & (slots_ - 1)], tick()); }
  void stamp(NamespaceId space, const Glob& glob);

  // The key, whose hash this is, was erased after `at`.
  bool younger(NamespaceId space, std::string_view key, std::uint64_t hash,
               std::uint64_t at) const {
    if (table_[hash & (slots_ - 1)].load(std::memory_order_acquire) > at) return true;
    return last_pattern_.load(std::memory_order_acquire) > at && pattern_younger(space, key, at);
  }
  std::size_t bytes() const { return slots_ * sizeof(std::uint64_t); }

 private:
  static constexpr std::size_t kPatterns = 64;
  struct Pattern {
    std::uint64_t at;
    NamespaceId space;
    Glob glob;
  };

  std::uint64_t tick() { return clock_.fetch_add(1, std::memory_order_acq_rel) + 1; }
  static void raise(std::atomic<std::uint64_t>& stamp, std::uint64_t at) {
    std::uint64_t seen = stamp.load(std::memory_order_relaxed);
    while (seen < at && !stamp.compare_exchange_weak(seen, at, std::memory_order_acq_rel)) {
    }
  }
  bool pattern_younger(NamespaceId space, std::string_view key, std::uint64_t at) const;

  std::size_t slots_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> table_;
  std::atomic<std::uint64_t> clock_{1}, last_pattern_{0};
  mutable std::mutex mutex_;
  std::deque<Pattern> patterns_;  // guarded by mutex_; oldest first
  std::uint64_t forgotten_ = 0;   // guarded by mutex_; patterns up to this one are no longer known
};

}  // namespace sluice::cache
