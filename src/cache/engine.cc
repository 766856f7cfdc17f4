// The engine's front: from namespaces, keys and options to shards, hashes and stamps.
#include "sluice/cache/engine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <thread>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/random.h"
#include "cache/compress.h"
#include "cache/shard.h"

namespace sluice::cache {

namespace {

constexpr std::size_t kLeastMemory = 1 << 20;
constexpr std::size_t kShardMemory = 32 << 20;
constexpr unsigned kPrefixes = 8;
constexpr std::uint64_t kTagSeed = 0x5a67;

// Milliseconds on a clock that wraps after 49 days; differences count.
std::uint32_t tick_of(Time now) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

std::uint32_t deadline_of(Time now, Duration ttl) {
  if (ttl <= Duration::zero()) return 0;
  const std::uint32_t at = tick_of(now + std::min(ttl, Engine::kMaxTtl));
  return at == 0 ? 1 : at;
}

unsigned shards_for(const EngineOptions& options, std::size_t memory) {
  if (options.shards) return std::min(options.shards, 256u);
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::clamp<std::size_t>(memory / kShardMemory, 1, cores));
}

}  // namespace

std::uint64_t key_hash(std::string_view key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

std::uint8_t cost_code(Duration cost) {
  const double us = std::chrono::duration<double, std::micro>(cost).count();
  if (us < 1) return 0;
  return static_cast<std::uint8_t>(std::min(255.0, 1 + std::round(8 * std::log2(us))));
}

std::uint64_t cost_of(std::uint8_t code) {
  if (code == 0) return 0;
  // 2^(i/8) * 2^16
  static constexpr std::uint64_t kEighths[] = {65536, 71468,  77936,  84990,
                                               92682, 101070, 110218, 120194};
  const unsigned steps = code - 1u;
  return (kEighths[steps % 8] << (steps / 8)) >> 16;
}

struct Slots {
  std::array<std::uint16_t, Engine::kTags> at;
  std::size_t n = 0;
  bool add(std::uint16_t slot) {
    if (n == at.size()) return false;
    at[n++] = slot;
    return true;
  }
  std::span<const std::uint16_t> all() const { return std::span(at).first(n); }
};

struct EngineParts {
  explicit EngineParts(const EngineOptions& options)
      : memory(std::max(options.memory, kLeastMemory)),
        seed(options.seed ? options.seed : random_u64()),
        spaces(std::clamp<std::size_t>(std::bit_floor(memory / 1024), 1024, 65536),
               std::clamp<std::size_t>(std::bit_floor(memory / 512), 2048, 16384)) {
    const std::size_t entries = options.max_entries;
    if (options.curve)
      reuse = std::make_unique<Reuse>(
          std::clamp<std::size_t>(std::bit_floor(memory / 4096), 1024, 65536));
    fixed = spaces.stamps.bytes() + spaces.erasures.bytes() + sizeof(Spaces) +
            (reuse ? reuse->bytes() : 0);
    const unsigned n = entries && entries < 1024 ? 1 : shards_for(options, memory);
    for (unsigned i = 0; i < n; ++i)
      shards.push_back(std::make_unique<Shard>(
          Shard::Bounds{(memory - fixed) / n, entries / n + (i < entries % n)}, spaces,
          reuse.get()));
  }

  Shard& shard_of(std::uint64_t hash) {
    return *shards[(hash * 0x9e3779b97f4a7c15 >> 48) * shards.size() >> 16];
  }
  std::uint64_t hash_of(NamespaceId space, std::string_view key) const {
    return key_hash(key, spaces.get(space)->hash_seed);
  }
  std::uint16_t tag_slot(std::string_view tag) const {
    return spaces.stamps.slot_of(key_hash(tag, seed ^ kTagSeed));
  }
  std::uint64_t prefix_hash(const Space& space, std::string_view prefix) const {
    return key_hash(prefix, ~space.hash_seed);
  }

  // The stamps that an entry carries: its tags', then its prefixes'. False: more than fit.
  bool stamps_of(const Space& space, std::string_view key, std::span<const std::string_view> tags,
                 Slots& out) const;
  // Nothing of these was invalidated after the version.
  bool holds(NamespaceId id, std::span<const std::uint16_t> slots, std::uint32_t version) const {
    if (Stamps::younger(spaces.invalidated[id], version)) return false;
    return std::ranges::none_of(slots,
                                [&](auto slot) { return spaces.stamps.younger(slot, version); });
  }

  const std::size_t memory;
  const std::uint64_t seed;
  Spaces spaces;
  std::unique_ptr<Reuse> reuse;
  std::size_t fixed = 0;
  std::vector<std::unique_ptr<Shard>> shards;
  mutable std::mutex opening;
  NamespaceId opened = 0;
};

bool EngineParts::stamps_of(const Space& space, std::string_view key,
                            std::span<const std::string_view> tags, Slots& out) const {
  for (const std::string_view tag : tags)
    if (!out.add(tag_slot(tag))) return false;
  const std::string& separators = space.options.separators;
  for (std::size_t at = 0, depth = 0; !separators.empty() && depth < kPrefixes; ++depth) {
    at = key.find_first_of(separators, at);
    if (at == key.npos) break;
    if (!out.add(spaces.stamps.slot_of(prefix_hash(space, key.substr(0, ++at))))) return false;
  }
  return true;
}

// ---- Handle ----------------------------------------------------------------------------------------

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this == &other) return *this;
  release();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  item_ = std::exchange(other.item_, nullptr);
  shard_ = other.shard_;
  plain_ = std::move(other.plain_);
  deadline_ = other.deadline_;
  return *this;
}

