#include "base/hash.h"

#include <string>
#include <unordered_set>

#include <gtest/gtest.h>

namespace sluice {
namespace {

// Values of xxHash's own specification, so that stored hashes stay valid with every release.
TEST(HashTest, values_are_those_of_xxh3) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash128("").text(), "99aa06d3014798d86001c324468d497f");
}

TEST(HashTest, content_and_seed_decide) {
  EXPECT_EQ(hash64("select 1"), hash64(std::string("select 1")));
  EXPECT_NE(hash64("select 1"), hash64("select 2"));
  EXPECT_NE(hash64("select 1"), hash64("select 1", 1));
  EXPECT_NE(hash128("a"), hash128("b"));
}

TEST(HashTest, hashes_are_keys_of_the_standard_tables) {
  std::unordered_set<Hash128> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(hash128(std::to_string(i)));
  EXPECT_EQ(seen.size(), 10'000u);
}

}  // namespace
}  // namespace sluice
