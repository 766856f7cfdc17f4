// Latency: compact, and still as exact as it says.
#include "query/latency.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::query {
namespace {

using namespace std::chrono_literals;
using monitor::HistogramSnapshot;

HistogramSnapshot snapshot_of(const std::vector<Duration>& values) {
  Latency latency;
  Duration sum{};
  for (const Duration value : values) {
    latency.add(value);
    sum += value;
  }
  return latency.snapshot(values.size(), sum);
}

TEST(LatencyTest, quantiles_are_within_their_error) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> wide(std::log(3e6), 2.0);  // around 3 ms, 1 us to seconds
  std::vector<Duration> values;
  for (int i = 0; i < 20'000; ++i)
    values.emplace_back(std::max<std::int64_t>(1000, static_cast<std::int64_t>(wide(random))));
  const HistogramSnapshot seen = snapshot_of(values);
  std::ranges::sort(values);
  for (const double q : {0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
    const double exact = std::chrono::duration<double>(values[rank - 1]).count();
    EXPECT_NEAR(seen.quantile(q) / exact, 1.0, 0.044) << q;
  }
}

TEST(LatencyTest, a_new_one_is_small) {
  Latency latency;
  EXPECT_TRUE(latency.add(300us));
  EXPECT_FALSE(latency.add(310us));
  EXPECT_LE(latency.heap_bytes(), 64U);
}

TEST(LatencyTest, values_outside_count_at_the_edge) {
  const HistogramSnapshot seen = snapshot_of({0ns, -5ns, 1ns, 1000h});
  EXPECT_EQ(seen.zeros, 2U);
  EXPECT_EQ(seen.buckets.front(), 1U);
  EXPECT_EQ(seen.buckets.back(), 1U);
  EXPECT_EQ(seen.count, 4U);
}

RC_GTEST_PROP(LatencyTest, what_is_restored_is_what_was,
              (const std::vector<std::uint32_t>& micros)) {
  std::vector<Duration> values;
  for (const std::uint32_t n : micros) values.emplace_back(std::chrono::microseconds(n));
  const HistogramSnapshot seen = snapshot_of(values);
  Latency again;
  again.restore(seen);
  RC_ASSERT(again.snapshot(seen.count, Duration(static_cast<std::int64_t>(seen.raw_sum))) == seen);
}

RC_GTEST_PROP(LatencyTest, halves_add_up_to_the_whole,
              (const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b)) {
  std::vector<Duration> one, two, both;
  for (const std::uint32_t n : a) both.emplace_back(one.emplace_back(std::chrono::microseconds(n)));
  for (const std::uint32_t n : b) both.emplace_back(two.emplace_back(std::chrono::microseconds(n)));
  HistogramSnapshot sum = snapshot_of(one);
  sum.merge(snapshot_of(two));
  RC_ASSERT(sum == snapshot_of(both));
}

}  // namespace
}  // namespace sluice::query
