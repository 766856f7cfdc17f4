#include "base/log.h"

#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class LogTest : public testing::Test {
 protected:
  LogOptions options(LogFormat format = LogFormat::text) {
    LogOptions out;
    out.format = format;
    out.sink = [this](std::string_view line) { lines_.emplace_back(line); };
    out.clock = [this] { return at_; };
    return out;
  }

  std::vector<std::string> lines_;
  Time at_{1h};
};

TEST_F(LogTest, a_line_of_text_has_time_level_component_message_and_fields) {
  Log log(options());
  log.info("postgres", "server refused the login",
           {{"host", "db1"},
            {"sqlstate", std::string("28P01")},
            {"tries", 3},
            {"after", 1500ms},
            {"tls", true},
            {"share", 0.5},
            {"big", ~0ull}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0],
              ContainsRegex("^time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z level=info "));
  EXPECT_THAT(
      lines_[0],
      testing::EndsWith(
          "component=postgres msg=\"server refused the login\" host=db1 sqlstate=28P01 tries=3 "
          "after=1s500ms tls=true share=0.5 big=18446744073709551615\n"));
}

TEST_F(LogTest, a_json_line_is_one_object) {
  Log log(options(LogFormat::json));
  log.error("pool", "gave up",
            {{"wait", 250ms}, {"text", "a\"b\\c\n\xff\u2028"}, {"n", -1}, {"x", 1.0 / 0.0}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0],
              testing::EndsWith(
                  "\"level\":\"error\",\"component\":\"pool\",\"msg\":\"gave up\",\"wait\":0.25,"
                  "\"text\":\"a\\\"b\\\\c\\n\\ufffd\\u2028\",\"n\":-1,\"x\":null}\n"));
}

TEST_F(LogTest, below_the_level_nothing_is_written) {
  Log log(options());
  EXPECT_FALSE(log.enabled(LogLevel::debug));
  log.debug("a", "hidden");
  log.set_level(LogLevel::error);
  log.warn("a", "hidden too");
  EXPECT_TRUE(lines_.empty());
  log.error("a", "seen");
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(LogTest, no_value_can_break_a_line_or_forge_a_field) {
  Log log(options());
  log.warn("client", "odd\nname",
           {{"user", "x\nlevel=error msg=forged"},
            {"esc", "\x1b[31m"},
            {"c1", "\xc2\x85"},
            {"bad key=\n", "v"},
            {"empty", ""},
            {"quote", "a\"b"},
            {"utf8", "\xc3\xa9t\xc3\xa9"}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0].find('\n'), lines_[0].size() - 1);
  EXPECT_THAT(
      lines_[0],
      HasSubstr(
          "msg=\"odd\\nname\" user=\"x\\nlevel=error msg=forged\" esc=\"\\u001b[31m\" "
          "c1=\"\\u0085\" bad_key__=v empty=\"\" quote=\"a\\\"b\" utf8=\"\xc3\xa9t\xc3\xa9\""));
}

TEST_F(LogTest, overlong_and_broken_utf8_never_gets_through) {
  Log log(options());
  for (const char* text :
       {"\xc0\x8a", "\xe0\x80\x8a", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\x80"})
    log.info("a", "b", {{"x", text}});
  for (const std::string& line : lines_) {
    EXPECT_THAT(line, HasSubstr("\\ufffd"));
    for (char c : line) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

TEST_F(LogTest, repeats_are_counted_and_reported_once) {
  Log log(options());
  for (int i = 0; i < 100; ++i) log.error("pool", "connect failed", {{"i", i}});
  EXPECT_EQ(lines_.size(), 10u);
  at_ += 5s;
  log.info("other", "something else");
  ASSERT_EQ(lines_.size(), 12u);
  EXPECT_THAT(lines_[10],
              HasSubstr("level=error component=pool msg=\"connect failed\" repeated=90\n"));
  log.error("pool", "connect failed", {{"i", 100}});
  ASSERT_EQ(lines_.size(), 13u) << "a new window starts";
  EXPECT_THAT(lines_[12], HasSubstr("i=100"));
}

TEST_F(LogTest, different_messages_do_not_count_together) {
  Log log(options());
  for (int i = 0; i < 10; ++i) {
    log.info("a", "one");
    log.info("a", "two");
    log.info("b", "one");
  }
  EXPECT_EQ(lines_.size(), 30u);
}

TEST_F(LogTest, a_burst_is_reported_without_another_line_and_at_the_end) {
  {
    Log log(options());
    for (int i = 0; i < 15; ++i) log.warn("a", "m");
    at_ += 6s;
    log.report_repeats();
    ASSERT_EQ(lines_.size(), 11u);
    EXPECT_THAT(lines_[10], HasSubstr("repeated=5"));
    for (int i = 0; i < 12; ++i) log.warn("a", "m");
  }
  EXPECT_THAT(lines_.back(), HasSubstr("repeated=2"));
}

TEST_F(LogTest, many_threads_write_whole_lines) {
  LogOptions o = options();
  o.repeat_limit = 1'000'000;
  Log log(o);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 500; ++i) log.info("thread", "line", {{"t", t}, {"i", i}});
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines_.size(), 2'000u);
  for (const std::string& line : lines_)
    EXPECT_THAT(line, ContainsRegex("msg=line t=[0-3] i=[0-9]+\n$"));
}

TEST(LogLevelTest, levels_by_name) {
  EXPECT_EQ(parse_log_level("WARN").value(), LogLevel::warn);
  EXPECT_THAT(parse_log_level("loud").error().detail, HasSubstr("debug, info, warn or error"));
}

}  // namespace
}  // namespace sluice
