#include <gtest/gtest.h>

#include "sluice/query.h"

namespace sluice::query {
namespace {

TEST(VeilTest, second_byte_of_a_character_is_no_backslash_or_quote) {
  // GBK 0xd55c: the second byte is a backslash.
  const std::string veiled = veil_multibyte("SELECT '\xd5\x5c'; LISTEN x", false);
  EXPECT_EQ(veiled.find('\\'), std::string::npos);
  EXPECT_TRUE(Analyzer().examine(veiled, true).pinned_by(PinCause::listen));
}

TEST(VeilTest, half_width_katakana_is_one_byte) {
  EXPECT_EQ(veil_multibyte("'\xb1'", true), "'\xb1'");
  EXPECT_EQ(veil_multibyte("'\xb1'", false), "'\xb1\xff");
}

TEST(VeilTest, length_stays_and_a_lone_lead_byte_at_the_end_too) {
  EXPECT_EQ(veil_multibyte("a\x81", false), "a\x81");
  EXPECT_EQ(veil_multibyte("\x81\x30\x81\x30", false).size(), 4u);
}

}  // namespace
}  // namespace sluice::query