void Handle::release() {
  if (item_) shard_->unpin(*std::exchange(item_, nullptr));
  data_ = nullptr;
  plain_.reset();
}

Duration Handle::ttl_left(Time now) const {
  if (deadline_ == 0) return Duration::max();
  return std::chrono::milliseconds(static_cast<std::int32_t>(deadline_ - tick_of(now)));
}

// ---- Engine ----------------------------------------------------------------------------------------

Engine::Engine(const EngineOptions& options) : parts_(std::make_unique<EngineParts>(options)) {}
Engine::~Engine() = default;

Result<NamespaceId> Engine::open(const NamespaceOptions& options) {
  std::lock_guard lock(parts_->opening);
  for (NamespaceId id = 0; id < parts_->opened; ++id)
    if (parts_->spaces.get(id)->options.name == options.name) return id;
  if (parts_->opened == kNamespaces)
    return fail(Code::exhausted, "cache namespace " + options.name + ": there are 1024 already");
  auto space = std::make_unique<Space>();
  monitor::SlotTable& counters = *parts_->spaces.counters;
  space->options = options;
  space->hash_seed = parts_->seed + 0x9e3779b97f4a7c15 * (parts_->opened + 1u);
  space->hits = counters.reserve_one().value_or(0);
  space->misses = counters.reserve_one().value_or(0);
  space->saved = counters.reserve_one().value_or(0);
  parts_->spaces.at[parts_->opened].store(space.release(), std::memory_order_release);
  return parts_->opened++;
}

Handle Engine::find(NamespaceId space, std::string_view key, Time now) {
  if (!parts_->spaces.get(space)) return {};
  const std::uint64_t hash = parts_->hash_of(space, key);
  return parts_->shard_of(hash).find(space, key, hash, tick_of(now));
}

void Engine::find_many(NamespaceId space, std::span<const std::string_view> keys,
                       std::span<Handle> out, Time now) {
  constexpr std::size_t kAhead = 16;
  if (!parts_->spaces.get(space)) return;
  const std::uint32_t tick = tick_of(now);
  std::array<std::uint64_t, kAhead> hashes;
  std::array<Shard*, kAhead> shards;
  for (std::size_t from = 0; from < keys.size(); from += kAhead) {
    const std::size_t n = std::min(kAhead, keys.size() - from);
    for (std::size_t i = 0; i < n; ++i) {
      hashes[i] = parts_->hash_of(space, keys[from + i]);
      shards[i] = &parts_->shard_of(hashes[i]);
      shards[i]->prefetch_bucket(hashes[i]);
    }
    for (std::size_t i = 0; i < n; ++i) shards[i]->prefetch_item(hashes[i]);
    for (std::size_t i = 0; i < n; ++i) shards[i]->prefetch_blob(hashes[i]);
    for (std::size_t i = 0; i < n; ++i)
      out[from + i] = shards[i]->find(space, keys[from + i], hashes[i], tick);
  }
}

Handle Engine::peek(NamespaceId space, std::string_view key, Time now) {
  if (!parts_->spaces.get(space)) return {};
  const std::uint64_t hash = parts_->hash_of(space, key);
  return parts_->shard_of(hash).peek(space, key, hash, tick_of(now));
}

Ticket Engine::ticket() const {
  return {.version = parts_->spaces.stamps.now(), .erasures = parts_->spaces.erasures.now()};
}

bool Engine::holds(NamespaceId id, std::string_view key, std::span<const std::string_view> tags,
                   const Ticket& ticket) const {
  const Space* space = parts_->spaces.get(id);
  Slots slots;
  return space && parts_->stamps_of(*space, key, tags, slots) &&
         parts_->holds(id, slots.all(), static_cast<std::uint32_t>(ticket.version)) &&
         !parts_->spaces.erasures.younger(id, key, parts_->hash_of(id, key), ticket.erasures);
}

