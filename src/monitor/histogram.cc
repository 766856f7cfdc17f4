// Tables of bucket boundaries, and arithmetic on snapshots.
#include "sluice/monitor/histogram.h"

#include <algorithm>
#include <cmath>

namespace sluice::monitor {

const BucketScale& BucketScale::of(Unit unit) {
  static const BucketScale seconds(raw_per_unit(Unit::seconds));
  static const BucketScale plain(1);
  return unit == Unit::seconds ? seconds : plain;
}

// In raw values a boundary is raw_per_unit * 2^(i/32): the same 32 mantissas in every octave, turned
// so that the smallest comes first. `turn` is the first step whose boundary reaches the next octave.
BucketScale::BucketScale(std::uint64_t raw_per_unit) {
  const int octave = 63 - std::countl_zero(raw_per_unit);
  const long double mantissa = std::ldexp(static_cast<long double>(raw_per_unit), -octave);
  const auto boundary = [&](int step) {
    return mantissa * std::exp2(static_cast<long double>(step) / 32);
  };
  int turn = 0;
  while (turn < 32 && boundary(turn) < 2) ++turn;
  for (int k = 0; k < 32; ++k) {
    long double x = boundary((turn + k) % 32);
    if (x >= 2) x /= 2;
    boundary_[static_cast<std::size_t>(k)] = static_cast<std::uint64_t>(std::ldexp(x, 63));
  }
  boundary_[32] = ~std::uint64_t{0};
  for (std::uint64_t part = 0; part < 64; ++part) {
    const auto end = std::ranges::lower_bound(boundary_, (64 + part) << 57);
    below_[part] = static_cast<std::uint8_t>(end - boundary_.begin());
  }
  first_index_ = turn - 32 * (octave + 1) - 1;
}

double upper_bound(int schema, int index) {
  return std::exp2(std::ldexp(static_cast<double>(index + 1), -schema));
}

double HistogramSnapshot::sum() const {
  return static_cast<double>(raw_sum) / static_cast<double>(raw_per_unit(unit));
}

double HistogramSnapshot::quantile(double q) const {
  if (count == 0) return 0;
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count));
  std::uint64_t left = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  left = std::min(left, count);
  if (left <= zeros) return 0;
  left -= zeros;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (left <= buckets[i]) {
      // the geometric middle: no further from any value in the bucket than half its width
      const double middle = first + static_cast<int>(i) + 0.5;
      return std::exp2(std::ldexp(middle, -schema));
    }
    left -= buckets[i];
  }
  return upper_bound(schema, first + static_cast<int>(buckets.size()) - 1);
}

std::uint64_t HistogramSnapshot::at_most_power(int exponent) const {
  const int end = exponent * (1 << schema);  // the first bucket above the boundary
  std::uint64_t total = zeros;
  for (std::size_t i = 0; i < buckets.size() && first + static_cast<int>(i) < end; ++i)
    total += buckets[i];
  return total;
}

HistogramSnapshot HistogramSnapshot::reduced(int to) const {
  HistogramSnapshot out = *this;
  const int shift = schema - to;
  if (shift <= 0) return out;
  out.schema = to;
  out.first = first >> shift;  // rounds down for negative indexes too
  out.buckets.clear();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto at = static_cast<std::size_t>(((first + static_cast<int>(i)) >> shift) - out.first);
    if (out.buckets.size() <= at) out.buckets.resize(at + 1);
    out.buckets[at] += buckets[i];
  }
  out.trim();
  return out;
}

void HistogramSnapshot::merge(const HistogramSnapshot& other) {
  if (other.schema < schema) *this = reduced(other.schema);
  const HistogramSnapshot& fine = other;
  const HistogramSnapshot added = fine.schema > schema ? fine.reduced(schema) : fine;
  count += added.count;
  raw_sum += added.raw_sum;
  zeros += added.zeros;
  if (added.buckets.empty()) return;
  if (buckets.empty()) first = added.first;
  const int end = std::max(first + static_cast<int>(buckets.size()),
                           added.first + static_cast<int>(added.buckets.size()));
  if (added.first < first) {
    buckets.insert(buckets.begin(), static_cast<std::size_t>(first - added.first), 0);
    first = added.first;
  }
  buckets.resize(static_cast<std::size_t>(end - first));
  const auto offset = static_cast<std::size_t>(added.first - first);
  for (std::size_t i = 0; i < added.buckets.size(); ++i) buckets[offset + i] += added.buckets[i];
}

HistogramSnapshot HistogramSnapshot::since(const HistogramSnapshot& earlier) const {
  HistogramSnapshot out = *this;
  const HistogramSnapshot before = earlier.schema > schema ? earlier.reduced(schema) : earlier;
  if (before.schema < schema) out = reduced(before.schema);
  const auto less = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  out.raw_sum = less(out.raw_sum, before.raw_sum);
  out.zeros = less(out.zeros, before.zeros);
  for (std::size_t i = 0; i < before.buckets.size(); ++i) {
    const int at = before.first + static_cast<int>(i) - out.first;
    if (at < 0 || at >= static_cast<int>(out.buckets.size())) continue;
    auto& bucket = out.buckets[static_cast<std::size_t>(at)];
    bucket = less(bucket, before.buckets[i]);
  }
  out.count = out.zeros;
  for (std::uint64_t n : out.buckets) out.count += n;
  out.trim();
  return out;
}

void HistogramSnapshot::trim() {
  while (!buckets.empty() && buckets.back() == 0) buckets.pop_back();
  const auto start = std::ranges::find_if(buckets, [](std::uint64_t n) { return n > 0; });
  first = buckets.empty() ? 0 : first + static_cast<int>(start - buckets.begin());
  buckets.erase(buckets.begin(), start);
}

}  // namespace sluice::monitor
