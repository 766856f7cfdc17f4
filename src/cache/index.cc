// The changing half of the index. Every store that a reader may see is a release, so that none moves
// before the sequence number turned odd.
#include "cache/index.h"

namespace sluice::cache {

namespace {
constexpr auto kRelease = std::memory_order_release;
constexpr auto kRelaxed = std::memory_order_relaxed;
}  // namespace

Index::Index(std::uint32_t most_items)
    : most_buckets_(most_items / kLoad + 8),
      bucket_region_(most_buckets_ * std::size_t{64}),
      spill_region_((most_buckets_ + 64) * std::size_t{64}),
      buckets_(static_cast<Bucket*>(bucket_region_.data())),
      spill_(static_cast<Bucket*>(spill_region_.data())) {}

void Index::set(Bucket& bucket, unsigned slot, std::uint8_t tag, std::uint32_t id) {
  if (id) bucket.ids[slot].store(id, kRelease);
  if (slot < 8) {
    const std::uint64_t low = bucket.low.load(kRelaxed) & ~(std::uint64_t{0xff} << 8 * slot);
    bucket.low.store(low | std::uint64_t{tag} << 8 * slot, kRelease);
  } else {
    const unsigned shift = 8 * (slot - 8);
    const std::uint32_t high = bucket.high.load(kRelaxed) & ~(0xffu << shift);
    bucket.high.store(high | std::uint32_t{tag} << shift, kRelease);
  }
  if (!id) bucket.ids[slot].store(0, kRelease);
}

void Index::put(Bucket& chain, std::uint64_t hash, std::uint32_t id) {
  for (Bucket* b = &chain;;) {
    for (unsigned i = 0; i < kSlots; ++i)
      if (!b->ids[i].load(kRelaxed)) return set(*b, i, tag_of(hash), id);
    std::uint32_t next = b->next.load(kRelaxed);
    if (!next) {
      next = free_spill_ ? free_spill_ : ++spilled_;
      if (free_spill_) free_spill_ = spill_[next].next.load(kRelaxed);
      spill_[next].next.store(0, kRelease);
      b->next.store(next, kRelease);
    }
    b = &spill_[next];
  }
}

void Index::clear(Bucket& chain) {
  const auto wipe = [](Bucket& b) {
    b.low.store(0, kRelease);
    b.high.store(0, kRelease);
    for (auto& id : b.ids) id.store(0, kRelease);
  };
  wipe(chain);
  std::uint32_t next = chain.next.load(kRelaxed);
  chain.next.store(0, kRelease);
  while (next) {
    Bucket& b = spill_[next];
    wipe(b);
    const std::uint32_t after = b.next.load(kRelaxed);
    b.next.store(free_spill_, kRelease);
    free_spill_ = next;
    next = after;
  }
}

void Index::insert(std::uint64_t hash, std::uint32_t id) {
  Bucket& chain = buckets_[home(hash, count_.load(kRelaxed))];
  open(chain);
  put(chain, hash, id);
  open(chain);
  ++size_;
}

void Index::replace(std::uint64_t hash, std::uint32_t old, std::uint32_t id) {
  for (Bucket* b = &buckets_[home(hash, count_.load(kRelaxed))]; b;
       b = b->next.load(kRelaxed) ? &spill_[b->next.load(kRelaxed)] : nullptr) {
    for (auto& slot : b->ids) {
      if (slot.load(kRelaxed) != old) continue;
      Bucket& chain = buckets_[home(hash, count_.load(kRelaxed))];
      open(chain);
      slot.store(id, kRelease);
      open(chain);
      return;
    }
  }
}

void Index::erase(std::uint64_t hash, std::uint32_t id) {
  Bucket& chain = buckets_[home(hash, count_.load(kRelaxed))];
  for (Bucket *b = &chain, *before = nullptr; b;
       before = b, b = b->next.load(kRelaxed) ? &spill_[b->next.load(kRelaxed)] : nullptr) {
    for (unsigned i = 0; i < kSlots; ++i) {
      if (b->ids[i].load(kRelaxed) != id) continue;
      open(chain);
      set(*b, i, 0, 0);
      --size_;
      if (before && !b->low.load(kRelaxed) && !b->high.load(kRelaxed)) {
        const auto empty = before->next.load(kRelaxed);
        before->next.store(b->next.load(kRelaxed), kRelease);
        b->next.store(free_spill_, kRelease);
        free_spill_ = empty;
      }
      open(chain);
      return;
    }
  }
}

// The bucket that is to give half of its items to the new last one; both are odd from here on.
std::uint32_t Index::begin_split() {
  const std::uint32_t count = count_.load(kRelaxed);
  const std::uint32_t from = count - std::bit_floor(count);
  open(buckets_[from]);
  open(buckets_[count]);
  return from;
}

void Index::finish_split(const Moves& moves) {
  const std::uint32_t last = count_.load(kRelaxed);
  clear(buckets_[moves.from]);
  count_.store(last + 1, kRelease);
  for (unsigned i = 0; i < moves.n; ++i)
    put(buckets_[home(moves.hashes[i], last + 1)], moves.hashes[i], moves.ids[i]);
  open(buckets_[moves.from]);
  open(buckets_[last]);
}

std::size_t Index::bytes() const {
  const auto pages = [](std::size_t buckets) { return buckets * 64 / 4096 * 4096 + 4096; };
  return pages(count_.load(kRelaxed)) + pages(spilled_ + std::size_t{1});
}

}  // namespace sluice::cache
