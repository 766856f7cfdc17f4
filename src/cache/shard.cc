// The way of an entry through its shard: put, upkeep, removal. Look-ups stand in shard_find.cc.
#include "cache/shard.h"

#include <algorithm>

namespace sluice::cache {

namespace {

constexpr std::size_t kPage = 4096;
// What one put may let grow beside its blob: a page of heads, two of the index, a chunk of the wheel.
constexpr std::size_t kGrowth = 3 * kPage + 256;
constexpr unsigned kMinEntry = 48;  // bytes: bounds how many heads address space is reserved for

std::uint32_t most_items(const Shard::Bounds& bounds) {
  const std::size_t fit = bounds.memory / kMinEntry + 1024;
  const std::size_t most = bounds.entries ? std::min(fit, 2 * bounds.entries + 1024) : fit;
  return static_cast<std::uint32_t>(std::min<std::size_t>(most, 0xffff'fff0));
}

}  // namespace

Shard::Shard(Bounds bounds, Spaces& spaces, Reuse* reuse)
    : bounds_(bounds),
      spaces_(spaces),
      reuse_(reuse),
      hits_(spaces.counters->reserve_one().value_or(0)),
      misses_(spaces.counters->reserve_one().value_or(0)),
      items_(most_items(bounds)),
      index_(most_items(bounds)),
      policy_(items_, *this) {
  if (bounds.entries && bounds.entries * 6 < bounds.memory)
    policy_.size_memory(static_cast<std::uint32_t>(bounds.entries));
}

Shard::~Shard() {
  for (std::uint32_t id = 1; id <= items_.highest(); ++id) {
    Item& item = items_[id];
    if (item.state.load(std::memory_order_acquire) & kLive) free_blob(item.blob());
  }
}

// ---- what the policy asks --------------------------------------------------------------------------

std::uint64_t Shard::hash_of(std::uint32_t id) const {
  const Item& item = items_[id];
  return key_hash(view_of(item.blob()).key, spaces_.get(item.space())->hash_seed);
}

std::uint32_t Shard::weight_of(std::uint32_t id) const {
  if (bounds_.entries) return 1;
  return static_cast<std::uint32_t>(price_of(items_[id].blob()) + sizeof(Item));
}

std::uint32_t Shard::credit_of(std::uint32_t id) const {
  const std::uint8_t code = view_of(items_[id].blob()).cost;
  if (code == 0 || density_ <= 0) return 0;
  const double times = static_cast<double>(cost_of(code)) /
                       static_cast<double>(price_of(items_[id].blob())) / density_;
  return times >= 32 ? 3 : times >= 8 ? 2 : times >= 2 ? 1 : 0;
}

Tenants::Traffic Shard::traffic() const {
  const std::uint64_t hits = spaces_.counters->sum(hits_);
  return {hits + spaces_.counters->sum(misses_), hits};
}

// ---- memory ----------------------------------------------------------------------------------------

std::size_t Shard::bookkeeping() const {
  return items_.bytes() + index_.bytes() + wheel_.bytes() + policy_.bytes();
}

// The sum of weights that fits: entries, or bytes of heads and blobs beside the rest.
std::uint64_t Shard::capacity() const {
  if (bounds_.entries) return bounds_.entries;
  const std::size_t rest = bookkeeping() - items_.bytes() + kGrowth;
  return bounds_.memory > rest ? bounds_.memory - rest : 1;
}

bool Shard::make_room(std::size_t bytes, std::size_t entries) {
  const auto fits = [&](std::size_t more) {
    return blobs_.load(std::memory_order_relaxed) + bookkeeping() + kGrowth + bytes + more <=
               bounds_.memory &&
           (!bounds_.entries || policy_.entries() + entries <= bounds_.entries);
  };
  if (fits(0)) return true;
  const std::size_t wants = policy_.wants_bytes();
  while (!fits(wants)) {
    const std::uint32_t id = policy_.evict(capacity());
    if (!id) return false;
    drop(id, Leaving::capacity);
  }
  if (wants) policy_.size_memory(policy_.entries() + 1);
  return fits(0);
}

char* Shard::write(const Draft& d) const {
  const auto key = static_cast<std::uint32_t>(d.key.size());
  const auto value = static_cast<std::uint32_t>(d.value.size());
  const std::size_t size = 6 + size_of_size(key) + size_of_size(value) +
                           (d.plain ? size_of_size(d.plain) : 0) + 2 * d.stamps.size() + key +
                           value;
  char* blob = allocate_blob(size);
  if (!blob) return nullptr;
  std::memcpy(blob, &d.born, 4);
  blob[4] = static_cast<char>((d.plain ? 1 : 0) | d.stamps.size() << 2);
  blob[5] = static_cast<char>(d.cost);
  char* p = write_size(blob + 6, key);
  p = write_size(p, value);
  if (d.plain) p = write_size(p, d.plain);
  std::memcpy(p, d.stamps.data(), 2 * d.stamps.size());
  p += 2 * d.stamps.size();
  std::memcpy(p, d.key.data(), key);
  std::memcpy(p + key, d.value.data(), value);
  return blob;
}

// ---- changes ---------------------------------------------------------------------------------------

std::uint32_t Shard::present(NamespaceId space, std::string_view key, std::uint64_t hash) const {
  return index_.find(hash, [&](std::uint32_t id) {
    return items_[id].space() == space && view_of(items_[id].blob()).key == key;
  });
}

bool Shard::put(const Draft& draft, std::uint32_t now) {
  const std::size_t size = draft.key.size() + draft.value.size() + 2 * draft.stamps.size() + 32;
  std::lock_guard lock(mutex_);
  wheel_.start(now);
  // Here and not before the lock: whoever erases stamps first and takes the lock then.
  if (draft.erasures &&
      spaces_.erasures.younger(draft.space, draft.key, draft.hash, *draft.erasures))
    return false;
  const auto refuse = [&] {
    if (const std::uint32_t old = present(draft.space, draft.key, draft.hash))
      remove(old, Leaving::replaced);
    ++refused_;
    return false;
  };
  if (size > bounds_.memory / 8) return refuse();
  std::uint32_t old = present(draft.space, draft.key, draft.hash);
  char* const blob = write(draft);
  if (!blob) return refuse();
  const std::size_t bytes = price_of(blob);
  if (!old)
    policy_.arrive(draft.hash,
                   bounds_.entries ? 1 : static_cast<std::uint32_t>(bytes + sizeof(Item)));
  const std::uint32_t id = make_room(bytes, old ? 0 : 1) ? items_.take() : ItemSlab::kNone;
  if (!id) {
    free_blob(blob);
    return refuse();
  }
  if (old) old = present(draft.space, draft.key, draft.hash);  // it may have had to leave
  Item& item = items_[id];
  item.set(blob, draft.space);
  item.deadline = draft.deadline;
  Space& space = *spaces_.get(draft.space);
  blobs_.fetch_add(bytes, std::memory_order_relaxed);
  space.bytes.fetch_add(bytes, std::memory_order_relaxed);
  space.entries.fetch_add(1, std::memory_order_relaxed);
  if (draft.cost)
    density_ +=
        0.01 * (static_cast<double>(cost_of(draft.cost)) / static_cast<double>(bytes) - density_);
  const bool watched = reuse_ && reuse_->watched(draft.hash);
  item.state.store(kLive | (watched ? kWatched : 0), std::memory_order_release);
  if (old) {
    const BlobView was = view_of(items_[old].blob());
    const bool expired = passed(items_[old].deadline, now);
    policy_.replace(old, id);
    index_.replace(draft.hash, old, id);
    drop(old, expired                       ? Leaving::expired
              : dead(items_[old], was, now) ? Leaving::invalidated
                                            : Leaving::replaced);
  } else {
    policy_.settle(id, draft.hash, capacity());
    index_.insert(draft.hash, id);
    index_.grow([&](std::uint32_t at) { return hash_of(at); });
  }
  if (draft.deadline) file_deadline(id);
  return true;
}

bool Shard::erase(NamespaceId space, std::string_view key, std::uint64_t hash) {
  std::lock_guard lock(mutex_);
  const std::uint32_t id = present(space, key, hash);
  if (!id) return false;
  remove(id, Leaving::erased);
  return true;
}

std::size_t Shard::sweep(NamespaceId space, const Glob& glob, std::uint32_t now, bool take) {
  constexpr std::uint32_t kAtOnce = 512;  // heads looked at under one lock
  std::size_t matching = 0;
  for (std::uint32_t id = 1, end = kAtOnce;; end += kAtOnce) {
    std::lock_guard lock(mutex_);
    for (; id <= end && id <= items_.highest(); ++id) {
      const Item& item = items_[id];
      if (!(item.state.load(std::memory_order_relaxed) & kLive) || item.space() != space) continue;
      const BlobView blob = view_of(item.blob());
      if (dead(item, blob, now) || !glob.matches(blob.key)) continue;
      ++matching;
      if (take) remove(id, Leaving::invalidated);
    }
    if (id > items_.highest()) return matching;
  }
}

void Shard::remove(std::uint32_t id, Leaving why) {
  policy_.remove(id);
  drop(id, why);
}

// Out of the index, if it is still the one there, and freed unless handles hold it.
void Shard::drop(std::uint32_t id, Leaving why) {
  Item& item = items_[id];
  index_.erase(hash_of(id), id);
  Space& space = *spaces_.get(item.space());
  space.entries.fetch_sub(1, std::memory_order_relaxed);
  space.bytes.fetch_sub(price_of(item.blob()), std::memory_order_relaxed);
  space.left[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  if (item.deadline) --with_deadline_;
  const std::uint32_t before = item.state.fetch_and(~kLive, std::memory_order_acq_rel);
  if (before & kPins) return;  // the last handle does it
  free_now(item);
  items_.give_back(id);
}

void Shard::free_now(Item& item) {
  char* blob = item.blob();
  blobs_.fetch_sub(price_of(blob), std::memory_order_relaxed);
  free_blob(blob);
}

void Shard::unpin(Item& item) {
  const std::uint32_t before = item.state.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & kLive) || (before & kPins) != 1) return;
  free_now(item);
  items_.give_back_late(items_.number_of(item));
}

// ---- time ------------------------------------------------------------------------------------------

void Shard::file_deadline(std::uint32_t id) {
  ++with_deadline_;
  wheel_.file(id, items_[id].deadline);
  if (wheel_.size() <= 2 * std::size_t{with_deadline_} + 1024) return;
  wheel_.clear();
  for (std::uint32_t at = 1; at <= items_.highest(); ++at) {
    const Item& item = items_[at];
    if ((item.state.load(std::memory_order_relaxed) & kLive) && item.deadline)
      wheel_.file(at, item.deadline);
  }
}

void Shard::upkeep(std::uint32_t now, std::size_t steps) {
  std::lock_guard lock(mutex_);
  wheel_.advance(now, [&](std::uint32_t id, unsigned level) -> std::uint32_t {
    const Item& item = items_[id];
    if (!(item.state.load(std::memory_order_relaxed) & kLive) || !item.deadline) return 0;
    if (passed(item.deadline, now)) {
      remove(id, Leaving::expired);
      return 0;
    }
    return level > 0 ? item.deadline : 0;
  });
  look_through(now, steps);
}

void Shard::look_through(std::uint32_t now, std::size_t steps) {
  for (steps = std::min<std::size_t>(steps, items_.highest()); steps > 0; --steps) {
    if (++cursor_ > items_.highest()) cursor_ = 1;
    const Item& item = items_[cursor_];
    if (!(item.state.load(std::memory_order_relaxed) & kLive)) continue;
    if (passed(item.deadline, now))
      remove(cursor_, Leaving::expired);
    else if (dead(item, view_of(item.blob()), now))
      remove(cursor_, Leaving::invalidated);
  }
}

Shard::Totals Shard::totals() const {
  std::lock_guard lock(mutex_);
  const std::size_t head = bookkeeping();
  return {.hits = spaces_.counters->sum(hits_),
          .misses = spaces_.counters->sum(misses_),
          .entries = policy_.entries(),
          .refused = refused_,
          .used = head + blobs_.load(std::memory_order_relaxed),
          .bookkeeping = head,
          .small_share = policy_.small_share()};
}

}  // namespace sluice::cache
