// A small hash table of identities: what the loop detector's counting and matching is made of.
//
// Identities are hashes already, so a multiplication spreads them enough; open addressing keeps a
// window's few hundred entries in the nearest cache. Made for one window, never shrinks, forgets nothing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::query {

class LoopTable {
 public:
  explicit LoopTable(std::size_t expected)
      : cells_(std::bit_ceil(expected * 2 + 8)), shift_(64 - std::bit_width(cells_.size() - 1)) {}

  // The value of a key, 0 at first. REQUIRES: key != 0. Holds until the next call.
  std::uint32_t& operator[](std::uint64_t key) {
    if ((used_ + 1) * 4 > cells_.size() * 3) grow();
    Cell& cell = cells_[place(key)];
    if (cell.key == 0) {
      cell.key = key;
      ++used_;
    }
    return cell.value;
  }
  // 0: it isn't there.
  std::uint32_t find(std::uint64_t key) const {
    const Cell& cell = cells_[place(key)];
    return cell.key == key ? cell.value : 0;
  }
  std::size_t size() const { return used_; }

 private:
  struct Cell {
    std::uint64_t key = 0;
    std::uint32_t value = 0;
  };

  std::size_t place(std::uint64_t key) const {
    std::size_t at = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> shift_);
    while (cells_[at].key != 0 && cells_[at].key != key) at = (at + 1) & (cells_.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    --shift_;
    for (const Cell& cell : old) {
      if (cell.key != 0) cells_[place(cell.key)] = cell;
    }
  }

  std::vector<Cell> cells_;  // a power of two of them, a quarter free at least
  int shift_;
  std::size_t used_ = 0;
};

}  // namespace sluice::query
