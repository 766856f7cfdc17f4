// Comments of sqlcommenter: what is taken from them, and from others nothing.
#include "query/comment_tags.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::query {
namespace {

constexpr const char* kTrace =
    "traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'";

TEST(CommentTagsTest, tags_are_decoded_and_sorted) {
  const CommentTags seen = read_comment(
      "route='%2Fparam%20first',controller='users',framework='django%3A4.2',db_driver='psycopg2'");
  EXPECT_EQ(seen.tags,
            "controller=users,db_driver=psycopg2,framework=django:4.2,route=/param first");
  EXPECT_EQ(seen.trace, 0U);
}

TEST(CommentTagsTest, the_trace_stands_apart) {
  const CommentTags seen =
      read_comment(std::string("action='show',") + kTrace + ",tracestate='congo%3Dt61rcWkgMzE'");
  EXPECT_EQ(seen.tags, "action=show");
  EXPECT_NE(seen.trace, 0U);
  EXPECT_EQ(read_comment(kTrace).trace, seen.trace);
}

TEST(CommentTagsTest, spans_of_one_trace_agree) {
  EXPECT_EQ(
      read_comment("traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-aaaaaaaaaaaaaaaa-00'").trace,
      read_comment(kTrace).trace);
  EXPECT_NE(
      read_comment("traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716b-c532cb4098ac3dd2-01'").trace,
      read_comment(kTrace).trace);
}

TEST(CommentTagsTest, an_invalid_trace_is_none) {
  for (const char* traceparent : {"00-00000000000000000000000000000000-c532cb4098ac3dd2-01",
                                  "00-5bd66ef5095369c7b0d1f8f4bd33716a-0000000000000000-01",
                                  "ff-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01",
                                  "00-5BD66EF5095369C7B0D1F8F4BD33716A-c532cb4098ac3dd2-01",
                                  "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01-x",
                                  "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-0",
                                  "00_5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01", ""}) {
    EXPECT_EQ(read_comment("traceparent='" + std::string(traceparent) + "'").trace, 0U)
        << traceparent;
  }
  // a later version may say more
  EXPECT_NE(
      read_comment("traceparent='01-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01-x'").trace,
      0U);
}

TEST(CommentTagsTest, quotes_in_values_have_backslashes) {
  EXPECT_EQ(read_comment(R"(a='it\'s',b='\\')").tags, R"(a=it's,b=\)");
  EXPECT_EQ(read_comment("a='%27x%27'").tags, "a='x'");
}

TEST(CommentTagsTest, blanks_around_tags_dont_matter) {
  EXPECT_EQ(read_comment("  b='2' , a='1'\n").tags, "a=1,b=2");
}

TEST(CommentTagsTest, what_is_no_list_of_tags_gives_nothing) {
  for (const char* comment :
       {"", "  ", "+ IndexScan(t)", "a note", "a=1", "a='1", "a='1' b='2'", "='1'", "a='1',",
        ",a='1'", "controller:users", "it's a = 'b'", "a='1',b", "a='\\"})
    EXPECT_EQ(read_comment(comment).tags, "") << comment;
}

TEST(CommentTagsTest, control_bytes_and_wrong_utf8_dont_come_through) {
  EXPECT_EQ(read_comment("a='x%00%0ay%ff'").tags, "a=x  y?");
}

TEST(CommentTagsTest, length_is_bounded) {
  const std::string seen =
      read_comment("a='" + std::string(200, 'x') + "',b='" + std::string(300, 'y') + "',c='3'")
          .tags;
  EXPECT_LE(seen.size(), kMaxTagBytes);
  EXPECT_TRUE(seen.starts_with("a=x"));
  std::string many = "k='v'";
  for (std::size_t i = 0; i < kMaxTags; ++i) many += ",k='v'";
  EXPECT_EQ(read_comment(many).tags, "");
}

RC_GTEST_PROP(CommentTagsTest, any_bytes_give_bounded_tags, (const std::string& comment)) {
  RC_ASSERT(read_comment("a='" + comment + "'").tags.size() <= kMaxTagBytes);
  RC_ASSERT(read_comment(comment).tags.size() <= kMaxTagBytes);
}

}  // namespace
}  // namespace sluice::query
