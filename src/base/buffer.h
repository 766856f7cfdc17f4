// Buffer: a growable queue of bytes. Bytes are appended at the end and consumed from the front.
//
// Its block comes from a free list of the calling thread and goes back there as soon as the buffer is
// empty and release() is called, so an idle connection holds none. One fiber at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sluice {

class Buffer {
 public:
  static constexpr std::size_t kBlock = 16 * 1024;  // what a first append takes

  Buffer() = default;
  ~Buffer() { free_block(); }
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  const char* data() const { return block_ + begin_; }
  char* data() { return block_ + begin_; }
  std::string_view view() const { return {block_ + begin_, size()}; }

  // Writable space behind the end, at least `least` bytes (the block moves or grows as needed).
  std::span<char> room(std::size_t least);
  // The first n bytes of room() are now content. REQUIRES: n <= room's size.
  void grew(std::size_t n) { end_ += n; }

  void append(std::string_view bytes);
  void append(char byte) {
    if (end_ == capacity_) make_room(1);
    block_[end_++] = byte;
  }
  // Big-endian integers.
  void append_u16(std::uint16_t v);
  void append_u32(std::uint32_t v);
  // Overwrites four bytes at offset from the front. REQUIRES: offset + 4 <= size().
  void put_u32(std::size_t offset, std::uint32_t v);
  // NUL-terminated. REQUIRES: no NUL inside.
  void append_cstring(std::string_view text) {
    append(text);
    append('\0');
  }

  // REQUIRES: n <= size().
  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Drops bytes from the end. REQUIRES: n <= size().
  void truncate(std::size_t n) { end_ = begin_ + n; }
  void clear() { begin_ = end_ = 0; }
  // Gives the block back if nothing is in it.
  void release() {
    if (block_ && empty()) free_block();
  }
  std::size_t capacity() const { return capacity_; }

 private:
  void make_room(std::size_t least);
  void free_block();

  char* block_ = nullptr;
  std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

}  // namespace sluice
