// Patterns against a plain recursive matcher, and that bad ones cost no more than their size.
#include "cache/glob.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::cache {
namespace {

bool matches(std::string_view pattern, std::string_view key) {
  return Glob::parse(pattern)->matches(key);
}

TEST(GlobTest, stars_question_marks_and_backslashes) {
  EXPECT_TRUE(matches("user:*:profile", "user:42:profile"));
  EXPECT_TRUE(matches("user:*:profile", "user::profile"));
  EXPECT_TRUE(matches("user:*:profile", "user:a:b:profile"));
  EXPECT_FALSE(matches("user:*:profile", "user:42:profiles"));
  EXPECT_FALSE(matches("user:*:profile", "xuser:42:profile"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("a**b", "ab"));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_TRUE(matches("a\\*", "a*"));
  EXPECT_FALSE(matches("a\\*", "ab"));
  EXPECT_TRUE(matches("\\\\", "\\"));
  EXPECT_TRUE(matches("\xff*", "\xff\xfe"));
  EXPECT_EQ(Glob::parse("a\\").error().code, Code::invalid_argument);
  EXPECT_EQ(Glob::parse(std::string(70'000, 'a')).error().code, Code::invalid_argument);
}

TEST(GlobTest, many_stars_are_no_trap) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", std::string(5000, 'a')));
}

bool slowly(std::string_view p, std::string_view k) {
  if (p.empty()) return k.empty();
  if (p[0] == '*') return slowly(p.substr(1), k) || (!k.empty() && slowly(p, k.substr(1)));
  return !k.empty() && (p[0] == '?' || p[0] == k[0]) && slowly(p.substr(1), k.substr(1));
}

RC_GTEST_PROP(GlobProperty, agrees_with_a_matcher_that_tries_everything, ()) {
  const auto text = [](const char* letters, int most) {
    return *rc::gen::resize(
        most, rc::gen::container<std::string>(rc::gen::elementOf(std::string(letters))));
  };
  const std::string pattern = text("ab*?", 8), key = text("ab", 10);
  RC_ASSERT(matches(pattern, key) == slowly(pattern, key));
}

}  // namespace
}  // namespace sluice::cache
