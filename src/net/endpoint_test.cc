#include "net/endpoint.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "net/testing.h"

namespace sluice::net {
namespace {

using namespace testing;

TEST(EndpointTest, reads_every_form_and_writes_it_again) {
  const auto parse = [](std::string_view text) { return Endpoint::parse(text, 5432).value(); };
  EXPECT_EQ(parse("127.0.0.1:6432"), (Endpoint{"127.0.0.1", 6432, {}}));
  EXPECT_EQ(parse("db1"), (Endpoint{"db1", 5432, {}}));
  EXPECT_EQ(parse("[::1]:6432"), (Endpoint{"::1", 6432, {}}));
  EXPECT_EQ(parse("[::1]"), (Endpoint{"::1", 5432, {}}));
  EXPECT_EQ(parse(":6432"), (Endpoint{"", 6432, {}}));
  EXPECT_EQ(parse("6432"), (Endpoint{"", 6432, {}}));
  EXPECT_EQ(parse("/run/x/.s.PGSQL.6432"), (Endpoint{{}, 0, "/run/x/.s.PGSQL.6432"}));
  for (const char* text : {"10.0.0.1:5432", "[::1]:5432", "/run/x/.s", "db1:1", ":7"})
    EXPECT_EQ(parse(text).text(), text);
}

TEST(EndpointTest, says_what_is_wrong) {
  for (const char* text : {"", "host:", "host:port", "host:65536", "host:-1", "70000", "[::1",
                           "::1", "[::1]5432", "[db]:1", "host:1 "}) {
    auto parsed = Endpoint::parse(text, 1);
    EXPECT_EQ(code_of(parsed), Code::invalid_argument) << text;
    EXPECT_FALSE(parsed.error().detail.empty());
  }
}

TEST(ResolveTest, numbers_and_paths_need_no_fiber_and_no_lookup) {
  auto v4 = resolve({"127.0.0.1", 80, {}}, now());
  ASSERT_TRUE(v4);
  ASSERT_EQ(v4->size(), 1u);
  EXPECT_EQ(v4->front().family(), AF_INET);
  EXPECT_EQ(v4->front().text, "127.0.0.1:80");
  EXPECT_EQ(resolve({"::1", 80, {}}, now())->front().text, "[::1]:80");
  EXPECT_EQ(resolve({"", 80, {}}, now())->front().text, "127.0.0.1:80");
  EXPECT_EQ(resolve({{}, 0, "/run/x"}, now())->front().family(), AF_UNIX);
  EXPECT_EQ(code_of(resolve({{}, 0, std::string(200, '/')}, now())), Code::invalid_argument);
}

TEST(ResolveTest, names_are_looked_up_from_a_thread_and_from_a_fiber) {
  const auto is_loopback = [](const auto& addresses) {
    return addresses && !addresses->empty() &&
           (addresses->front().text == "127.0.0.1:80" || addresses->front().text == "[::1]:80");
  };
  EXPECT_TRUE(is_loopback(resolve({"localhost", 80, {}}, soon())));
  Loop loop;
  run_on_fiber(loop, [&] { EXPECT_TRUE(is_loopback(resolve({"localhost", 80, {}}, soon()))); });
}

TEST(ResolveTest, unknown_name_and_passed_deadline_are_told_apart) {
  auto unknown = resolve({"no..such..name", 80, {}}, soon());
  EXPECT_FALSE(unknown);
  EXPECT_NE(unknown.error().detail.find("no..such..name"), std::string::npos);
  EXPECT_EQ(code_of(resolve({"localhost", 80, {}}, now() - 1s)), Code::timed_out);
}

}  // namespace
}  // namespace sluice::net
