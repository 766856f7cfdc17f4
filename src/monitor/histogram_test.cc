#include "sluice/monitor/histogram.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/random.h"
#include "monitor/metrics.h"

namespace sluice::monitor {
namespace {

// A snapshot of these raw values, by way of the registry.
HistogramSnapshot snapshot_of(const std::vector<std::uint64_t>& values, Unit unit) {
  Registry registry;
  const Histogram histogram = registry.histogram("sluice_test", "Test.", {}, unit);
  for (std::uint64_t v : values) histogram.record(v);
  return histogram.snapshot();
}

std::vector<std::uint64_t> random_values(std::uint64_t seed, int n) {
  Random random(seed);
  std::vector<std::uint64_t> out;
  for (int i = 0; i < n; ++i) out.push_back(random.next() >> (20 + random.below(44)));
  return out;
}

TEST(BucketScaleTest, a_value_lies_within_the_boundaries_of_its_bucket) {
  for (Unit unit : {Unit::seconds, Unit::plain}) {
    const BucketScale& scale = BucketScale::of(unit);
    const auto raw = static_cast<long double>(raw_per_unit(unit));
    for (std::uint64_t v : random_values(1, 200'000)) {
      if (v == 0) continue;
      const int index = static_cast<int>(scale.cell(v)) + scale.first_index();
      const auto x = static_cast<long double>(v);
      ASSERT_LT(raw * std::exp2(static_cast<long double>(index) / 32), x) << v;
      ASSERT_GE(raw * std::exp2(static_cast<long double>(index + 1) / 32), x) << v;
    }
  }
}

TEST(BucketScaleTest, upper_boundaries_belong_to_their_bucket) {
  const BucketScale& plain = BucketScale::of(Unit::plain);
  for (int exponent = 0; exponent < 64; ++exponent) {
    const std::uint64_t power = std::uint64_t{1} << exponent;
    EXPECT_EQ(static_cast<int>(plain.cell(power)) + plain.first_index(), 32 * exponent - 1);
    if (exponent == 0) continue;  // 2 is a boundary again
    EXPECT_GE(static_cast<int>(plain.cell(power + 1)) + plain.first_index(), 32 * exponent);
  }
  const BucketScale& seconds = BucketScale::of(Unit::seconds);
  EXPECT_EQ(static_cast<int>(seconds.cell(1'000'000'000)) + seconds.first_index(), -1)
      << "1 s is 2^0";
  EXPECT_EQ(static_cast<int>(seconds.cell(1'000'000'001)) + seconds.first_index(), 0);
  EXPECT_EQ(static_cast<int>(seconds.cell(4'000'000'000)) + seconds.first_index(), 63);
}

TEST(BucketScaleTest, cells_cover_all_values_in_order) {
  for (Unit unit : {Unit::seconds, Unit::plain}) {
    const BucketScale& scale = BucketScale::of(unit);
    EXPECT_LT(scale.cell(~std::uint64_t{0}), BucketScale::kCells);
    auto values = random_values(2, 50'000);
    std::ranges::sort(values);
    std::uint32_t last = 0;
    for (std::uint64_t v : values) {
      if (v == 0) continue;
      EXPECT_GE(scale.cell(v), last);
      last = scale.cell(v);
    }
  }
}

TEST(HistogramTest, counts_sums_and_zeros_are_exact) {
  const auto snapshot = snapshot_of({0, 1, 5, 5, 1'000'000}, Unit::bytes);
  EXPECT_EQ(snapshot.count, 5u);
  EXPECT_EQ(snapshot.zeros, 1u);
  EXPECT_DOUBLE_EQ(snapshot.sum(), 1'000'011);
  const auto seconds = snapshot_of({500'000'000, 1'000'000'000}, Unit::seconds);
  EXPECT_DOUBLE_EQ(seconds.sum(), 1.5);
}

TEST(HistogramTest, nothing_recorded_says_zero) {
  const auto empty = snapshot_of({}, Unit::seconds);
  EXPECT_EQ(empty.count, 0u);
  EXPECT_EQ(empty.quantile(0.99), 0.0);
  EXPECT_EQ(empty.reduced(3), [] {
    HistogramSnapshot h;
    h.schema = 3;
    return h;
  }());
}

TEST(HistogramTest, quantiles_keep_their_error_bound_at_each_schema) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto values = random_values(seed, 3'000);
    const auto fine = snapshot_of(values, Unit::seconds);
    std::ranges::sort(values);
    for (int schema : {5, 4, 3}) {
      const auto snapshot = fine.reduced(schema);
      const double bound = std::exp2(std::ldexp(1.0, -schema - 1)) - 1 + 1e-9;
      for (double q : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const double rank = std::max(1.0, std::ceil(q * static_cast<double>(values.size())));
        const double exact = static_cast<double>(values[static_cast<std::size_t>(rank) - 1]) / 1e9;
        ASSERT_LE(std::fabs(snapshot.quantile(q) - exact), bound * exact)
            << q << " at schema " << schema;
      }
    }
  }
}

TEST(HistogramTest, the_bounds_are_those_the_header_states) {
  EXPECT_LT(std::exp2(1.0 / 64) - 1, 0.011);
  EXPECT_LT(std::exp2(1.0 / 32) - 1, 0.022);
  EXPECT_LT(std::exp2(1.0 / 16) - 1, 0.0443);
}

TEST(HistogramTest, merging_snapshots_is_recording_into_one) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto a = random_values(seed, 200), b = random_values(seed + 100, 5);
    auto both = a;
    both.insert(both.end(), b.begin(), b.end());
    for (int schema : {5, 4, 3, 0}) {
      auto merged = snapshot_of(a, Unit::seconds).reduced(schema);
      merged.merge(snapshot_of(b, Unit::seconds));
      ASSERT_EQ(merged, snapshot_of(both, Unit::seconds).reduced(schema));
    }
  }
}

TEST(HistogramTest, the_lower_schema_of_two_remains) {
  auto fine = snapshot_of({10, 1'000'000}, Unit::seconds);
  const auto coarse = snapshot_of({500}, Unit::seconds).reduced(3);
  fine.merge(coarse);
  EXPECT_EQ(fine, snapshot_of({10, 500, 1'000'000}, Unit::seconds).reduced(3));
}

TEST(HistogramTest, merging_with_nothing_changes_nothing) {
  const auto values = snapshot_of({1, 2, 3}, Unit::bytes);
  auto merged = values;
  merged.merge(snapshot_of({}, Unit::bytes));
  EXPECT_EQ(merged, values);
  auto empty = snapshot_of({}, Unit::bytes);
  empty.merge(values);
  EXPECT_EQ(empty, values);
}

TEST(HistogramTest, reducing_in_steps_or_at_once_is_the_same) {
  const auto fine = snapshot_of(random_values(9, 1'000), Unit::seconds);
  EXPECT_EQ(fine.reduced(4).reduced(3), fine.reduced(3));
  EXPECT_EQ(fine.reduced(5), fine);
  std::uint64_t total = fine.reduced(0).zeros;
  for (std::uint64_t n : fine.reduced(0).buckets) total += n;
  EXPECT_EQ(total, fine.count);
}

TEST(HistogramTest, since_gives_what_came_in_between) {
  Registry registry;
  const Histogram histogram = registry.histogram("sluice_test_seconds", "Test.");
  for (std::uint64_t v : random_values(3, 100)) histogram.record(v);
  const auto before = histogram.snapshot();
  const auto later = random_values(4, 50);
  for (std::uint64_t v : later) histogram.record(v);
  EXPECT_EQ(histogram.snapshot().since(before), snapshot_of(later, Unit::seconds));
  EXPECT_EQ(histogram.snapshot().since(before.reduced(3)),
            snapshot_of(later, Unit::seconds).reduced(3));
  EXPECT_EQ(histogram.snapshot().since(histogram.snapshot()), snapshot_of({}, Unit::seconds));
}

TEST(HistogramTest, counts_up_to_a_power_of_two_are_exact_at_each_schema) {
  const auto values = random_values(5, 5'000);
  const auto fine = snapshot_of(values, Unit::bytes);
  for (int schema : {5, 4, 3, 0}) {
    for (int exponent = 0; exponent < 44; ++exponent) {
      const auto expected = std::ranges::count_if(
          values, [&](std::uint64_t v) { return v <= std::uint64_t{1} << exponent; });
      ASSERT_EQ(fine.reduced(schema).at_most_power(exponent), static_cast<std::uint64_t>(expected));
    }
  }
}

}  // namespace
}  // namespace sluice::monitor
