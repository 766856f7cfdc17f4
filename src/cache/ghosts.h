// Ghosts: which keys left lately, and from which queue; two bytes for each.
//
// A table of buckets with 32 entries: 12 bits of the hash, the queue, and a coarse age. What is older
// than about one cache's worth of evictions is swept away, as the FIFO of ghosts in S3-FIFO would.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/item.h"

namespace sluice::cache {

// Guarded by the shard.
class Ghosts {
 public:
  // Forgets all and holds about `entries` of each queue from now on.
  void resize(std::uint32_t entries);
  std::uint32_t entries() const { return entries_; }
  void add(std::uint64_t hash, Queue from);
  // Where it left from, and forgets it; none: not known.
  Queue take(std::uint64_t hash);
  // About how many there are.
  double count(Queue from) const { return counts_[from == Queue::main]; }
  std::size_t bytes() const { return table_.capacity() * sizeof(table_[0]); }

 private:
  static constexpr unsigned kWays = 32, kAges = 6;
  static std::uint16_t print_of(std::uint64_t hash) {
    return static_cast<std::uint16_t>(1 + (hash & 0xffff) % 4095);
  }
  std::uint16_t* bucket_of(std::uint64_t hash) {
    return &table_[((hash >> 32) * buckets_ >> 32) * kWays];
  }
  void turn(unsigned queue);

  std::vector<std::uint16_t> table_;  // age 3 bits, queue 1, print 12; 0: empty
  std::uint64_t buckets_ = 0;
  std::uint32_t entries_ = 0;
  std::uint32_t turned_[2] = {};  // evictions since the age changed
  std::uint16_t age_[2] = {};
  double counts_[2] = {};
};

}  // namespace sluice::cache
