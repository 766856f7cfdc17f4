#include "base/buffer.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/random.h"

namespace sluice {
namespace {

TEST(BufferTest, consumed_bytes_are_gone) {
  Buffer buffer;
  buffer.append("hello world");
  buffer.consume(6);
  EXPECT_EQ(buffer.view(), "world");
  buffer.consume(5);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view(), "");
}

TEST(BufferTest, an_empty_buffer_holds_no_block_after_release) {
  Buffer buffer;
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.append('x');
  EXPECT_EQ(buffer.capacity(), Buffer::kBlock);
  buffer.release();
  EXPECT_EQ(buffer.capacity(), Buffer::kBlock) << "it holds content";
  buffer.consume(1);
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0u);
}

TEST(BufferTest, room_is_at_least_what_was_asked_for_and_keeps_the_content) {
  Buffer buffer;
  buffer.append("abc");
  for (std::size_t least : {1, 100, 16 * 1024, 100'000}) {
    const auto room = buffer.room(least);
    EXPECT_GE(room.size(), least);
    EXPECT_EQ(buffer.view(), "abc");
  }
}

TEST(BufferTest, moves_content_to_the_front_before_it_grows) {
  Buffer buffer;
  buffer.append(std::string(12'000, 'a'));
  buffer.consume(11'000);
  EXPECT_GE(buffer.room(10'000).size(), 10'000u);
  EXPECT_EQ(buffer.capacity(), Buffer::kBlock);
  EXPECT_EQ(buffer.view(), std::string(1'000, 'a'));
}

TEST(BufferTest, integers_are_big_endian) {
  Buffer buffer;
  buffer.append_u16(0x0102);
  buffer.append_u32(0x03040506);
  EXPECT_EQ(buffer.view(), std::string_view("\1\2\3\4\5\6", 6));
  buffer.consume(1);
  buffer.put_u32(1, 0xa0b0c0d0);
  EXPECT_EQ(buffer.view(), std::string_view("\2\xa0\xb0\xc0\xd0", 5));
}

TEST(BufferTest, cstring_ends_with_zero_and_truncate_drops_the_end) {
  Buffer buffer;
  buffer.append_cstring("user");
  EXPECT_EQ(buffer.view(), std::string_view("user\0", 5));
  buffer.truncate(2);
  EXPECT_EQ(buffer.view(), "us");
}

TEST(BufferTest, a_move_takes_content_and_leaves_an_empty_buffer) {
  Buffer from;
  from.append("content");
  Buffer to = std::move(from);
  EXPECT_EQ(to.view(), "content");
  EXPECT_EQ(from.size(), 0u);  // NOLINT(bugprone-use-after-move): promised
  EXPECT_EQ(from.capacity(), 0u);
  from.append("again");
  to = std::move(from);
  EXPECT_EQ(to.view(), "again");
}

TEST(BufferTest, a_released_block_serves_the_next_buffer_of_the_thread) {
  std::thread([] {
    Buffer first;
    first.append('x');
    const char* block = first.data();
    first.clear();
    first.release();
    Buffer second;
    second.append('y');
    EXPECT_EQ(second.data(), block);
  }).join();
}

TEST(BufferTest, a_block_may_be_freed_by_another_thread) {
  Buffer buffer;
  buffer.append(std::string(1'000, 'z'));
  std::thread([moved = std::move(buffer)]() mutable { EXPECT_EQ(moved.size(), 1'000u); }).join();
}

// Against a plain string, with random operations.
TEST(BufferTest, behaves_as_a_queue_of_bytes) {
  Random random(7);
  Buffer buffer;
  std::string model;
  for (int step = 0; step < 20'000; ++step) {
    switch (random.below(6)) {
      case 0:
      case 1: {
        const std::string part(random.below(3'000), static_cast<char>('a' + random.below(26)));
        buffer.append(part);
        model += part;
        break;
      }
      case 2: {
        auto room = buffer.room(random.below(20'000) + 1);
        const std::size_t n = random.below(std::min<std::size_t>(room.size(), 2'000) + 1);
        std::fill_n(room.begin(), n, 'r');
        buffer.grew(n);
        model.append(n, 'r');
        break;
      }
      case 3:
      case 4: {
        const std::size_t n = random.below(std::min<std::size_t>(model.size(), 4'000) + 1);
        buffer.consume(n);
        model.erase(0, n);
        break;
      }
      default:
        if (random.below(10) == 0) {
          const std::size_t n = random.below(model.size() + 1);
          buffer.truncate(n);
          model.resize(n);
        }
        buffer.release();
    }
    ASSERT_EQ(buffer.view(), model);
  }
}

}  // namespace
}  // namespace sluice
