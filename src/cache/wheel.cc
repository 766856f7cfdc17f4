#include "cache/wheel.h"

#include <bit>

namespace sluice::cache {

void Wheel::file(std::uint32_t id, std::uint32_t deadline) {
  // Not in the current slot, which is already behind: the earliest is the next tick.
  if (static_cast<std::int32_t>(deadline - tick_) <= 0) deadline = tick_ + 1;
  const std::uint32_t differs = deadline ^ tick_;
  const unsigned level = (31 - static_cast<unsigned>(std::countl_zero(differs))) / 8;
  auto& slot = levels_[level].slots[deadline >> 8 * level & 255];
  if (!slot) ++levels_[level].filled;
  if (!slot || slot->n == Chunk::kIds) {
    auto chunk = std::make_unique<Chunk>();
    chunk->next = std::move(slot);
    slot = std::move(chunk);
    ++chunks_;
  }
  slot->ids[slot->n++] = id;
  ++size_;
}

void Wheel::clear() {
  for (Level& level : levels_) {
    for (auto& slot : level.slots)
      while (slot) slot = std::move(slot->next);
    level.filled = 0;
  }
  size_ = chunks_ = 0;
}

}  // namespace sluice::cache
