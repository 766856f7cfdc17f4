#include "wire/postgres/frame.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/postgres/backend.h"
#include "wire/postgres/frontend.h"

namespace sluice::postgres {
namespace {

using namespace std::string_view_literals;

TEST(FrameTest, head_needs_five_bytes_only) {
  EXPECT_EQ(*head_of("Q\0\0\0"sv), std::nullopt);
  auto head = *head_of("Q\0\0\1\0"sv);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->type, 'Q');
  EXPECT_EQ(head->payload_size, 252u);
  EXPECT_EQ(head->frame_size(), 257u);
}

TEST(FrameTest, impossible_lengths_are_violations) {
  for (std::string_view bytes :
       {"Q\0\0\0\3"sv, "Q\0\0\0\0"sv, "Q\xff\xff\xff\xff"sv, "Q\x80\0\0\0"sv}) {
    auto head = head_of(bytes);
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().code, Code::protocol_violation);
    EXPECT_FALSE(next_frame(bytes));
  }
}

TEST(FrameTest, bound_is_on_the_payload) {
  EXPECT_TRUE(head_of("p\0\0\0\x14"sv, 16));
  EXPECT_FALSE(head_of("p\0\0\0\x15"sv, 16));
  EXPECT_EQ(head_of("d\x40\0\0\3"sv).value()->payload_size, kMaxPayload);
  EXPECT_FALSE(head_of("d\x40\0\0\4"sv));
}

TEST(FrameTest, whole_frame_or_nothing) {
  Buffer out;
  append_query(out, "select 1");
  append_sync(out);
  std::string bytes(out.view());
  for (std::size_t n = 0; n < 14; ++n)
    EXPECT_EQ(*next_frame(bytes.substr(0, n)), std::nullopt) << n;
  auto frame = *next_frame(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, 'Q');
  EXPECT_EQ(frame->payload, "select 1\0"sv);
  EXPECT_EQ(frame->bytes.size(), 14u);
  auto sync = *next_frame(std::string_view(bytes).substr(14));
  ASSERT_TRUE(sync);
  EXPECT_EQ(sync->bytes, "S\0\0\0\4"sv);
}

TEST(FrameTest, text_ends_at_its_first_nul) {
  Buffer out;
  append_text(out, "ab\0cd"sv);
  EXPECT_EQ(out.view(), "ab\0"sv);
}

// A stream of every kind of message, as a server or a client would send it.
std::string sample_stream(Random& random) {
  Buffer out;
  for (int i = 0; i < 60; ++i) {
    std::string text(random.below(random.below(8) == 0 ? 5000 : 40), 'x');
    switch (random.below(8)) {
      case 0: append_query(out, text); break;
      case 1: append_parse(out, "s", text, "\0\0\0\x17"sv); break;
      case 2: append_bind(out, "", "s", "\0\0\0\0\0\0"sv); break;
      case 3: append_sync(out); break;
      case 4: append_copy_data(out, text); break;
      case 5: append_ready_for_query(out, 'I'); break;
      case 6: append_command_complete(out, text); break;
      default: append_error(out, {.sqlstate = "42601", .message = text}); break;
    }
  }
  return std::string(out.view());
}

// Feeds the stream in pieces of the given sizes and collects the frames as they become whole.
std::vector<std::string> frames_of(std::string_view stream,
                                   const std::function<std::size_t()>& piece) {
  std::vector<std::string> frames;
  Buffer in;
  while (!stream.empty()) {
    std::size_t n = std::min(stream.size(), piece());
    in.append(stream.substr(0, n));
    stream.remove_prefix(n);
    while (true) {
      auto frame = next_frame(in.view());
      EXPECT_TRUE(frame);
      if (!frame || !*frame) break;
      frames.emplace_back((*frame)->bytes);
      in.consume((*frame)->bytes.size());
    }
  }
  EXPECT_TRUE(in.empty());
  return frames;
}

TEST(FrameTest, any_chunking_gives_the_same_frames) {
  Random random(7);
  for (int round = 0; round < 30; ++round) {
    std::string stream = sample_stream(random);
    auto whole = frames_of(stream, [&] { return stream.size(); });
    EXPECT_EQ(whole.size(), 60u);
    EXPECT_EQ(frames_of(stream, [] { return std::size_t{1}; }), whole);
    for (int split = 0; split < 5; ++split)
      EXPECT_EQ(frames_of(stream, [&] { return 1 + random.below(300); }), whole);
  }
}

}  // namespace
}  // namespace sluice::postgres
