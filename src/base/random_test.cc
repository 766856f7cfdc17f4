#include "base/random.h"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/secret.h"

namespace sluice {
namespace {

TEST(RandomTest, the_kernels_bytes_differ_each_time) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random_u64());
  EXPECT_EQ(seen.size(), 1'000u);
  std::vector<char> block(10'000);
  fill_random(std::span(block));
  EXPECT_GT(std::set<char>(block.begin(), block.end()).size(), 200u);
}

// The first numbers of xoshiro256** from the state that splitmix64 makes of seed 0.
TEST(RandomTest, a_seed_gives_the_same_numbers_everywhere) {
  Random random(0);
  EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.next(), 0xbf6e1f784956452au);
  Random again(0);
  EXPECT_EQ(again.next(), 0x99ec5f36cb75f2b4u);
}

TEST(RandomTest, below_reaches_every_value_about_equally_often) {
  Random random(3);
  std::vector<int> seen(10);
  for (int i = 0; i < 100'000; ++i) ++seen.at(random.below(10));
  EXPECT_GT(std::ranges::min(seen), 9'500);
  EXPECT_LT(std::ranges::max(seen), 10'500);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(RandomTest, unit_stays_below_one) {
  Random random(4);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = random.unit();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.01);
}

TEST(RandomTest, serves_the_standard_distributions) {
  Random random(5);
  std::vector<int> values{1, 2, 3, 4, 5, 6, 7, 8};
  std::ranges::shuffle(values, random);
  EXPECT_FALSE(std::ranges::is_sorted(values));
}

TEST(SecretTest, equal_only_if_every_byte_is) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("secret", "secret"));
  EXPECT_FALSE(constant_time_equal("secret", "secreT"));
  EXPECT_FALSE(constant_time_equal("secret", "Secret"));
  EXPECT_FALSE(constant_time_equal("secret", "secret1"));
  EXPECT_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace sluice
