#include "cache/sketch.h"

#include <algorithm>

namespace sluice::cache {

void Sketch::resize(std::uint32_t entries) {
  lines_.assign(std::max<std::size_t>(2, entries * std::size_t{3} / 128 + 1), Line{});
  lines_.shrink_to_fit();
  added_ = 0;
  limit_ = std::max<std::uint64_t>(160, entries * std::uint64_t{10});
}

void Sketch::add(std::uint64_t hash, unsigned times) {
  if (lines_.empty()) return;
  Line& line = lines_[line_of(hash)];
  for (; times; --times) {
    bool counted = false;
    for (unsigned i = 0; i < 4; ++i) {
      std::uint64_t& word = line.words[word_of(hash, i)];
      const unsigned shift = shift_of(hash, i);
      if ((word >> shift & 15) == 15) continue;
      word += std::uint64_t{1} << shift;
      counted = true;
    }
    if (counted && ++added_ >= limit_) halve();
  }
}

unsigned Sketch::estimate(std::uint64_t hash) const {
  if (lines_.empty()) return 0;
  const Line& line = lines_[line_of(hash)];
  unsigned least = 15;
  for (unsigned i = 0; i < 4; ++i)
    least = std::min<unsigned>(least, line.words[word_of(hash, i)] >> shift_of(hash, i) & 15);
  return least;
}

void Sketch::halve() {
  for (Line& line : lines_)
    for (std::uint64_t& word : line.words) word = word >> 1 & 0x7777777777777777;
  added_ /= 2;
}

}  // namespace sluice::cache
