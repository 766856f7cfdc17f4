// Item: the head of an entry, 24 bytes, and Blob: key, value and what belongs to them.
//
// Heads live in a slab and stay heads for ever, so a reader may touch one that was freed a moment
// ago: it pins first and compares the key then. That is what makes reads lock-free without epochs or
// hazard pointers. Blobs come from the allocator and are only read through a pin.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::cache {

enum class Queue : std::uint8_t { none, small, main };

// Bits of Item::state.
inline constexpr std::uint32_t kPins = (1u << 20) - 1;  // handles that hold it
inline constexpr unsigned kHeatAt = 20;                 // hits since it was last looked at: 0..3
inline constexpr std::uint32_t kHeat = 3u << kHeatAt;
inline constexpr std::uint32_t kTouched = 1u << 22;  // hit since a duel began
inline constexpr std::uint32_t kLive = 1u << 23;     // the index knows it
inline constexpr unsigned kQueueAt = 24;
inline constexpr std::uint32_t kQueue = 3u << kQueueAt;
inline constexpr unsigned kCreditAt = 26;  // rounds that a dear value has left: 0..3
inline constexpr std::uint32_t kCredit = 3u << kCreditAt;
inline constexpr std::uint32_t kWatched = 1u << 28;  // the curve waits for its next use

struct Item {
  std::atomic<std::uint32_t> state;
  std::uint32_t prev, next;          // in its queue; guarded by the shard
  std::uint32_t deadline;            // milliseconds, wrapping; 0: none
  std::atomic<std::uint64_t> place;  // blob's address in 48 bits, namespace above

  char* blob() const {
    return reinterpret_cast<char*>(place.load(std::memory_order_relaxed) & 0xffff'ffff'ffff);
  }
  std::uint16_t space() const {
    return static_cast<std::uint16_t>(place.load(std::memory_order_relaxed) >> 48);
  }
  void set(char* blob, std::uint16_t space) {
    place.store(reinterpret_cast<std::uint64_t>(blob) | static_cast<std::uint64_t>(space) << 48,
                std::memory_order_relaxed);
  }
  Queue queue() const {
    return static_cast<Queue>((state.load(std::memory_order_relaxed) & kQueue) >> kQueueAt);
  }
  std::uint32_t heat() const { return (state.load(std::memory_order_relaxed) & kHeat) >> kHeatAt; }
};
static_assert(sizeof(Item) == 24);

// now >= deadline on the wrapping clock.
inline bool passed(std::uint32_t deadline, std::uint32_t now) {
  return deadline != 0 && static_cast<std::int32_t>(now - deadline) >= 0;
}

// Layout: born u32, flags u8 (1: compressed, upper six bits: stamps), cost u8, then varints key size,
// value size and, compressed, plain size; stamps u16 each; key; value.
struct BlobView {
  std::uint32_t born;
  bool compressed;
  std::uint8_t cost;
  std::uint32_t stamps;
  const char* stamp_at;
  std::string_view key, value;
  std::uint32_t plain;

  std::uint16_t stamp(std::uint32_t i) const {
    std::uint16_t s;
    std::memcpy(&s, stamp_at + 2 * i, 2);
    return s;
  }
};

inline const char* read_size(const char* p, std::uint32_t& out) {
  out = static_cast<unsigned char>(*p++);
  if (out < 128) [[likely]]
    return p;
  out &= 127;
  for (unsigned shift = 7;; shift += 7) {
    const std::uint32_t byte = static_cast<unsigned char>(*p++);
    out |= (byte & 127) << shift;
    if (byte < 128) return p;
  }
}
inline char* write_size(char* p, std::uint32_t n) {
  for (; n >= 128; n >>= 7) *p++ = static_cast<char>(n | 128);
  *p++ = static_cast<char>(n);
  return p;
}
inline std::size_t size_of_size(std::uint32_t n) {
  std::size_t bytes = 1;
  for (; n >= 128; n >>= 7) ++bytes;
  return bytes;
}

inline BlobView view_of(const char* p) {
  BlobView v;
  std::memcpy(&v.born, p, 4);
  const auto flags = static_cast<unsigned char>(p[4]);
  v.compressed = flags & 1;
  v.stamps = flags >> 2;
  v.cost = static_cast<unsigned char>(p[5]);
  std::uint32_t key = 0, value = 0;
  p = read_size(p + 6, key);
  p = read_size(p, value);
  v.plain = value;
  if (v.compressed) p = read_size(p, v.plain);
  v.stamp_at = p;
  p += 2 * v.stamps;
  v.key = {p, key};
  v.value = {p + key, value};
  return v;
}

}  // namespace sluice::cache
