// ItemSlab: all heads of a shard, by number. Numbers are reused, memory stays heads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "cache/item.h"
#include "cache/memory.h"

namespace sluice::cache {

// Heads are handed out under the shard's lock; give_back_late() may be called by any thread.
class ItemSlab {
 public:
  static constexpr std::uint32_t kNone = 0;  // no item's number

  explicit ItemSlab(std::uint32_t most)
      : most_(most),
        region_((most + std::size_t{1}) * sizeof(Item)),
        items_(static_cast<Item*>(region_.data())) {}

  Item& operator[](std::uint32_t id) const { return items_[id]; }
  std::uint32_t number_of(const Item& item) const {
    return static_cast<std::uint32_t>(&item - items_);
  }

  // kNone: all are in use.
  std::uint32_t take() {
    if (free_ == kNone) free_ = late_.exchange(kNone, std::memory_order_acquire);
    if (free_ != kNone) {
      const std::uint32_t id = free_;
      free_ = items_[id].next;
      return id;
    }
    return used_ < most_ ? ++used_ : kNone;
  }
  void give_back(std::uint32_t id) {
    items_[id].next = free_;
    free_ = id;
  }
  // Pushed alone and taken all at once, so no number can come back in between.
  void give_back_late(std::uint32_t id) {
    std::uint32_t head = late_.load(std::memory_order_relaxed);
    do items_[id].next = head;
    while (!late_.compare_exchange_weak(head, id, std::memory_order_release,
                                        std::memory_order_relaxed));
  }

  bool has_spare() const {
    return free_ != kNone || late_.load(std::memory_order_relaxed) != kNone;
  }
  std::uint32_t highest() const { return used_; }
  std::size_t bytes() const { return (used_ + std::size_t{1}) * sizeof(Item) / 4096 * 4096 + 4096; }

 private:
  std::uint32_t most_;
  Region region_;
  Item* items_;
  std::uint32_t used_ = 0;  // numbers ever handed out
  std::uint32_t free_ = kNone;
  std::atomic<std::uint32_t> late_ = kNone;
};

}  // namespace sluice::cache
