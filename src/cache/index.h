// Index: from a key's hash to item numbers, by linear hashing in buckets of one cache line.
//
// Readers take no lock: a bucket's chain has a sequence number, odd while it is changed; a miss
// counts only if the number stood still. (A hit needs no such check: the caller pins the item and
// compares the key.) It grows by splitting one bucket at a time in place, so there is no rehash to
// wait for and no old table that a reader might still be in. Extendible and cuckoo tables were the
// alternatives: one needs a directory to reclaim, the other moves items under readers' feet.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "cache/memory.h"

namespace sluice::cache {

// find() and prefetch() from any thread; everything else under the shard's lock.
class Index {
 public:
  explicit Index(std::uint32_t most_items);

  // Calls accept(number) for each item whose tag fits, until it returns true: then that number.
  // 0: none, and there was none throughout.
  template <class Accept>
  std::uint32_t find(std::uint64_t hash, Accept&& accept) const {
    for (;;) {
      const std::uint32_t count = count_.load(std::memory_order_acquire);
      const Bucket* bucket = &buckets_[home(hash, count)];
      const Bucket* first = bucket;
      const std::uint32_t before = first->sequence.load(std::memory_order_acquire);
      for (;;) {
        const std::uint64_t low = bucket->low.load(std::memory_order_acquire);
        const std::uint32_t high = bucket->high.load(std::memory_order_acquire);
        for (std::uint32_t fits = fitting(low, high, tag_of(hash)); fits; fits &= fits - 1) {
          const std::uint32_t id =
              bucket->ids[std::countr_zero(fits)].load(std::memory_order_acquire);
          if (id && accept(id)) return id;
        }
        const std::uint32_t next = bucket->next.load(std::memory_order_acquire);
        if (!next) break;
        bucket = &spill_[next];
      }
      if (!(before & 1) && first->sequence.load(std::memory_order_acquire) == before &&
          home(hash, count_.load(std::memory_order_acquire)) == home(hash, count))
        return 0;
    }
  }

  void prefetch(std::uint64_t hash) const {
    __builtin_prefetch(&buckets_[home(hash, count_.load(std::memory_order_relaxed))]);
  }
  // The first candidate's number, unchecked: something to prefetch. 0: none.
  std::uint32_t guess(std::uint64_t hash) const {
    const Bucket& b = buckets_[home(hash, count_.load(std::memory_order_relaxed))];
    const std::uint32_t fits = fitting(b.low.load(std::memory_order_relaxed),
                                       b.high.load(std::memory_order_relaxed), tag_of(hash));
    return fits ? b.ids[std::countr_zero(fits)].load(std::memory_order_relaxed) : 0;
  }

  void insert(std::uint64_t hash, std::uint32_t id);
  // REQUIRES: old is in it, and id has the same hash. Readers see one or the other, never none.
  void replace(std::uint64_t hash, std::uint32_t old, std::uint32_t id);
  void erase(std::uint64_t hash, std::uint32_t id);  // REQUIRES: id is in it

  // Splits while it is too full. hash_of(number) gives an item's hash.
  template <class HashOf>
  void grow(HashOf&& hash_of) {
    while (size_ > count_.load(std::memory_order_relaxed) * kLoad && may_grow()) {
      const std::uint32_t from = begin_split();
      Bucket* chain = &buckets_[from];
      Moves moves{from};
      for (Bucket* b = chain; b; b = b->next.load() ? &spill_[b->next.load()] : nullptr) {
        for (unsigned i = 0; i < kSlots; ++i)
          if (const std::uint32_t id = b->ids[i].load()) moves.add(id, hash_of(id));
      }
      finish_split(moves);
    }
  }

  std::size_t bytes() const;

 private:
  static constexpr unsigned kSlots = 11;
  static constexpr std::uint64_t kLoad = 10;  // items a bucket: about one chain in three spills

  struct alignas(64) Bucket {
    std::atomic<std::uint32_t> sequence;
    std::atomic<std::uint32_t> next;  // in spill_, 0: none
    std::atomic<std::uint64_t> low;   // tags of slots 0-7, 0: empty
    std::atomic<std::uint32_t> high;  // tags of slots 8-10
    std::atomic<std::uint32_t> ids[kSlots];
  };
  static_assert(sizeof(Bucket) == 64);

  // What a split takes out of a chain and puts into two.
  struct Moves {
    explicit Moves(std::uint32_t bucket) : from(bucket) {}
    void add(std::uint32_t id, std::uint64_t hash) {
      if (n < kMost) ids[n] = id, hashes[n++] = hash;
    }
    static constexpr unsigned kMost = 512;  // a chain so long takes 500 equal hashes
    std::uint32_t from;
    unsigned n = 0;
    std::uint32_t ids[kMost];
    std::uint64_t hashes[kMost];
  };

  static std::uint32_t home(std::uint64_t hash, std::uint32_t count) {
    const std::uint32_t mask = std::bit_ceil(count) - 1;
    const auto at = static_cast<std::uint32_t>(hash) & mask;
    return at < count ? at : at & (mask >> 1);
  }
  static std::uint8_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint8_t>(1 + (hash >> 40) % 255);
  }
  // Bits of the slots whose tag may be it; all that are, and rarely one that isn't.
  static std::uint32_t fitting(std::uint64_t low, std::uint32_t high, std::uint8_t tag) {
    constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
    const std::uint64_t a = low ^ kOnes * tag;
    const std::uint64_t b = high ^ (kOnes * tag & 0xffffff);
    const std::uint64_t hits_a = (a - kOnes) & ~a & kTops;
    const std::uint64_t hits_b = (b - kOnes) & ~b & 0x808080;
    constexpr std::uint64_t kGather = 0x0002040810204081;
    return static_cast<std::uint32_t>((hits_a * kGather) >> 56) |
           static_cast<std::uint32_t>((hits_b * kGather) >> 56 & 7) << 8;
  }

  bool may_grow() const { return count_.load(std::memory_order_relaxed) < most_buckets_; }
  std::uint32_t begin_split();
  void finish_split(const Moves& moves);
  void put(Bucket& chain, std::uint64_t hash, std::uint32_t id);
  void clear(Bucket& chain);
  static void set(Bucket& bucket, unsigned slot, std::uint8_t tag, std::uint32_t id);
  static void open(Bucket& bucket) {
    bucket.sequence.store(bucket.sequence.load(std::memory_order_relaxed) + 1,
                          std::memory_order_release);
  }

  std::uint32_t most_buckets_;
  Region bucket_region_, spill_region_;
  Bucket* buckets_;
  Bucket* spill_;
  std::atomic<std::uint32_t> count_{1};
  std::uint64_t size_ = 0;
  std::uint32_t spilled_ = 0, free_spill_ = 0;  // spill buckets ever used; the first given back
};

}  // namespace sluice::cache
