// Wheel: a hierarchical timing wheel (Varghese and Lauck, 1987) of four times 256 slots, one tick a
// millisecond. Slots are only appended to: an entry that is replaced or evicted leaves its number
// behind, which is found void when its time comes. The owner refills the wheel when more than half
// of it is void, so it stays bounded. Four bytes an entry instead of eight for links both ways.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::cache {

// Guarded by the shard.
class Wheel {
 public:
  void file(std::uint32_t id, std::uint32_t deadline);
  void clear();

  // Moves on to `now`: calls due(id) for each number whose slot has come; it says the deadline if
  // the item still lives and isn't due, to be filed again, or 0.
  template <class Due>
  void advance(std::uint32_t now, Due&& due) {
    if (!started_ || size_ == 0) start(now);
    while (static_cast<std::int32_t>(now - tick_) > 0) {
      tick_ += leap(now);
      for (unsigned level = 3; level > 0; --level)
        if ((tick_ & ((1u << 8 * level) - 1)) == 0) empty(level, due);
      empty(0, due);
    }
  }

  void start(std::uint32_t now) {
    if (!started_ || size_ == 0) tick_ = now;
    started_ = true;
  }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return chunks_ * sizeof(Chunk) + sizeof(*this); }

 private:
  struct Chunk {
    static constexpr unsigned kIds = 61;  // 256 bytes
    std::uint32_t n = 0;
    std::uint32_t ids[kIds];
    std::unique_ptr<Chunk> next;
  };
  struct Level {
    std::array<std::unique_ptr<Chunk>, 256> slots;
    std::uint32_t filled = 0;  // slots with chunks
  };

  // Ticks until something may be due or a level turns over, at most until now.
  std::uint32_t leap(std::uint32_t now) const {
    const std::uint32_t left = now - tick_;
    if (levels_[0].filled) return 1;
    unsigned level = 1;
    while (level < 3 && !levels_[level].filled) ++level;
    const std::uint32_t turn = 1u << 8 * level;
    const std::uint32_t until = turn - (tick_ & (turn - 1));
    return left < until ? left : until;
  }

  template <class Due>
  void empty(unsigned level, Due& due) {
    auto& slot = levels_[level].slots[tick_ >> 8 * level & 255];
    if (!slot) return;
    std::unique_ptr<Chunk> chunk = std::move(slot);
    --levels_[level].filled;
    while (chunk) {
      for (std::uint32_t i = 0; i < chunk->n; ++i) {
        --size_;
        if (const std::uint32_t deadline = due(chunk->ids[i], level)) file(chunk->ids[i], deadline);
      }
      chunk = std::move(chunk->next);
      --chunks_;
    }
  }

  std::array<Level, 4> levels_;
  std::uint32_t tick_ = 0;
  bool started_ = false;
  std::size_t size_ = 0, chunks_ = 0;
};

}  // namespace sluice::cache
