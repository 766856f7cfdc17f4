// Octaves that come when they are needed.
#include "query/latency.h"

#include <algorithm>

namespace sluice::query {

using monitor::BucketScale;
using monitor::HistogramSnapshot;

std::uint64_t& Latency::bucket(int index, bool& grew) {
  constexpr int kFirst = 8 * kFirstOctave, kLast = kFirst + 8 * kOctaves - 1;
  const auto from = static_cast<std::size_t>(std::clamp(index, kFirst, kLast) - kFirst);
  std::uint8_t& place = place_[from / 8];
  if (place == 0) {
    octaves_.reserve(octaves_.size() + 1);  // exactly: there won't be many
    octaves_.emplace_back();
    place = static_cast<std::uint8_t>(octaves_.size());
    grew = true;
  }
  return octaves_[place - 1U][from % 8];
}

bool Latency::add(Duration took) {
  if (took <= Duration::zero()) {
    ++zeros_;
    return false;
  }
  const BucketScale& scale = BucketScale::of(monitor::Unit::seconds);
  const auto cell = static_cast<int>(scale.cell(static_cast<std::uint64_t>(took.count())));
  bool grew = false;
  // neighbours of schema 5 add up to schema 3; shifting rounds down for negative ones too
  ++bucket((cell + scale.first_index()) >> (BucketScale::kSchema - kSchema), grew);
  return grew;
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
