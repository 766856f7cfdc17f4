// Octaves that come when they are needed.
#include "query/latency.h"

#include <algorithm>

namespace sluice::query {

using monitor::HistogramSnapshot;

std::uint8_t Latency::add_octave() {
  octaves_.reserve(octaves_.size() + 1);  // exactly: there won't be many
  octaves_.emplace_back();
  return static_cast<std::uint8_t>(octaves_.size());
}

HistogramSnapshot Latency::snapshot(std::uint64_t count, Duration sum) const {
  HistogramSnapshot out{.schema = kSchema,
                        .count = count,
                        .raw_sum = static_cast<std::uint64_t>(sum.count()),
                        .zeros = zeros_};
  const auto used = [](std::uint8_t place) { return place > 0; };
  const auto first = std::ranges::find_if(place_, used);
  if (first == place_.end()) return out;
  const auto last = std::find_if(place_.rbegin(), place_.rend(), used).base();
  out.first = 8 * (kFirstOctave + static_cast<int>(first - place_.begin()));
  for (auto place = first; place != last; ++place) {
    const Octave octave = *place > 0 ? octaves_[*place - 1U] : Octave{};
    out.buckets.insert(out.buckets.end(), octave.begin(), octave.end());
  }
  while (out.buckets.back() == 0) out.buckets.pop_back();
  const auto filled = std::ranges::find_if(out.buckets, [](auto n) { return n > 0; });
  out.first += static_cast<int>(filled - out.buckets.begin());
  out.buckets.erase(out.buckets.begin(), filled);
  return out;
}

void Latency::restore(const HistogramSnapshot& snapshot) {
  *this = Latency{};
  zeros_ = snapshot.zeros;
  const HistogramSnapshot coarse = snapshot.reduced(kSchema);
  const int widen = kSchema - coarse.schema;  // above 0 for one that was coarser than ours
  bool grew = false;
  for (std::size_t i = 0; i < coarse.buckets.size(); ++i) {
    if (coarse.buckets[i] == 0) continue;
    const int index = (coarse.first + static_cast<int>(i)) * (1 << std::max(widen, 0));
    bucket(index, grew) += coarse.buckets[i];
  }
}

}  // namespace sluice::query
