// Bytes: immutable bytes that several owners share, for replies that a cache and many clients hold.
//
// One allocation holds the count and the content; a copy is one atomic increment, a slice shares its
// owner's allocation (and keeps all of it alive). The objects may live in different threads; a single
// object is not for two threads at once, like a shared_ptr.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/buffer.h"

namespace sluice {

class Bytes {
 public:
  Bytes() = default;
  Bytes(const Bytes& other) : owner_(other.owner_), data_(other.data_), size_(other.size_) {
    if (owner_) owner_->uses.fetch_add(1, std::memory_order_relaxed);
  }
  Bytes(Bytes&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Bytes() {
    if (owner_ && owner_->uses.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(owner_);
  }

  // A copy of the text; none is made of nothing.
  static Bytes from(std::string_view content) { return joined({content}); }
  // A copy of the buffer's content, exactly sized; the buffer is empty after it and gives back its block.
  static Bytes from(Buffer&& content);
  // One copy of all parts, one behind the other.
  static Bytes joined(std::initializer_list<std::string_view> parts);

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }

  // Cut to what is there: an offset behind the end gives empty bytes.
  Bytes slice(std::size_t offset, std::size_t length = std::string_view::npos) const;

  // What the allocation costs, for a cache's account: shared by all slices.
  std::size_t footprint() const { return owner_ ? sizeof(Owner) + owner_->size : 0; }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view() == b.view(); }

 private:
  struct Owner {
    std::atomic<std::uint32_t> uses = 1;
    std::size_t size;  // bytes that follow this header
  };
  static void destroy(Owner* owner);

  Owner* owner_ = nullptr;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice
