// Engine: what keeps bytes in memory, the first tier of the cache, usable alone in any program.
//
//   cache::Engine engine({.memory = 200 << 20});
//   const auto users = *engine.open({.name = "users", .ttl = 1h, .separators = ":"});
//   if (cache::Handle hit = engine.find(users, "users:42", now())) use(hit.bytes());
//   const cache::Ticket ticket = engine.ticket();           // before the load
//   engine.put(users, "users:42", load(), now(), {.cost = 12ms, .tags = tags, .ticket = ticket});
//   engine.invalidate_prefix(users, "users:*");
//
// A read takes no lock. Values are immutable; a handle keeps its value alive when it is evicted,
// replaced or invalidated meanwhile. Memory, bookkeeping and the allocator's rounding included,
// never exceeds `memory`. Nothing here reads a clock or starts a thread: somebody calls upkeep().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/cache/curve.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::cache {

class Shard;
struct Item;
struct EngineParts;

struct EngineOptions {
  std::size_t memory = 64 << 20;  // bytes, everything counted; at least 1 MB is used
  std::size_t max_entries = 0;    // 0: no bound but memory
  unsigned shards = 0;            // eviction domains; 0: one a core, fewer if they came below 32 MB
  std::uint64_t seed = 0;         // of the key hash; 0: from the kernel
  bool curve = true;              // keep the miss-ratio curve
};

struct NamespaceOptions {
  std::string name;
  Duration ttl = Duration::zero();  // zero: entries don't expire
  std::size_t compress_above = 0;   // bytes from which values are kept compressed; 0: never
  std::string separators = {};      // where prefixes end, ":/" for instance; empty: no prefixes
};

using NamespaceId = std::uint16_t;

// What a load saw when it began: an invalidation after it voids what the load brings.
struct Ticket {
  std::uint64_t version = 0;   // of namespaces, tags and prefixes
  std::uint64_t erasures = 0;  // of keys and patterns
  bool operator==(const Ticket&) const = default;
};

struct PutOptions {
  std::optional<Duration> ttl = {};             // instead of the namespace's; zero: never expires
  Duration cost = Duration::zero();             // what a hit saves
  std::span<const std::string_view> tags = {};  // at most Engine::kTags with the prefixes
  std::optional<Ticket> ticket = {};            // none: as of this call
};

// A value found. Moves; one thread at a time. REQUIRES: dies before its engine.
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept { *this = std::move(other); }
  Handle& operator=(Handle&& other) noexcept;
  ~Handle() { release(); }

  explicit operator bool() const { return data_ != nullptr; }
  std::string_view bytes() const { return {data_, size_}; }
  Duration ttl_left(Time now) const;  // kNever's distance when it doesn't expire

 private:
  friend class Engine;
  friend class Shard;
  void release();

  const char* data_ = nullptr;
  std::size_t size_ = 0;
  Item* item_ = nullptr;
  Shard* shard_ = nullptr;
  std::unique_ptr<char[]> plain_;  // what was decompressed for this handle
  std::uint32_t deadline_ = 0;     // in the engine's ticks; 0: none
};

enum class Leaving : std::uint8_t { capacity, expired, invalidated, replaced, erased };
inline constexpr std::size_t kLeavings = 5;

struct NamespaceStats {
  std::string name;
  std::uint64_t hits = 0, misses = 0;
  std::uint64_t entries = 0, bytes = 0;         // bytes: with the allocator's rounding
  std::array<std::uint64_t, kLeavings> left{};  // by Leaving
  double milliseconds_saved = 0;
};

struct EngineStats {
  std::vector<NamespaceStats> namespaces;
  std::uint64_t hits = 0, misses = 0, entries = 0, refused = 0;
  std::size_t used = 0, bound = 0;  // used: values and bookkeeping
  std::size_t bookkeeping = 0;      // of used: items' heads, index, ghosts, sketch, wheel, stamps
  double small_share = 0;           // where the adaptive queue stands, mean over shards
};

// Thread-safe but for the constructor and destructor.
class Engine {
 public:
  static constexpr std::size_t kTags = 63;  // an entry's tags and prefixes together
  static constexpr std::size_t kNamespaces = 1024;
  static constexpr std::size_t kMaxKey = 64 * 1024;                 // bytes
  static constexpr Duration kMaxTtl = std::chrono::hours(24 * 20);  // longer ones are cut to it

  explicit Engine(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Opened once each; the same name gives the same id and keeps the first options.
  // Fails: exhausted at kNamespaces.
  Result<NamespaceId> open(const NamespaceOptions& options);

  // Empty: not here, expired, or invalidated.
  Handle find(NamespaceId space, std::string_view key, Time now);
  // The same, but counts nothing and warms nothing: for a second look, or a curious one.
  Handle peek(NamespaceId space, std::string_view key, Time now);
  // As many finds at once, their memory fetched ahead: about twice as fast in a large cache.
  // REQUIRES: out.size() >= keys.size().
  void find_many(NamespaceId space, std::span<const std::string_view> keys, std::span<Handle> out,
                 Time now);

  Ticket ticket() const;
  // False: refused, because it is too large for a shard (an eighth of it), has too many tags, the
  // ticket is void, or handles hold all the memory. A refused put removes what the key had.
  bool put(NamespaceId space, std::string_view key, std::string_view value, Time now,
           const PutOptions& options = {});
  // True: it was there. Either way a ticket for the key that was taken before is void. Now and then
  // (one key in some thousands) a stranger's ticket is void with it.
  bool erase(NamespaceId space, std::string_view key);
  // A put with this ticket would not be void: nothing that concerns the key was invalidated since.
  bool holds(NamespaceId space, std::string_view key, std::span<const std::string_view> tags,
             const Ticket& ticket) const;

  // Each O(1), whatever it hits: a stamp is bumped and compared at look-up; memory comes back by and
  // by. Tags share 2^16 stamps at most, so once in 65,536 a tag takes a stranger's entries with it.
  void invalidate(NamespaceId space);
  void invalidate_tag(std::string_view tag);
  // "users:" or "users:*": everything below it. Fails: invalid_argument unless the prefix ends in
  // one of the namespace's separators, or is empty. Prefixes beyond the 8th separator aren't kept.
  Result<void> invalidate_prefix(NamespaceId space, std::string_view prefix);

  // "users:*:profile": erases every key that matches, voids their tickets, says how many there were.
  // '*' stands for any run of characters, '?' for one, '\\' takes the next one's meaning away.
  // O(entries of the engine), some hundred of them locked at a time. Fails: invalid_argument.
  Result<std::size_t> invalidate_matching(NamespaceId space, std::string_view pattern, Time now);
  // How many that would be. Erases nothing.
  Result<std::size_t> count_matching(NamespaceId space, std::string_view pattern, Time now) const;

  // Takes out what has expired, and looks through `steps` entries for invalidated ones.
  // Call it every 10-1000 ms.
  void upkeep(Time now, std::size_t steps = 1024);

  EngineStats stats() const;
  // What other sizes would bring. Empty while fewer than 1,000 references were sampled.
  Curve curve() const;

 private:
  Result<std::size_t> sweep(NamespaceId space, std::string_view pattern, Time now, bool take) const;

  std::unique_ptr<EngineParts> parts_;
};

}  // namespace sluice::cache
