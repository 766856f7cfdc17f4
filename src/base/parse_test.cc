#include "base/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseTest, durations_of_every_unit) {
  EXPECT_EQ(parse_duration("7ns").value(), 7ns);
  EXPECT_EQ(parse_duration("50us").value(), 50us);
  EXPECT_EQ(parse_duration("100ms").value(), 100ms);
  EXPECT_EQ(parse_duration("5s").value(), 5s);
  EXPECT_EQ(parse_duration("10m").value(), 10min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("2d").value(), 48h);
  EXPECT_EQ(parse_duration("1m30s").value(), 90s);
  EXPECT_EQ(parse_duration("1h5ms").value(), 1h + 5ms);
  EXPECT_EQ(parse_duration("0").value(), 0s);
  EXPECT_EQ(parse_duration("0s").value(), 0s);
}

TEST(ParseTest, durations_that_could_mean_two_things_are_refused) {
  for (const char* text : {"", "5", "-5s", "s", "5 s", " 5s", "5s ", "5S", "5sec", "1.5s", "30s1m",
                           "5s5s", "1m30", "5s\n", "1e3s", "+5s", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_THAT(parse_duration("5").error().detail, HasSubstr("\"5\" isn't a duration"));
  EXPECT_THAT(parse_duration("5").error().detail, HasSubstr("100ms"));
}

TEST(ParseTest, the_longest_duration_is_292_years) {
  EXPECT_TRUE(parse_duration("106751d"));
  EXPECT_THAT(parse_duration("106752d").error().detail, HasSubstr("292 years"));
  EXPECT_FALSE(parse_duration("106751d24h"));
  EXPECT_FALSE(parse_duration("18446744073709551615d"));
}

TEST(ParseTest, formatted_durations_parse_to_the_same_value) {
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(0s), "0");
  EXPECT_EQ(format_duration(-5s), "-5s");
  EXPECT_EQ(format_duration(1500us), "1ms500us");
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Duration duration(static_cast<std::int64_t>(random.next() >> (1 + random.below(63))));
    EXPECT_EQ(parse_duration(format_duration(duration)).value(), duration);
  }
  EXPECT_EQ(parse_duration(format_duration(Duration::max())).value(), Duration::max());
  EXPECT_THAT(format_duration(Duration::min()), testing::StartsWith("-106751d"));
}

TEST(ParseTest, sizes_are_powers_of_1024) {
  EXPECT_EQ(parse_size("123").value(), 123u);
  EXPECT_EQ(parse_size("16k").value(), 16u << 10);
  EXPECT_EQ(parse_size("200MB").value(), 200u << 20);
  EXPECT_EQ(parse_size("1GiB").value(), 1u << 30);
  EXPECT_EQ(parse_size("1gb").value(), 1u << 30);
  EXPECT_EQ(parse_size("2T").value(), 2ull << 40);
  EXPECT_EQ(parse_size("0").value(), 0u);
  EXPECT_EQ(parse_size("5b").value(), 5u);
}

TEST(ParseTest, sizes_that_are_none_are_refused) {
  for (const char* text :
       {"", "MB", "-1", "1 MB", "1.5MB", "1PB", "1ki", "0x10", "99999999999999999999", "1M B"})
    EXPECT_FALSE(parse_size(text)) << text;
  EXPECT_THAT(parse_size("17179869184GB").error().detail, HasSubstr("64 bits"));
  EXPECT_THAT(parse_size("many").error().detail, HasSubstr("\"many\" isn't a size"));
}

TEST(ParseTest, formatted_sizes_parse_to_the_same_value) {
  EXPECT_EQ(format_size(200 << 20), "200MB");
  EXPECT_EQ(format_size(1023), "1023");
  EXPECT_EQ(format_size(0), "0");
  Random random(2);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t size = random.next() >> random.below(64) << random.below(40);
    EXPECT_EQ(parse_size(format_size(size)).value(), size);
  }
}

TEST(ParseTest, flags_in_every_spelling) {
  for (const char* text : {"true", "on", "yes", "1", "TRUE", "On"})
    EXPECT_TRUE(parse_bool(text).value());
  for (const char* text : {"false", "off", "no", "0", "False"})
    EXPECT_FALSE(parse_bool(text).value());
  for (const char* text : {"", "y", "2", "truee", " on"})
    EXPECT_FALSE(parse_bool(text).has_value()) << text;
}

TEST(ParseTest, numbers_keep_to_their_bounds) {
  EXPECT_EQ(parse_u64("65535", 1, 65535).value(), 65535u);
  EXPECT_EQ(parse_u64("18446744073709551615").value(), ~0ull);
  for (const char* text : {"0", "65536", "", "-1", "+1", "1a", " 1", "1 ", "0x1"})
    EXPECT_FALSE(parse_u64(text, 1, 65535)) << text;
  EXPECT_FALSE(parse_u64("18446744073709551616"));
  EXPECT_THAT(parse_u64("70000", 1, 65535).error().detail,
              HasSubstr("\"70000\" isn't a whole number from 1 to 65535"));
}

TEST(ParseTest, trim_split_and_compare) {
  EXPECT_EQ(trim("  a b\t\r\n"), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("a,", ','), ElementsAre("a", ""));
  EXPECT_TRUE(iequals("SELECT", "select"));
  EXPECT_FALSE(iequals("SELECT", "selec"));
  EXPECT_FALSE(iequals("[", "{")) << "only letters have a case";
}

TEST(ParseTest, quoted_text_can_not_break_a_line_and_is_bounded) {
  EXPECT_EQ(sluice::quoted("a\n\"b\"\x7f"), R"("a\x0a\"b\"\x7f")");
  EXPECT_LT(sluice::quoted(std::string(10'000, 'x')).size(), 80u);
}

}  // namespace
}  // namespace sluice
