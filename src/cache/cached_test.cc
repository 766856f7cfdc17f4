// Wrapped functions: keys from arguments, answers through codecs.
#include "sluice/cache/cached.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache/loading_fixture.h"

namespace sluice::cache {

struct Point {
  int x = 0, y = 0;
};
template <>
struct Codec<Point> {
  static std::string encode(const Point& p) {
    return std::to_string(p.x) + " " + std::to_string(p.y);
  }
  static Result<Point> decode(std::string_view bytes) {
    Point p;
    const std::string text(bytes);
    if (std::sscanf(text.c_str(), "%d %d", &p.x, &p.y) != 2)
      return fail(Code::internal, "no point: " + text);
    return p;
  }
};

namespace {

using namespace std::chrono_literals;

enum class Color { red, green };

class CachedTest : public LoadingTest {};

TEST_F(CachedTest, calls_the_function_once_for_the_same_arguments) {
  int calls = 0;
  auto name = *cached(cache, {.name = "names", .ttl = 1h}, [&](int id, std::string_view language) {
    ++calls;
    return std::string(language) + std::to_string(id);
  });
  EXPECT_EQ(*name(7, "en"), "en7");
  EXPECT_EQ(*name(7, std::string("en")), "en7");
  EXPECT_EQ(*name(7, "de"), "de7");
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(name.erase(7, "en"));
  EXPECT_FALSE(name.erase(8, "en"));
  EXPECT_EQ(*name(7, "en"), "en7");
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(cache.invalidate_prefix(name.space(), "7:"));
  (void)name(7, "de");
  EXPECT_EQ(calls, 4);
  name.clear();
  (void)name(7, "de");
  EXPECT_EQ(calls, 5);
}

TEST_F(CachedTest, answers_have_their_type) {
  auto twice = *cached(cache, {.name = "twice"}, [](int n) -> Result<double> { return n * 2.0; });
  EXPECT_EQ(*twice(21), 42.0);
  EXPECT_EQ(*twice(21), 42.0);
  auto color =
      *cached(cache, {.name = "color"}, [](bool b) { return b ? Color::red : Color::green; });
  EXPECT_EQ(*color(false), Color::green);
  EXPECT_EQ(*color(false), Color::green);
  auto point = *cached(cache, {.name = "point"}, [](int x) { return Point{x, -x}; });
  EXPECT_EQ(point(3)->y, -3);
  EXPECT_EQ(point(3)->y, -3);
}

TEST_F(CachedTest, errors_pass_through_and_are_not_kept) {
  int calls = 0;
  auto never = *cached(cache, {.name = "never"}, [&](int) -> Result<int> {
    ++calls;
    return fail(Code::unavailable, "down");
  });
  EXPECT_EQ(never(1).error().code, Code::unavailable);
  EXPECT_EQ(never(1).error().detail, "down");
  EXPECT_EQ(calls, 2);
  auto throws =
      *cached(cache, {.name = "throws"}, [](int) -> int { throw std::runtime_error("x"); });
  EXPECT_EQ(throws(1).error().code, Code::internal);
}

TEST_F(CachedTest, tags_take_the_answers_with_them) {
  int calls = 0;
  auto get = std::move(*cached(cache, {.name = "tagged"}, [&] {
               return ++calls;
             })).with_tags({"table:users"});
  EXPECT_EQ(*get(), 1);
  EXPECT_EQ(*get(), 1);
  cache.invalidate_tag("table:users");
  EXPECT_EQ(*get(), 2);
}

TEST_F(CachedTest, a_policy_that_does_not_hold_is_an_error_at_once) {
  const auto made = cached(cache, {.name = "x"}, [](int n) { return n; }, {.jitter = 7});
  EXPECT_EQ(made.error().code, Code::invalid_argument);
}

// The arguments of a load that runs behind are its own.
TEST_F(CachedTest, arguments_outlive_the_call) {
  auto get =
      *cached(cache, {.name = "late"}, [](std::string_view s) { return std::string(s) + "!"; },
              {.hard_timeout = 1ms});
  EXPECT_EQ(get(std::string("a long text that no small buffer holds")).error().code,
            Code::timed_out);
  executor.run_all();
  EXPECT_EQ(*get("a long text that no small buffer holds"),
            "a long text that no small buffer holds!");
}

TEST(KeyOfTest, keys_are_readable_and_never_the_same_by_accident) {
  EXPECT_EQ(key_of(42, "en"), "42:en");
  EXPECT_EQ(key_of("a:b", "c"), "a%3Ab:c");
  EXPECT_EQ(key_of("a", "b:c"), "a:b%3Ac");
  EXPECT_EQ(key_of("a%3Ab", "c"), "a%253Ab:c");
  EXPECT_EQ(key_of(Color::green, true, -5L), "1:1:-5");
  EXPECT_EQ(key_of(), "");
  EXPECT_NE(key_of("", ""), key_of(""));
}

}  // namespace
}  // namespace sluice::cache
