#include "base/bytes.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(BytesTest, holds_a_copy) {
  std::string text = "hello";
  const Bytes bytes = Bytes::from(text);
  text = "XXXXX";
  EXPECT_EQ(bytes.view(), "hello");
}

TEST(BytesTest, nothing_allocates_nothing) {
  EXPECT_EQ(Bytes::from("").footprint(), 0u);
  EXPECT_EQ(Bytes().view(), "");
  EXPECT_EQ(Bytes::from(""), Bytes());
}

TEST(BytesTest, copies_and_slices_share_one_allocation) {
  const Bytes whole = Bytes::from("hello world");
  const Bytes copy = whole;
  EXPECT_EQ(copy.data(), whole.data());
  const Bytes part = whole.slice(6, 3);
  EXPECT_EQ(part.view(), "wor");
  EXPECT_EQ(part.data(), whole.data() + 6);
}

TEST(BytesTest, a_slice_keeps_its_owner_alive) {
  Bytes part;
  {
    const Bytes whole = Bytes::from("hello world");
    part = whole.slice(6);
  }
  EXPECT_EQ(part.view(), "world");
}

TEST(BytesTest, a_slice_is_cut_to_what_is_there) {
  const Bytes bytes = Bytes::from("abc");
  EXPECT_EQ(bytes.slice(1, 100).view(), "bc");
  EXPECT_EQ(bytes.slice(3).view(), "");
  EXPECT_EQ(bytes.slice(100, 1).view(), "");
  EXPECT_EQ(bytes.slice(100, 1).footprint(), 0u);
}

TEST(BytesTest, parts_are_joined_in_order) {
  EXPECT_EQ(Bytes::joined({"a", "", "bc", "d"}).view(), "abcd");
}

TEST(BytesTest, a_buffer_given_away_is_empty_and_holds_no_block) {
  Buffer buffer;
  buffer.append("rows");
  const Bytes bytes = Bytes::from(std::move(buffer));
  EXPECT_EQ(bytes.view(), "rows");
  EXPECT_EQ(buffer.capacity(), 0u);  // NOLINT(bugprone-use-after-move): promised
}

TEST(BytesTest, assignment_to_itself_and_moves_are_harmless) {
  Bytes bytes = Bytes::from("abc");
  const Bytes& same = bytes;
  bytes = same;
  EXPECT_EQ(bytes.view(), "abc");
  const Bytes moved = std::move(bytes);
  EXPECT_EQ(moved.view(), "abc");
  EXPECT_TRUE(bytes.empty());  // NOLINT(bugprone-use-after-move): promised
}

TEST(BytesTest, many_threads_may_copy_and_drop_the_same_content) {
  const Bytes bytes = Bytes::from(std::string(1'000, 'x'));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([mine = bytes] {
      for (int i = 0; i < 10'000; ++i) {
        const Bytes copy = mine;
        ASSERT_EQ(copy.slice(10, 5).view(), "xxxxx");
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bytes.size(), 1'000u);
}

}  // namespace
}  // namespace sluice
