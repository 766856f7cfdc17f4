#include "wire/postgres/startup.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/postgres/backend.h"
#include "wire/postgres/frame.h"

namespace sluice::postgres {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

// A first packet with this version and body.
std::string packet(std::uint32_t code, std::string_view body) {
  Buffer out;
  out.append_u32(static_cast<std::uint32_t>(8 + body.size()));
  out.append_u32(code);
  out.append(body);
  return std::string(out.view());
}

constexpr std::uint32_t k3_0 = 196608, k3_2 = 196610;

// The packet, which has to be whole and alone.
FirstPacket read_whole(std::string_view bytes) {
  std::size_t consumed = 0;
  auto read = read_first_packet(bytes, consumed);
  EXPECT_TRUE(read) << read.error().text();
  EXPECT_TRUE(read && *read);
  EXPECT_EQ(consumed, bytes.size());
  return read && *read ? **read : FirstPacket(SslRequest{});
}

void expect_violation(std::string_view bytes) {
  std::size_t consumed = 99;
  auto read = read_first_packet(bytes, consumed);
  ASSERT_FALSE(read) << testing::PrintToString(bytes);
  EXPECT_EQ(read.error().code, Code::protocol_violation);
  EXPECT_EQ(consumed, 0u);
}

TEST(StartupTest, encryption_requests) {
  Buffer out;
  append_ssl_request(out);
  EXPECT_EQ(out.view(), "\0\0\0\x08\x04\xd2\x16\x2f"sv);
  EXPECT_TRUE(std::holds_alternative<SslRequest>(read_whole(out.view())));
  EXPECT_TRUE(std::holds_alternative<GssEncRequest>(read_whole("\0\0\0\x08\x04\xd2\x16\x30"sv)));
  expect_violation(packet(kSslRequestCode, "x"));
}

TEST(StartupTest, bytes_behind_the_packet_are_left) {
  Buffer out;
  append_ssl_request(out);
  out.append("injected");
  std::size_t consumed = 0;
  ASSERT_TRUE(read_first_packet(out.view(), consumed));
  EXPECT_EQ(consumed, 8u);
}

TEST(StartupTest, cancel_keys_of_3_0_and_3_2) {
  for (std::size_t size : {1u, 4u, 32u, 256u}) {
    CancelKey key{4711, std::string(size, '\xab')};
    Buffer out;
    append_cancel_request(out, key);
    EXPECT_EQ(std::get<CancelKey>(read_whole(out.view())), key);
  }
  expect_violation(packet(kCancelRequestCode, "\0\0\0\1"sv));  // no secret
  expect_violation(packet(kCancelRequestCode, "\0\0"sv));
  expect_violation(packet(kCancelRequestCode, std::string(4 + 257, 'x')));
}

TEST(StartupTest, parameters_come_in_order_and_the_last_counts) {
  Buffer out;
  append_startup(out, {{"user", "bob"}, {"database", ""}, {"user", "alice"}}, 2);
  auto start = std::get<Startup>(read_whole(out.view()));
  EXPECT_EQ(start.major, 3);
  EXPECT_EQ(start.minor, 2);
  ASSERT_EQ(start.parameters.size(), 3u);
  EXPECT_EQ(*start.find("user"), "alice");
  EXPECT_EQ(*start.find("database"), "");
  EXPECT_EQ(start.find("options"), nullptr);
  EXPECT_FALSE(start.needs_negotiation());
}

TEST(StartupTest, unknown_minor_and_protocol_options_want_negotiation) {
  auto grease = std::get<Startup>(read_whole(packet((3u << 16) | 9999, "user\0u\0\0"sv)));
  EXPECT_EQ(grease.minor, 9999);
  EXPECT_TRUE(grease.needs_negotiation());
  auto option = std::get<Startup>(read_whole(packet(k3_0, "user\0u\0_pq_.x\0on\0\0"sv)));
  EXPECT_TRUE(option.needs_negotiation());
  EXPECT_EQ(option.unknown_protocol_options, std::vector{"_pq_.x"s});
  EXPECT_EQ(option.find("_pq_.x"), nullptr);
}

TEST(StartupTest, other_major_versions_come_without_parameters) {
  auto old = std::get<Startup>(read_whole(packet(2u << 16, std::string(288, '\0'))));
  EXPECT_EQ(old.major, 2);
  EXPECT_TRUE(old.parameters.empty());
}

TEST(StartupTest, bad_layouts_are_violations) {
  expect_violation(packet(k3_0, ""));                         // no terminator
  expect_violation(packet(k3_0, "user\0bob\0"sv));            // no terminator
  expect_violation(packet(k3_0, "user\0\0"sv.substr(0, 5)));  // a name without a value
  expect_violation(packet(k3_2, "user\0bob"sv));              // value isn't ended
  expect_violation(packet(k3_0, "user\0bob\0\0x"sv));         // bytes behind the terminator
  expect_violation(packet(k3_0, "\0\0"sv));
}

TEST(StartupTest, length_is_checked_before_the_body_arrives) {
  expect_violation("\0\0\0\x07"sv);
  expect_violation("\0\0\x27\x11"sv);  // 10,001
  expect_violation("GET / HTTP/1.1"sv);
  std::size_t consumed = 0;
  EXPECT_EQ(*read_first_packet("\0\0\x27\x10"sv, consumed), std::nullopt);
  auto most = packet(k3_0, "user\0"s + std::string(10'000 - 8 - 5 - 2, 'u') + "\0\0"s);
  EXPECT_EQ(most.size(), kMaxFirstPacket);
  EXPECT_EQ(std::get<Startup>(read_whole(most)).find("user")->size(), 9985u);
}

TEST(StartupTest, pieces_give_the_same_packet) {
  Buffer out;
  append_startup(out, {{"user", "alice"}, {"application_name", "psql"}}, 0);
  std::string bytes(out.view());
  std::size_t consumed = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_EQ(*read_first_packet(bytes.substr(0, n), consumed), std::nullopt);
  EXPECT_EQ(std::get<Startup>(read_whole(bytes)).find("application_name")->size(), 4u);
}

TEST(StartupTest, direct_tls_shows_in_the_first_byte) {
  EXPECT_TRUE(is_direct_tls("\x16\x03\x01"));
  EXPECT_FALSE(is_direct_tls("\0\0\0\x08"sv));
  EXPECT_FALSE(is_direct_tls(""));
}

TEST(StartupTest, negotiation_says_the_whole_version) {
  Buffer out;
  append_negotiate_version(out, 2, {"_pq_.a", "_pq_.b"});
  auto frame = *next_frame(out.view());
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, backend::kNegotiateProtocolVersion);
  EXPECT_EQ(frame->payload.substr(0, 4), "\0\3\0\2"sv);
  auto read = read_negotiate_version(frame->payload);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->newest_minor, 2);
  EXPECT_EQ(read->options, (std::vector{"_pq_.a"sv, "_pq_.b"sv}));
}

TEST(OptionsTest, every_way_to_write_a_setting) {
  EXPECT_EQ(*parse_options("-c a=b --c-d=e -cf=g"),
            (Parameters{{"a", "b"}, {"c_d", "e"}, {"f", "g"}}));
  EXPECT_EQ(*parse_options("  -c\tgeqo=off\n"), (Parameters{{"geqo", "off"}}));
  EXPECT_EQ(*parse_options("-c my.setting="), (Parameters{{"my.setting", ""}}));
  EXPECT_EQ(*parse_options("-c a=b=c"), (Parameters{{"a", "b=c"}}));
  EXPECT_EQ(*parse_options(""), Parameters{});
}

TEST(OptionsTest, backslash_takes_the_next_character_as_it_is) {
  EXPECT_EQ(*parse_options(R"(-c search_path=a,\ b)"), (Parameters{{"search_path", "a, b"}}));
  EXPECT_EQ(*parse_options(R"(-c DateStyle=x\\y)"), (Parameters{{"DateStyle", R"(x\y)"}}));
  EXPECT_EQ(*parse_options(R"(-c a=b\)"), (Parameters{{"a", "b"}}));
}

TEST(OptionsTest, anything_else_is_named_in_the_error) {
  for (const char* options : {"-c", "--", "-c a", "--a", "-c =b", "-x 3", "a=b", "-c a=b c"}) {
    auto settings = parse_options(options);
    ASSERT_FALSE(settings) << options;
    EXPECT_EQ(settings.error().code, Code::invalid_argument);
  }
  EXPECT_NE(parse_options("-S 64").error().detail.find("-S"), std::string::npos);
}

}  // namespace
}  // namespace sluice::postgres
