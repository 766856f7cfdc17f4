// Which texts go prepared by themselves, and which are given up.
#include "session/postgres_popular.h"

#include <memory>

#include <gtest/gtest.h>

namespace sluice::postgres {
namespace {

using namespace std::chrono_literals;

// Executions of a text, of which prepared ones and others take so long. True: it was given up in these.
bool run(PopularText& text, int times, Duration plain, Duration prepared) {
  bool gave_up = false;
  for (int i = 0; i < times; ++i) {
    const bool goes = text.prepares();
    gave_up |= text.measured(goes, goes ? prepared : plain);
  }
  return gave_up;
}

TEST(PopularTextTest, what_comes_often_is_prepared) {
  PopularText text;
  for (unsigned i = 0; i < PopularText::kOften; ++i) EXPECT_FALSE(text.prepares()) << i;
  EXPECT_TRUE(text.prepares());
  EXPECT_TRUE(text.prepares());
}

TEST(PopularTextTest, one_now_and_then_goes_as_it_came) {
  PopularText text;
  for (unsigned i = 1; i <= PopularText::kOften; ++i) text.prepares();
  int plain = 0;
  for (unsigned i = 0; i < 10 * PopularText::kCompare; ++i) plain += !text.prepares();
  EXPECT_EQ(plain, 10);
}

// Enough that some went as they came, so that there is something to compare with.
constexpr int kKnown = PopularText::kCompare * (PopularText::kPlain + 1);

TEST(PopularTextTest, what_is_slower_prepared_is_given_up_once) {
  PopularText text;
  EXPECT_FALSE(run(text, kKnown, 100us, 100us));
  EXPECT_TRUE(run(text, 2 * PopularText::kWindow, 100us, 2ms));
  EXPECT_TRUE(text.reverted());
  EXPECT_FALSE(text.prepares());
  EXPECT_FALSE(run(text, 1000, 100us, 2ms)) << "told once";
}

TEST(PopularTextTest, a_little_slower_is_no_reason) {
  PopularText text;
  EXPECT_FALSE(run(text, 20 * kKnown, 100us, 2 * 100us + PopularText::kSlack));
  EXPECT_FALSE(text.reverted());
}

// One value in ten takes very long with a plan for all: the mean tells.
TEST(PopularTextTest, what_is_slow_for_some_values_is_given_up_by_its_mean) {
  PopularText text;
  EXPECT_FALSE(run(text, kKnown, 100us, 100us));
  bool gave_up = false;
  for (unsigned i = 0; i < 3 * PopularText::kJudged; ++i)
    gave_up |= run(text, 1, 100us, i % 10 == 0 ? Duration(20ms) : Duration(100us));
  EXPECT_TRUE(gave_up);
}

TEST(PopularTextTest, a_few_slow_ones_are_no_judgement) {
  PopularText text;
  EXPECT_FALSE(run(text, kKnown, 100us, 100us));
  for (int i = 0; i < 5000; ++i)
    ASSERT_FALSE(run(text, 1, 100us, i % 100 == 0 ? Duration(20ms) : Duration(100us)));
  EXPECT_FALSE(text.reverted());
}

TEST(PopularTextTest, nothing_is_judged_that_can_not_be_compared) {
  PopularText text;
  for (int i = 0; i < 10000; ++i) {
    const bool goes = text.prepares();
    ASSERT_FALSE(goes && text.measured(true, 1s));
  }
  EXPECT_FALSE(text.reverted());
}

TEST(PopularTextTest, what_fails_is_given_up_for_good) {
  PopularText text;
  run(text, 100, 100us, 100us);
  unsigned failures = 1;
  while (!text.failed()) ++failures;
  EXPECT_EQ(failures, PopularText::kMostFailures);
  EXPECT_FALSE(text.failed());  // told once
  // Those that were under way then are quick.
  for (int i = 0; i < 100; ++i) text.measured(true, 10us);
  EXPECT_TRUE(text.reverted());
  EXPECT_FALSE(text.prepares());
}

TEST(PopularTextsTest, a_text_keeps_its_record_until_another_takes_its_place) {
  PopularTexts texts;
  const Hash128 one{.high = 1, .low = 7}, other{.high = 2, .low = 7}, beside{.high = 1, .low = 8};
  texts.of(one).failed();
  texts.of(beside).prepares();
  EXPECT_NE(texts.find(one), nullptr);
  EXPECT_EQ(&texts.of(one), texts.find(one));
  EXPECT_EQ(texts.find(other), nullptr);
  texts.of(other);
  EXPECT_EQ(texts.find(one), nullptr);
  EXPECT_NE(texts.find(other), nullptr);
  EXPECT_NE(texts.find(beside), nullptr);
}

TEST(PopularTextsTest, one_that_takes_a_place_inherits_nothing) {
  PopularTexts texts;
  const Hash128 one{.high = 1, .low = 7}, other{.high = 2, .low = 7};
  for (unsigned i = 0; i < PopularText::kMostFailures; ++i) texts.of(one).failed();
  ASSERT_TRUE(texts.find(one)->reverted());
  EXPECT_FALSE(texts.of(other).reverted());
  EXPECT_FALSE(texts.of(one).reverted());
}

TEST(PopularTextsTest, a_statement_that_is_forgotten_is_prepared_anew) {
  PopularTexts texts;
  const auto statement = std::make_shared<const Statement>();
  const auto kept = std::make_shared<const Statement>();
  const Hash128 one{.high = 1, .low = 1}, other{.high = 1, .low = 2};
  texts.of(one).statement = statement;
  texts.of(other).statement = kept;
  texts.forget(*statement);
  EXPECT_EQ(texts.find(one)->statement, nullptr);
  EXPECT_EQ(texts.find(other)->statement, kept);
}

}  // namespace
}  // namespace sluice::postgres