bool Engine::put(NamespaceId id, std::string_view key, std::string_view value, Time now,
                 const PutOptions& options) {
  const Space* space = parts_->spaces.get(id);
  if (!space || key.size() > kMaxKey || value.size() > 0xffff'ffff) return false;
  const auto born = static_cast<std::uint32_t>(options.ticket ? options.ticket->version
                                                              : parts_->spaces.stamps.now());
  Slots slots;
  if (!parts_->stamps_of(*space, key, options.tags, slots)) return false;
  if (!parts_->holds(id, slots.all(), born)) return false;

  Draft draft{.space = id, .key = key, .value = value, .hash = parts_->hash_of(id, key)};
  draft.born = born;
  draft.cost = cost_code(options.cost);
  draft.deadline = deadline_of(now, options.ttl.value_or(space->options.ttl));
  draft.stamps = slots.all();
  if (options.ticket) draft.erasures = options.ticket->erasures;
  std::optional<std::string> frame;
  const std::size_t above = space->options.compress_above;
  if (above && value.size() >= above && value.size() <= 1u << 30) frame = compressed(value);
  if (frame) {
    draft.value = *frame;
    draft.plain = static_cast<std::uint32_t>(value.size());
  }
  return parts_->shard_of(draft.hash).put(draft, tick_of(now));
}

bool Engine::erase(NamespaceId space, std::string_view key) {
  if (!parts_->spaces.get(space)) return false;
  const std::uint64_t hash = parts_->hash_of(space, key);
  parts_->spaces.erasures.stamp(hash);
  return parts_->shard_of(hash).erase(space, key, hash);
}

void Engine::invalidate(NamespaceId space) {
  if (parts_->spaces.get(space)) parts_->spaces.stamps.bump(parts_->spaces.invalidated[space]);
}

void Engine::invalidate_tag(std::string_view tag) {
  parts_->spaces.stamps.bump(parts_->tag_slot(tag));
}

Result<void> Engine::invalidate_prefix(NamespaceId id, std::string_view prefix) {
  const Space* space = parts_->spaces.get(id);
  if (!space) return fail(Code::invalid_argument, "no such cache namespace");
  if (prefix.ends_with('*')) prefix.remove_suffix(1);
  if (prefix.empty()) {
    invalidate(id);
    return {};
  }
  const std::string& separators = space->options.separators;
  const auto depth =
      std::ranges::count_if(prefix, [&](char c) { return separators.find(c) != separators.npos; });
  if (separators.find(prefix.back()) == separators.npos || depth > kPrefixes)
    return fail(Code::invalid_argument, "prefix \"" + std::string(prefix) +
                                            "\" in cache namespace " + space->options.name +
                                            ": it has to end in one of the first 8 separators of " +
                                            "the namespace (\"" + separators + "\")");
  Stamps& stamps = parts_->spaces.stamps;
  stamps.bump(stamps.slot_of(parts_->prefix_hash(*space, prefix)));
  return {};
}

Result<std::size_t> Engine::sweep(NamespaceId space, std::string_view pattern, Time now,
                                  bool take) const {
  if (!parts_->spaces.get(space)) return fail(Code::invalid_argument, "no such cache namespace");
  Result<Glob> glob = Glob::parse(pattern);
  if (!glob) return std::unexpected(std::move(glob.error()));
  if (take) parts_->spaces.erasures.stamp(space, *glob);
  std::size_t matching = 0;
  for (const auto& shard : parts_->shards)
    matching += shard->sweep(space, *glob, tick_of(now), take);
  return matching;
}

Result<std::size_t> Engine::invalidate_matching(NamespaceId space, std::string_view pattern,
                                                Time now) {
  return sweep(space, pattern, now, true);
}

Result<std::size_t> Engine::count_matching(NamespaceId space, std::string_view pattern,
                                           Time now) const {
  return sweep(space, pattern, now, false);
}

void Engine::upkeep(Time now, std::size_t steps) {
  const std::uint32_t tick = tick_of(now);
  for (auto& shard : parts_->shards)
    shard->upkeep(tick, (steps + parts_->shards.size() - 1) / parts_->shards.size());
}

EngineStats Engine::stats() const {
  EngineStats out;
  out.bound = parts_->memory;
  out.used = out.bookkeeping = parts_->fixed;
  for (const auto& shard : parts_->shards) {
    const Shard::Totals totals = shard->totals();
    out.hits += totals.hits;
    out.misses += totals.misses;
    out.entries += totals.entries;
    out.refused += totals.refused;
    out.used += totals.used;
    out.bookkeeping += totals.bookkeeping;
    out.small_share += totals.small_share / static_cast<double>(parts_->shards.size());
  }
  std::lock_guard lock(parts_->opening);
  const monitor::SlotTable& counters = *parts_->spaces.counters;
  for (NamespaceId id = 0; id < parts_->opened; ++id) {
    const Space& space = *parts_->spaces.get(id);
    NamespaceStats& s = out.namespaces.emplace_back();
    s.name = space.options.name;
    s.hits = counters.sum(space.hits);
    s.misses = counters.sum(space.misses);
    s.entries = space.entries.load(std::memory_order_relaxed);
    s.bytes = space.bytes.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < kLeavings; ++i)
      s.left[i] = space.left[i].load(std::memory_order_relaxed);
    s.milliseconds_saved = static_cast<double>(counters.sum(space.saved)) / 1000;
  }
  return out;
}

Curve Engine::curve() const {
  if (!parts_->reuse) return {};
  const EngineStats now = stats();
  return parts_->reuse->curve(now.entries, now.used);
}

}  // namespace sluice::cache
