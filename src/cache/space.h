// Space: a namespace inside the engine: its options, its stamp, and what it counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cache/erasures.h"
#include "cache/stamps.h"
#include "monitor/slots.h"
#include "sluice/cache/engine.h"

namespace sluice::cache {

// Options never change once it is open. The counts are bumped by all threads.
struct Space {
  NamespaceOptions options;
  std::uint64_t hash_seed = 0;
  std::uint32_t hits = 0, misses = 0, saved = 0;  // slots; saved in microseconds
  std::atomic<std::uint64_t> entries{0}, bytes{0};
  std::array<std::atomic<std::uint64_t>, kLeavings> left{};
};

// What all shards share. The array has its full size from the start, so ids are looked up without a lock.
struct Spaces {
  std::shared_ptr<monitor::SlotTable> counters = monitor::SlotTable::make();
  Stamps stamps;
  Erasures erasures;
  std::array<std::atomic<Space*>, Engine::kNamespaces> at{};
  // Beside each other, for they are read by every look-up.
  std::array<Stamps::Stamp, Engine::kNamespaces> invalidated{};

  Spaces(std::size_t stamp_slots, std::size_t erasure_slots)
      : stamps(stamp_slots), erasures(erasure_slots) {}
  ~Spaces() {
    for (auto& space : at) delete space.load();
  }
  Space* get(NamespaceId id) const {
    return id < Engine::kNamespaces ? at[id].load(std::memory_order_acquire) : nullptr;
  }
};

}  // namespace sluice::cache
