// Reuse: how many requests pass until a key is asked for again, measured on one reference of 64, and
// the miss-ratio curve that follows from it: AET (Hu et al., USENIX ATC 2016). The share of reuse times
// above t says how fast an entry moves towards the end of an LRU stack, so its sum up to t is the
// stack's size. References are sampled, not keys.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "sluice/cache/curve.h"

namespace sluice::cache {

// Thread-safe.
class Reuse {
 public:
  explicit Reuse(std::size_t slots);  // a power of two: references waiting for their next use

  // True for one call in 64 of each thread.
  static bool sampled() { return (++references % 64) == 0; }
  // One in 64 comes here; the entry found, if any, is to be watched from now on.
  void start(std::uint64_t hash, bool hit);
  // True: this key's next use is waited for.
  bool watched(std::uint64_t hash) const {
    const std::uint64_t slot = slots_[hash & mask_].load(std::memory_order_relaxed);
    return slot != 0 && slot >> 32 == print_of(hash);
  }
  void finish(std::uint64_t hash);  // the next use of a watched key

  Curve curve(std::size_t entries, std::size_t bytes) const;
  std::size_t bytes() const { return (mask_ + 1) * 8 + sizeof(*this); }

 private:
  static constexpr unsigned kBins = 8 * 32;  // eight for each doubling
  static thread_local constinit std::uint32_t references;

  static std::uint64_t print_of(std::uint64_t hash) { return hash >> 32 | 1; }
  static unsigned bin_of(std::uint32_t age);
  static double start_of(unsigned bin);
  std::uint32_t clock() const;
  void halve();

  std::size_t mask_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> slots_;  // print of the key, time it was asked
  std::atomic<std::uint32_t> clock_{0};                  // references of all threads, in 64s
  mutable std::mutex mutex_;                             // guards what follows
  std::array<double, kBins> reused_{}, given_up_{};
  double hits_ = 0, asked_ = 0;  // of the sampled references
  std::uint64_t samples_ = 0;
};

}  // namespace sluice::cache
