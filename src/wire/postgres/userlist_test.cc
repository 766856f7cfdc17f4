#include "wire/postgres/userlist.h"

#include <gtest/gtest.h>

namespace sluice::postgres {
namespace {

using Entries = std::vector<UserlistEntry>;

void expect_error(std::string_view text, std::string_view line) {
  auto entries = parse_userlist(text);
  ASSERT_FALSE(entries) << text;
  EXPECT_EQ(entries.error().code, Code::invalid_argument);
  EXPECT_TRUE(entries.error().detail.starts_with(line)) << entries.error().detail;
}

TEST(UserlistTest, users_and_passwords_in_order) {
  EXPECT_EQ(*parse_userlist("\"a\" \"x\"\n\"b\" \"\"\n"), (Entries{{"a", "x"}, {"b", ""}}));
  EXPECT_EQ(*parse_userlist("\"a\"\t\"x\"\r\n  \"b\"   \"y\""), (Entries{{"a", "x"}, {"b", "y"}}));
}

TEST(UserlistTest, doubled_quotes_stand_for_one) {
  EXPECT_EQ(*parse_userlist(R"("o""brien" "say ""hi""")"), (Entries{{"o\"brien", "say \"hi\""}}));
  EXPECT_EQ(*parse_userlist(R"("a" """")"), (Entries{{"a", "\""}}));
}

TEST(UserlistTest, comments_blank_lines_and_further_fields_are_passed_over) {
  EXPECT_EQ(*parse_userlist(
                "; users\n\n  # more\n\"a\" \"x\" ignored \"y\n\r\n   \n\"b\" \"; not a comment\""),
            (Entries{{"a", "x"}, {"b", "; not a comment"}}));
  EXPECT_EQ(*parse_userlist("\xef\xbb\xbf\"a\" \"x\""), (Entries{{"a", "x"}}));
  EXPECT_TRUE(parse_userlist("")->empty());
}

TEST(UserlistTest, errors_name_the_line) {
  expect_error("app secret", "line 1:");
  expect_error("\"a\" \"x\"\n\n\"b", "line 3: the user name's closing quote");
  expect_error("\"a\" \"x\n\"b\" \"y\"", "line 1: the password's closing quote");
  expect_error("# c\n\"a\"", "line 2: behind the user name");
  expect_error("\"a\" x", "line 1: behind the user name");
  expect_error("\"\" \"x\"", "line 1: the user name is empty");
  expect_error(std::string_view("\"a\" \"x\0y\"", 9), "line 1: a zero byte");
}

}  // namespace
}  // namespace sluice::postgres
