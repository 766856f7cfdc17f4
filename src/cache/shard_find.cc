// Look-ups, which every hit takes and which take no lock: find a candidate in the index, pin it,
// compare the key. Pin and release are the only writes to shared memory on a hit.
#include "cache/compress.h"
#include "cache/shard.h"

namespace sluice::cache {

// Holds the item against being freed, and warms it. False: it is gone.
bool Shard::pin(Item& item) const {
  std::uint32_t state = item.state.load(std::memory_order_relaxed);
  while (state & kLive) {
    const std::uint32_t hotter = (state & kHeat) == kHeat ? 0 : 1u << kHeatAt;
    if (item.state.compare_exchange_weak(state, ((state + 1) | kTouched) + hotter,
                                         std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
  return false;
}

// Holds it and leaves it as cold as it was.
bool Shard::hold(Item& item) const {
  std::uint32_t state = item.state.load(std::memory_order_relaxed);
  while (state & kLive)
    if (item.state.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed))
      return true;
  return false;
}

bool Shard::dead(const Item& item, const BlobView& blob, std::uint32_t now) const {
  if (passed(item.deadline, now) || Stamps::younger(spaces_.invalidated[item.space()], blob.born) ||
      spaces_.stamps.too_old(blob.born))
    return true;
  for (std::uint32_t i = 0; i < blob.stamps; ++i)
    if (spaces_.stamps.younger(blob.stamp(i), blob.born)) return true;
  return false;
}

void Shard::watch(Item* item, std::uint64_t hash) {
  if (item && (item->state.load(std::memory_order_relaxed) & kWatched)) [[unlikely]] {
    item->state.fetch_and(~kWatched, std::memory_order_relaxed);
    reuse_->finish(hash);
  }
  if (Reuse::sampled()) [[unlikely]] {
    reuse_->start(hash, item != nullptr);
    if (item) item->state.fetch_or(kWatched, std::memory_order_relaxed);
  }
}

void Shard::miss(const Space& space, std::uint64_t hash) {
  monitor::SlotTable* counters = spaces_.counters.get();
  monitor::SlotTable::add(counters, misses_, 1);
  monitor::SlotTable::add(counters, space.misses, 1);
  if (!reuse_) return;
  if (reuse_->watched(hash)) reuse_->finish(hash);
  watch(nullptr, hash);
}

// REQUIRES: item is pinned; the pin passes to the handle.
inline Handle Shard::handle_of(Item& item, const BlobView& blob) {
  Handle handle;
  handle.deadline_ = item.deadline;
  if (blob.compressed) [[unlikely]] {
    handle.plain_ = decompressed(blob.value, blob.plain);
    unpin(item);
    handle.data_ = handle.plain_.get();
    handle.size_ = blob.plain;
    return handle;
  }
  handle.data_ = blob.value.data();
  handle.size_ = blob.value.size();
  handle.item_ = &item;
  handle.shard_ = this;
  return handle;
}

Handle Shard::find(NamespaceId id, std::string_view key, std::uint64_t hash, std::uint32_t now) {
  const Space& space = *spaces_.get(id);
  BlobView blob;
  const std::uint32_t found = index_.find(hash, [&](std::uint32_t number) {
    Item& item = items_[number];
    if (!pin(item)) return false;
    blob = view_of(item.blob());
    if (item.space() == id && blob.key == key) return true;
    unpin(item);
    return false;
  });
  if (!found) {
    miss(space, hash);
    return {};
  }
  Item& item = items_[found];
  if (dead(item, blob, now)) {
    unpin(item);
    miss(space, hash);
    return {};
  }
  monitor::SlotTable* counters = spaces_.counters.get();
  monitor::SlotTable::add(counters, hits_, 1);
  monitor::SlotTable::add(counters, space.hits, 1);
  if (blob.cost) monitor::SlotTable::add(counters, space.saved, cost_of(blob.cost));
  if (reuse_) watch(&item, hash);
  return handle_of(item, blob);
}

Handle Shard::peek(NamespaceId id, std::string_view key, std::uint64_t hash, std::uint32_t now) {
  BlobView blob;
  const std::uint32_t found = index_.find(hash, [&](std::uint32_t number) {
    Item& item = items_[number];
    if (!hold(item)) return false;
    blob = view_of(item.blob());
    if (item.space() == id && blob.key == key) return true;
    unpin(item);
    return false;
  });
  if (!found) return {};
  if (dead(items_[found], blob, now)) {
    unpin(items_[found]);
    return {};
  }
  return handle_of(items_[found], blob);
}

void Shard::prefetch_blob(std::uint64_t hash) const {
  const std::uint32_t id = index_.guess(hash);
  if (!id) return;
  const char* blob = items_[id].blob();
  __builtin_prefetch(blob);
  __builtin_prefetch(blob + 64);
}

}  // namespace sluice::cache
