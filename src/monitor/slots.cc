// The slow half of SlotTable: joining, allocating chunks, summing, and a thread's end.
#include "monitor/slots.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace sluice::monitor {

thread_local constinit ThreadSlots thread_slots{};

namespace {
// Set by the end of a thread's memberships: what counts even later is lost.
thread_local constinit bool thread_ending = false;
}  // namespace

// The directory has its full size from the start, so the owner never needs to look whether it grew.
// It comes from calloc, as pages that the kernel provides when they are touched.
struct SlotTable::Block {
  struct Free {
    void operator()(Slot** chunks) const { std::free(chunks); }
  };
  std::unique_ptr<Slot* [], Free> chunks {
    static_cast<Slot**>(std::calloc(kChunks, sizeof(Slot*)))
  };
  std::size_t end = 0;  // behind the last chunk that was touched

  Block() {
    if (!chunks) throw std::bad_alloc();
  }
  ~Block() {
    for (std::size_t i = 0; i < end; ++i) delete[] chunks[i];
  }
  // REQUIRES: the table's mutex held, for the reader walks the directory.
  Slot* provide(std::size_t chunk) {
    if (!chunks[chunk]) chunks[chunk] = new Slot[kChunk]{};
    end = std::max(end, chunk + 1);
    return chunks[chunk];
  }
};

// The tables that this thread counts in: nearly always one.
struct SlotTable::Memberships {
  struct Member {
    std::weak_ptr<SlotTable> table;
    const SlotTable* address;
    Block* block;
  };
  std::vector<Member> members;

  ~Memberships() {
    thread_ending = true;
    thread_slots = {};
    for (Member& member : members)
      if (auto table = member.table.lock()) table->retire(member.block);
  }

  Block* find(const SlotTable* table) const {
    for (const Member& member : members)
      if (member.address == table) return member.block;
    return nullptr;
  }

  void drop_dead() {
    std::erase_if(members, [](const Member& member) { return member.table.expired(); });
  }
};

SlotTable::Memberships& SlotTable::memberships() {
  thread_local Memberships own;
  return own;
}

std::shared_ptr<SlotTable> SlotTable::make() {
  struct Made : SlotTable {};  // the constructor is private, make_shared needs one it can call
  return std::make_shared<Made>();
}

SlotTable::SlotTable() : retired_(std::make_unique<Block>()) {}
SlotTable::~SlotTable() = default;

std::optional<std::uint32_t> SlotTable::reserve_one() {
  std::lock_guard lock(mutex_);
  if (singles_next_ == singles_end_) {
    const auto first = take_chunks(kChunk);
    if (!first) return std::nullopt;
    singles_next_ = *first;
    singles_end_ = *first + kChunk;
  }
  return singles_next_++;
}

std::optional<std::uint32_t> SlotTable::reserve_row(std::uint32_t count) {
  std::lock_guard lock(mutex_);
  return take_chunks(count);
}

std::optional<std::uint32_t> SlotTable::take_chunks(std::uint32_t slots) {
  const std::uint32_t whole = (slots + kChunk - 1) / kChunk * kChunk;
  if (kChunks * kChunk - reserved_ < whole) return std::nullopt;
  reserved_ += whole;
  return reserved_ - whole;
}

void SlotTable::sum(std::uint32_t first, std::span<std::uint64_t> out) const {
  std::ranges::fill(out, 0);
  std::lock_guard lock(mutex_);
  const auto add_block = [&](const Block& block) {
    for (std::size_t i = 0; i < out.size();) {
      const std::size_t slot = first + i;
      const std::size_t chunk = slot / kChunk, offset = slot % kChunk;
      const std::size_t n = std::min<std::size_t>(kChunk - offset, out.size() - i);
      if (block.chunks[chunk]) {
        for (std::size_t k = 0; k < n; ++k)
          out[i + k] += block.chunks[chunk][offset + k].load(std::memory_order_relaxed);
      }
      i += n;
    }
  };
  add_block(*retired_);
  for (const auto& block : blocks_) add_block(*block);
}

std::uint64_t SlotTable::sum(std::uint32_t slot) const {
  std::uint64_t total = 0;
  sum(slot, std::span(&total, 1));
  return total;
}

std::size_t SlotTable::bytes() const {
  std::lock_guard lock(mutex_);
  std::size_t chunks = 0;
  const auto count = [&](const Block& block) {
    for (std::size_t i = 0; i < block.end; ++i) chunks += block.chunks[i] != nullptr;
  };
  count(*retired_);
  for (const auto& block : blocks_) count(*block);
  return chunks * kChunk * sizeof(Slot);
}

Slot& SlotTable::slot_slowly(SlotTable* table, std::uint32_t slot) {
  thread_local constinit Slot nowhere{0};
  if (!table || thread_ending) return nowhere;
  Block* block = memberships().find(table);
  if (!block) block = table->join();
  Slot* chunk = block->chunks[slot / kChunk];
  if (!chunk) {
    std::lock_guard lock(table->mutex_);
    chunk = block->provide(slot / kChunk);
  }
  thread_slots = {table, block->chunks.get()};
  return chunk[slot % kChunk];
}

SlotTable::Block* SlotTable::join() {
  memberships().drop_dead();
  Block* block = nullptr;
  {
    std::lock_guard lock(mutex_);
    block = blocks_.emplace_back(std::make_unique<Block>()).get();
  }
  memberships().members.push_back({weak_from_this(), this, block});
  return block;
}

void SlotTable::retire(Block* block) {
  std::lock_guard lock(mutex_);
  for (std::size_t chunk = 0; chunk < block->end; ++chunk) {
    if (!block->chunks[chunk]) continue;
    Slot* total = retired_->provide(chunk);
    for (std::size_t i = 0; i < kChunk; ++i) {
      const std::uint64_t n = block->chunks[chunk][i].load(std::memory_order_relaxed);
      total[i].fetch_add(n, std::memory_order_relaxed);
    }
  }
  std::erase_if(blocks_, [&](const auto& b) { return b.get() == block; });
}

}  // namespace sluice::monitor
