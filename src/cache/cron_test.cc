// Lines and the points in time that they mean, and what is said about wrong ones.
#include "sluice/cache/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::cache {
namespace {

using namespace std::chrono;
using testing::HasSubstr;

WallTime at(int y, unsigned mo, unsigned d, int h = 0, int mi = 0, int s = 0) {
  return sys_days(year(y) / month(mo) / day(d)) + hours(h) + minutes(mi) + seconds(s);
}

WallTime next(std::string_view line, WallTime after) {
  const Result<Cron> cron = Cron::parse(line);
  EXPECT_TRUE(cron) << cron.error().text();
  return cron ? cron->next(after) : WallTime::max();
}

TEST(CronTest, next_is_the_first_minute_that_fits_after_now) {
  const WallTime now = at(2026, 11, 20, 19, 30, 5);  // a Friday
  EXPECT_EQ(next("* * * * *", now), at(2026, 11, 20, 19, 31));
  EXPECT_EQ(next("30 19 * * *", now), at(2026, 11, 21, 19, 30)) << "this minute has begun";
  EXPECT_EQ(next("30 19 * * *", at(2026, 11, 20, 19, 29, 59)), at(2026, 11, 20, 19, 30));
  EXPECT_EQ(next("*/15 * * * *", now), at(2026, 11, 20, 19, 45));
  EXPECT_EQ(next("5-20/5 8-18/2 * * *", now), at(2026, 11, 21, 8, 5));
  EXPECT_EQ(next("0 4 * * MON-FRI", now), at(2026, 11, 23, 4));
  EXPECT_EQ(next("0 0 * * 7", now), at(2026, 11, 22));
  EXPECT_EQ(next("0 0 * * 0,tue", now), at(2026, 11, 22));
  EXPECT_EQ(next("0 0 31 * *", now), at(2026, 12, 31));
  EXPECT_EQ(next("0 0 1 jan *", now), at(2027, 1, 1));
  EXPECT_EQ(next("0 0 29 2 *", now), at(2028, 2, 29));
  EXPECT_EQ(next("0 0 29 2 *", at(2096, 3, 1)), at(2104, 2, 29));
  EXPECT_EQ(next("10/20 * * * *", now), at(2026, 11, 20, 19, 50));
}

TEST(CronTest, either_day_counts_when_both_are_restricted) {
  EXPECT_EQ(next("0 0 13 * FRI", at(2026, 11, 20)), at(2026, 11, 27));
  EXPECT_EQ(next("0 0 1 * WED", at(2026, 11, 27)), at(2026, 12, 1));
  EXPECT_EQ(next("0 0 31 2 MON", at(2026, 11, 27)), at(2027, 2, 1)) << "a Monday in February";
}

TEST(CronTest, nicknames) {
  const WallTime now = at(2026, 11, 20, 19, 30);
  EXPECT_EQ(next("@hourly", now), at(2026, 11, 20, 20));
  EXPECT_EQ(next("@daily", now), at(2026, 11, 21));
  EXPECT_EQ(next("@midnight", now), at(2026, 11, 21));
  EXPECT_EQ(next("@weekly", now), at(2026, 11, 22));
  EXPECT_EQ(next("@monthly", now), at(2026, 12, 1));
  EXPECT_EQ(next("@yearly", now), at(2027, 1, 1));
}

TEST(CronTest, errors_name_the_field_and_the_mend) {
  const std::pair<const char*, std::vector<const char*>> cases[] = {
      {"", {"has 0 fields", "write five"}},
      {"* * * *", {"has 4 fields", "minute, hour, day of month, month, weekday"}},
      {"* * * * * *", {"has 6 fields"}},
      {"@never", {"has 1 fields", "@hourly"}},
      {"60 * * * *", {"minute \"60\" is out of range", "0-59"}},
      {"* 24 * * *", {"hour \"24\"", "0-23"}},
      {"* * 0 * *", {"day of month \"0\"", "1-31"}},
      {"* * * 13 *", {"month \"13\"", "1-12 or JAN-DEC"}},
      {"* * * * 8", {"weekday \"8\"", "0-7 or SUN-SAT"}},
      {"* * * * FRY", {"weekday \"FRY\" isn't understood"}},
      {"1,,2 * * * *", {"minute \"\" isn't understood"}},
      {"*/0 * * * *", {"minute \"*/0\"", "above 0"}},
      {"*/x * * * *", {"minute \"*/x\""}},
      {"9-5 * * * *", {"minute \"9-5\" runs backwards", "two ranges"}},
      {"-5 * * * *", {"minute \"-5\" isn't understood"}},
      {"99999999999999999999 * * * *", {"minute"}},
      {"0 0 31 2,4 *", {"day of month \"31\"", "none of the months in \"2,4\""}},
  };
  for (const auto& [line, texts] : cases) {
    const Result<Cron> cron = Cron::parse(line);
    ASSERT_FALSE(cron) << line;
    EXPECT_EQ(cron.error().code, Code::invalid_argument);
    for (const char* text : texts) EXPECT_THAT(cron.error().detail, HasSubstr(text));
  }
}

RC_GTEST_PROP(CronProperty, next_fits_and_nothing_between_does,
              (unsigned short minutes, unsigned char hour)) {
  const unsigned m = minutes % 60, h = hour % 24;
  const WallTime after = at(2026, 1, 1) + seconds(*rc::gen::inRange(0, 365 * 86400));
  const WallTime got = next(std::to_string(m) + " " + std::to_string(h) + " * * *", after);
  RC_ASSERT(got > after);
  RC_ASSERT(got - after <= days(1));
  RC_ASSERT(got - floor<days>(got) == hours(h) + std::chrono::minutes(m));
}

RC_GTEST_PROP(CronProperty, no_text_does_harm, (const std::string& text)) {
  if (const Result<Cron> cron = Cron::parse(text))
    RC_ASSERT(cron->next(at(2026, 1, 1)) > at(2026, 1, 1));
}

}  // namespace
}  // namespace sluice::cache
