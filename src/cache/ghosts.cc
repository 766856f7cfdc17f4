#include "cache/ghosts.h"

#include <algorithm>

namespace sluice::cache {

void Ghosts::resize(std::uint32_t entries) {
  entries_ = std::max(entries, 1u);
  buckets_ = (entries_ * std::uint64_t{8} / 5 + kWays - 1) / kWays + 1;
  table_.assign(buckets_ * kWays, 0);
  table_.shrink_to_fit();
  counts_[0] = counts_[1] = 0;
}

// One age further: whatever had this age in the last round is too old.
void Ghosts::turn(unsigned queue) {
  turned_[queue] = 0;
  age_[queue] = (age_[queue] + 1) % 8;
  const auto out = static_cast<std::uint16_t>(((age_[queue] + 8 - kAges) % 8) << 13 | queue << 12);
  std::uint32_t gone = 0, left = 0;
  for (auto& entry : table_) {
    if (!entry) continue;
    if ((entry & 0xf000) == out) {
      entry = 0;
      ++gone;
    } else if ((entry >> 12 & 1) == queue) {
      ++left;
    }
  }
  counts_[queue] = left;
}

void Ghosts::add(std::uint64_t hash, Queue from) {
  if (table_.empty()) return;
  const unsigned queue = from == Queue::main;
  if (++turned_[queue] > entries_ / kAges) turn(queue);
  std::uint16_t* bucket = bucket_of(hash);
  unsigned oldest = 0;
  int oldest_age = -1;
  for (unsigned i = 0; i < kWays; ++i) {
    if (!bucket[i]) {
      oldest = i;
      oldest_age = -2;
      break;
    }
    const int age = (age_[bucket[i] >> 12 & 1] - (bucket[i] >> 13) + 8) % 8;
    if (age > oldest_age) oldest = i, oldest_age = age;
  }
  if (bucket[oldest] && oldest_age != -2) {
    double& count = counts_[bucket[oldest] >> 12 & 1];
    count = std::max(0.0, count - 1);
  }
  bucket[oldest] = static_cast<std::uint16_t>(age_[queue] << 13 | queue << 12 | print_of(hash));
  ++counts_[queue];
}

Queue Ghosts::take(std::uint64_t hash) {
  if (table_.empty()) return Queue::none;
  std::uint16_t* bucket = bucket_of(hash);
  const std::uint16_t print = print_of(hash);
  for (unsigned i = 0; i < kWays; ++i) {
    if ((bucket[i] & 0xfff) != print) continue;
    const unsigned queue = bucket[i] >> 12 & 1;
    bucket[i] = 0;
    counts_[queue] = std::max(0.0, counts_[queue] - 1);
    return queue ? Queue::main : Queue::small;
  }
  return Queue::none;
}

}  // namespace sluice::cache
