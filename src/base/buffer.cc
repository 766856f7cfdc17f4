// Buffer's blocks: where they come from, how they grow, and when content moves to the front.
//
// Standard blocks (16 KB) cycle through a free list of each thread, so a connection that wakes up
// costs no malloc. Larger blocks are powers of two from malloc and go straight back.
#include "base/buffer.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t kKept = 256;  // standard blocks a thread keeps: 4 MB

// Set when the thread's list is destroyed: a buffer that dies later than it frees its block itself.
thread_local constinit bool list_gone = false;

struct FreeList {
  std::vector<char*> blocks;
  ~FreeList() {
    list_gone = true;
    for (char* block : blocks) ::operator delete(block);
  }
};

FreeList& free_list() {
  thread_local FreeList list;
  return list;
}

char* take_block(std::size_t size) {
  if (size == Buffer::kBlock && !list_gone) {
    auto& blocks = free_list().blocks;
    if (!blocks.empty()) {
      char* block = blocks.back();
      blocks.pop_back();
      return block;
    }
  }
  return static_cast<char*>(::operator new(size));
}

void give_block(char* block, std::size_t size) {
  if (size == Buffer::kBlock && !list_gone) {
    auto& blocks = free_list().blocks;
    if (blocks.size() < kKept) {
      blocks.push_back(block);
      return;
    }
  }
  ::operator delete(block);
}

}  // namespace

Buffer::Buffer(Buffer&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    free_block();
    block_ = std::exchange(other.block_, nullptr);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

std::span<char> Buffer::room(std::size_t least) {
  if (capacity_ - end_ < least) make_room(least);
  return {block_ + end_, capacity_ - end_};
}

void Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (capacity_ - end_ < bytes.size()) make_room(bytes.size());
  std::memcpy(block_ + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void Buffer::append_u16(std::uint16_t v) {
  if constexpr (std::endian::native == std::endian::little) v = __builtin_bswap16(v);
  append({reinterpret_cast<const char*>(&v), sizeof v});
}

void Buffer::append_u32(std::uint32_t v) {
  if constexpr (std::endian::native == std::endian::little) v = __builtin_bswap32(v);
  append({reinterpret_cast<const char*>(&v), sizeof v});
}

void Buffer::put_u32(std::size_t offset, std::uint32_t v) {
  if constexpr (std::endian::native == std::endian::little) v = __builtin_bswap32(v);
  std::memcpy(block_ + begin_ + offset, &v, sizeof v);
}

// Moving content to the front is worth it only where it gains a quarter of the block; otherwise a
// nearly full buffer that is drained byte by byte would move all of itself for each byte.
void Buffer::make_room(std::size_t least) {
  const std::size_t used = size();
  if (block_ && capacity_ - used >= least && begin_ >= capacity_ / 4) {
    std::memmove(block_, block_ + begin_, used);
  } else {
    const std::size_t wanted = std::max(kBlock, std::bit_ceil(used + least));
    char* larger = take_block(wanted);
    if (used > 0) std::memcpy(larger, block_ + begin_, used);
    if (block_) give_block(block_, capacity_);
    block_ = larger;
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = used;
}

void Buffer::free_block() {
  if (block_) give_block(block_, capacity_);
  block_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

}  // namespace sluice
