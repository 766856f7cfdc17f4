// Base-2 exponential buckets: which one a value falls into, and what a set of them says.
//
// Boundaries are those of OpenTelemetry and Prometheus native histograms: at schema s bucket i holds
// 2^(i/2^s) < value <= 2^((i+1)/2^s), in seconds or bytes. Any two snapshots add up exactly, on other
// machines and in other years, and a lower schema is exactly the sum of neighbouring buckets. So
// a 30-day p99 is a true p99, with a relative error of at most 1.1 % (schema 5), 2.2 % (4), 4.4 % (3).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::monitor {

// What a histogram measures: raw values are integers, nanoseconds for seconds.
enum class Unit : std::uint8_t { seconds, bytes, plain };

constexpr std::uint64_t raw_per_unit(Unit unit) {
  return unit == Unit::seconds ? 1'000'000'000 : 1;
}

// Finds the bucket of a raw value at schema 5 without logarithms: the highest bit gives the octave,
// the next six a place in a table, one compare the bucket. Exact: boundaries were rounded down to
// integers, and an integer exceeds a boundary exactly if it exceeds that. Immutable.
class BucketScale {
 public:
  static constexpr int kSchema = 5;
  static constexpr std::uint32_t kCells = 32 * 64 + 1;  // of all values from 1 to 2^64 - 1

  static const BucketScale& of(Unit unit);

  // 0 <= cell < kCells; cell + first_index() is the bucket's index. REQUIRES: raw > 0.
  std::uint32_t cell(std::uint64_t raw) const {
    const int octave = 63 - std::countl_zero(raw);
    const std::uint64_t mantissa = raw << (63 - octave);
    const std::uint32_t below = below_[(mantissa >> 57) - 64];
    return 32 * static_cast<std::uint32_t>(octave) + below + (mantissa > boundary_[below]);
  }
  int first_index() const { return first_index_; }

 private:
  explicit BucketScale(std::uint64_t raw_per_unit);

  std::array<std::uint64_t, 33> boundary_;  // of one octave, as 1.63 fixed point; the last: none
  std::array<std::uint8_t, 64> below_;      // boundaries below each 1/64 of the octave
  int first_index_;
};

// What a histogram held at one moment. A value: copy, merge, subtract and store it as you like.
struct HistogramSnapshot {
  int schema = BucketScale::kSchema;
  Unit unit = Unit::seconds;
  std::uint64_t count = 0;
  std::uint64_t raw_sum = 0;  // nanoseconds for seconds
  std::uint64_t zeros = 0;
  int first = 0;                       // the index of buckets[0]
  std::vector<std::uint64_t> buckets;  // without empty ones at either end

  double sum() const;  // in seconds or bytes
  // The value that a share q of all values (0..1) doesn't exceed; 0 of nothing.
  double quantile(double q) const;
  // How many values were at most 2^exponent: exact at every schema from 0.
  std::uint64_t at_most_power(int exponent) const;

  // The same values in fewer buckets. REQUIRES: 0 <= to <= schema.
  HistogramSnapshot reduced(int to) const;
  // Adds other's values; the lower of the two schemas remains. REQUIRES: the same unit.
  void merge(const HistogramSnapshot& other);
  // What came since `earlier`, an older snapshot of the same histogram.
  HistogramSnapshot since(const HistogramSnapshot& earlier) const;

  bool operator==(const HistogramSnapshot&) const = default;

 private:
  void trim();
};

// Upper boundary of a bucket, in the histogram's unit.
double upper_bound(int schema, int index);

}  // namespace sluice::monitor
