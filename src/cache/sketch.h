// Sketch: how often a key was asked for, roughly: TinyLFU's counters (Einziger et al., 2017), four of
// four bits for a key in one cache line, halved every ten cachefuls.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice::cache {

// Guarded by the shard.
class Sketch {
 public:
  // Forgets all; about 1.5 bytes an entry.
  void resize(std::uint32_t entries);
  void add(std::uint64_t hash, unsigned times = 1);
  unsigned estimate(std::uint64_t hash) const;
  std::size_t bytes() const { return lines_.capacity() * sizeof(Line); }

 private:
  struct alignas(64) Line {
    std::uint64_t words[8];
  };
  std::size_t line_of(std::uint64_t hash) const {
    return static_cast<std::size_t>((hash >> 32) * lines_.size() >> 32);
  }
  // The i-th counter: a word of its own pair, then one of its 16 nibbles.
  static unsigned word_of(std::uint64_t hash, unsigned i) { return 2 * i + (hash >> (5 * i) & 1); }
  static unsigned shift_of(std::uint64_t hash, unsigned i) {
    return 4 * (hash >> (5 * i + 1) & 15);
  }
  void halve();

  std::vector<Line> lines_;
  std::uint64_t added_ = 0, limit_ = 0;
};

}  // namespace sluice::cache
