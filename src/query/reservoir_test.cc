// Reservoirs: every execution has the same chance, and the slowest stay.
#include "query/reservoir.h"

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

namespace sluice::query {
namespace {

using namespace std::chrono_literals;

// 8 of 1,000 in 400 rounds: 320 of each tenth are expected, with a deviation of 17.
TEST(ReservoirTest, each_execution_has_the_same_chance) {
  Dice dice(1);
  std::array<int, 10> tenths{};
  constexpr int kRounds = 400;
  for (int round = 0; round < kRounds; ++round) {
    Kept kept;
    for (std::uint64_t n = next_uniform(0, dice); n <= 1000; n = next_uniform(n, dice)) {
      const auto at = static_cast<std::int64_t>(n);
      put(kept, uniform_place(kept, n, dice), {.packed = {}, .took = Duration(at), .at = at});
    }
    ASSERT_EQ(kept.size(), kKept);
    for (const KeptSample& sample : kept) ++tenths[static_cast<std::size_t>(sample.at - 1) / 100];
  }
  for (const int tenth : tenths) EXPECT_NEAR(tenth, kRounds * 8 / 10, 90);
}

// The n-th is kept with probability 8 / n, however many were before: 8 (1/2001 + ... + 1/4000) = 5.54.
TEST(ReservoirTest, fewer_are_kept_the_more_there_were) {
  Dice dice(7);
  constexpr int kRounds = 2000;
  int kept = 0;
  for (int round = 0; round < kRounds; ++round)
    for (std::uint64_t n = next_uniform(2000, dice); n <= 4000; n = next_uniform(n, dice)) ++kept;
  EXPECT_NEAR(static_cast<double>(kept) / kRounds, 5.54, 0.25);
}

TEST(ReservoirTest, a_day_of_executions_is_drawn_at_once) {
  Dice dice(3);
  std::uint64_t n = 0, drawn = 0;
  for (; n < 10'000'000'000; ++drawn) n = next_uniform(n, dice);
  EXPECT_GT(drawn, 100u);
  EXPECT_LT(drawn, 300u) << "8 ln(1e10 / 8) + 8 = 176 are expected";
}

TEST(ReservoirTest, the_slowest_stay) {
  Kept kept;
  for (int n = 0; n < 100; ++n) {
    const Duration took(n * 37 % 100);
    if (const auto place = slowest_place(kept, took))
      put(kept, *place, {.packed = {}, .took = took});
  }
  std::set<Duration> slowest;
  for (const KeptSample& sample : kept) slowest.insert(sample.took);
  EXPECT_EQ(slowest.size(), kKept);
  EXPECT_EQ(*slowest.begin(), 92ns);
}

TEST(ReservoirTest, a_marriage_is_weighted_by_executions) {
  Dice dice(3);
  int from_a = 0;
  constexpr int kRounds = 2000;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Sample> a(kKept, Sample{.at = 1}), b(kKept, Sample{.at = 2});
    for (const Sample& sample : merge_uniform(a, 900, b, 100, dice))
      from_a += sample.at == 1 ? 1 : 0;
  }
  EXPECT_NEAR(from_a / (8.0 * kRounds), 0.9, 0.02);
}

TEST(ReservoirTest, a_marriage_keeps_all_there_is_room_for) {
  Dice dice(3);
  EXPECT_EQ(merge_uniform({Sample{.at = 1}}, 1, {Sample{.at = 2}}, 1, dice).size(), 2U);
  EXPECT_EQ(merge_uniform({}, 1000, std::vector<Sample>(3), 3, dice).size(), 3U);
  const auto slowest =
      merge_slowest({Sample{.took = 3ms}, Sample{.took = 1ms}}, {Sample{.took = 2ms}});
  ASSERT_EQ(slowest.size(), 3U);
  EXPECT_EQ(slowest[1].took, 2ms);
}

}  // namespace
}  // namespace sluice::query
