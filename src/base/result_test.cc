#include "sluice/result.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ErrorTest, text_names_code_place_and_cause) {
  const Error error{Code::unavailable, ECONNREFUSED, "connect to 10.0.0.1:5432"};
  EXPECT_EQ(error.text(), "unavailable: connect to 10.0.0.1:5432 (Connection refused)");
}

TEST(ErrorTest, text_quotes_the_upstreams_own_word) {
  const Error error{Code::unauthenticated, 0, "login at db1", "28P01"};
  EXPECT_EQ(error.text(), "unauthenticated: login at db1 [28P01]");
}

TEST(ErrorTest, text_leaves_out_what_is_not_there) {
  EXPECT_EQ((Error{Code::timed_out, 0, ""}.text()), "timed_out");
  EXPECT_EQ((Error{Code::not_found, 0, "database app"}.text()), "not_found: database app");
  EXPECT_EQ((Error{Code::internal, ENOENT, ""}.text()), "internal (No such file or directory)");
}

TEST(ErrorTest, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  const int last = static_cast<int>(Code::internal);
  for (int i = 0; i <= last; ++i) names.insert(name_of(static_cast<Code>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(last) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(ErrorTest, fail_becomes_any_result) {
  const Result<int> result = fail(Code::exhausted, "queue of 3");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::exhausted);
}

}  // namespace
}  // namespace sluice
