// Shard: one eviction domain of the engine: heads, index, policy, wheel and a share of the memory.
// Look-ups take no lock; changes take the shard's.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

#include "cache/index.h"
#include "cache/policy.h"
#include "cache/reuse.h"
#include "cache/slab.h"
#include "cache/space.h"
#include "cache/wheel.h"
#include "sluice/cache/engine.h"

namespace sluice::cache {

// An entry to be kept, ready but for its place.
struct Draft {
  NamespaceId space = 0;
  std::string_view key, value;
  std::uint64_t hash = 0;
  std::uint32_t plain = 0;  // size before compression; 0: isn't compressed
  std::uint32_t born = 0;
  std::uint8_t cost = 0;
  std::uint32_t deadline = 0;
  std::span<const std::uint16_t> stamps{};
  std::optional<std::uint64_t> erasures{};  // the ticket's; none: it wasn't loaded before
};

// Thread-safe.
class Shard final : private Tenants {
 public:
  struct Bounds {
    std::size_t memory;
    std::size_t entries;  // 0: none
  };
  Shard(Bounds bounds, Spaces& spaces, Reuse* reuse);
  ~Shard() override;

  Handle find(NamespaceId space, std::string_view key, std::uint64_t hash, std::uint32_t now);
  Handle peek(NamespaceId space, std::string_view key, std::uint64_t hash, std::uint32_t now);
  void prefetch_bucket(std::uint64_t hash) const { index_.prefetch(hash); }
  void prefetch_item(std::uint64_t hash) const { __builtin_prefetch(&items_[index_.guess(hash)]); }
  void prefetch_blob(std::uint64_t hash) const;

  bool put(const Draft& draft, std::uint32_t now);
  bool erase(NamespaceId space, std::string_view key, std::uint64_t hash);
  // How many entries that are still found match; takes them out if asked to.
  std::size_t sweep(NamespaceId space, const Glob& glob, std::uint32_t now, bool take);
  void upkeep(std::uint32_t now, std::size_t steps);
  void unpin(Item& item);

  struct Totals {
    std::uint64_t hits, misses, entries, refused;
    std::size_t used, bookkeeping;
    double small_share;
  };
  Totals totals() const;

 private:
  std::uint64_t hash_of(std::uint32_t id) const override;
  std::uint32_t weight_of(std::uint32_t id) const override;
  std::uint32_t credit_of(std::uint32_t id) const override;
  Traffic traffic() const override;

  bool pin(Item& item) const;
  bool hold(Item& item) const;
  Handle handle_of(Item& item, const BlobView& blob);
  bool dead(const Item& item, const BlobView& blob, std::uint32_t now) const;
  std::uint32_t present(NamespaceId space, std::string_view key, std::uint64_t hash) const;
  void miss(const Space& space, std::uint64_t hash);
  void watch(Item* item, std::uint64_t hash);

  std::size_t bookkeeping() const;
  bool make_room(std::size_t bytes, std::size_t entries);
  std::uint64_t capacity() const;
  char* write(const Draft& draft) const;
  void remove(std::uint32_t id, Leaving why);
  void drop(std::uint32_t id, Leaving why);
  void free_now(Item& item);
  void file_deadline(std::uint32_t id);
  void look_through(std::uint32_t now, std::size_t steps);

  const Bounds bounds_;
  Spaces& spaces_;
  Reuse* const reuse_;
  const std::uint32_t hits_, misses_;  // counters
  ItemSlab items_;
  Index index_;
  mutable std::mutex mutex_;  // guards what follows, and every change of what stands above
  Policy policy_;
  Wheel wheel_;
  std::uint32_t with_deadline_ = 0, cursor_ = 0;
  double density_ = 0;  // microseconds a byte, running mean of what comes in
  std::uint64_t refused_ = 0;
  std::atomic<std::size_t> blobs_{0};  // bytes of blobs, those included that only handles hold
};

std::uint64_t key_hash(std::string_view key, std::uint64_t seed);
// A cost in a byte, in steps of 9 %, and back to microseconds.
std::uint8_t cost_code(Duration cost);
std::uint64_t cost_of(std::uint8_t code);

}  // namespace sluice::cache
