// SlotTable: the numbers behind all counters and histograms, one copy for each thread.
//
// Every counter on a request's way is bumped by many threads at once; one shared atomic would cost
// 20-100 ns of cache-line traffic each time. So each thread has its own slots and bumps them with a
// plain relaxed load and store, and the reader, who comes once a second, adds the copies up. Slots
// come in chunks that a thread allocates when it first touches them: a histogram's 2,000 buckets cost
// a thread only the few octaves it sees. A thread that ends folds its slots into the retired ones.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace sluice::monitor {

using Slot = std::atomic<std::uint64_t>;

class SlotTable;

// The calling thread's chunks in the table that it used last: what makes the hot path two compares.
struct ThreadSlots {
  const SlotTable* table = nullptr;
  Slot* const* chunks = nullptr;
};
extern thread_local constinit ThreadSlots thread_slots;

// Thread-safe. Made by make() alone: threads hold weak references, so an address is never reused
// while a thread still knows it.
class SlotTable : public std::enable_shared_from_this<SlotTable> {
 public:
  static constexpr std::uint32_t kChunk = 256;  // slots, 2 KB
  static constexpr std::uint32_t kChunks =
      64 * 1024;  // 7,000 histograms; a thread's untouched zero pages

  static std::shared_ptr<SlotTable> make();
  ~SlotTable();
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;

  // One slot, beside the other single ones. Nothing when the table is full.
  std::optional<std::uint32_t> reserve_one();
  // A row of slots with chunks of its own: the first. Nothing when the table is full.
  std::optional<std::uint32_t> reserve_row(std::uint32_t count);

  // The row's sums over all threads, those that ended included. Never less than the call before.
  void sum(std::uint32_t first, std::span<std::uint64_t> out) const;
  std::uint64_t sum(std::uint32_t slot) const;
  std::size_t bytes() const;  // of all threads

  // Adds to the calling thread's slot. A null table counts nowhere.
  // REQUIRES: the slot was reserved.
  static void add(SlotTable* table, std::uint32_t slot, std::uint64_t n) {
    Slot& mine = slot_of(table, slot);
    mine.store(mine.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

 private:
  struct Block;  // one thread's chunks
  struct Memberships;

  SlotTable();

  static Slot& slot_of(SlotTable* table, std::uint32_t slot) {
    const ThreadSlots& mine = thread_slots;
    if (mine.table == table && mine.chunks) [[likely]] {
      Slot* chunk = mine.chunks[slot / kChunk];
      if (chunk) [[likely]]
        return chunk[slot % kChunk];
    }
    return slot_slowly(table, slot);
  }
  static Slot& slot_slowly(SlotTable* table, std::uint32_t slot);
  static Memberships& memberships();

  Block* join();
  std::optional<std::uint32_t> take_chunks(std::uint32_t slots);  // REQUIRES: mutex_ held
  void retire(Block* block);

  mutable std::mutex mutex_;    // guards all below; a block's owner reads its own chunks without it
  std::uint32_t reserved_ = 0;  // slots, whole chunks
  std::uint32_t singles_next_ = 0,
                singles_end_ = 0;  // what is left of the current chunk of singles
  std::vector<std::unique_ptr<Block>> blocks_;
  std::unique_ptr<Block> retired_;
};

}  // namespace sluice::monitor
