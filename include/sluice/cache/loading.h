// LoadingCache: get-or-load above the engine, with what a good cache does around a load.
//
//   cache::Engine engine({.memory = 200 << 20});
//   sluice::ThreadPool threads;
//   cache::LoadingCache cache(engine, {.executor = &threads});
//   const auto users = *cache.open({.name = "users"}, {.ttl = 10min, .fail_safe = 1h});
//   sluice::Result<cache::Value> user =
//       cache.get_or_load(users, "42", now(), [] { return load_user(42); });
//
// One loader runs for a key at a time; who asks meanwhile follows that flight and shares its answer,
// parked on an Event (a fiber in the gateway, a thread in a plain program). Nobody is given a value
// that is older than an invalidation which ended before he asked, not even by a flight that began
// earlier: followers look at the flight's ticket, and a void one's value isn't kept.
//
// What happens to a value as it ages (LoadPolicy, by namespace or by call):
//
//   0 ......... eager * ttl ....... ttl ................. ttl + the longer of the two windows
//   from memory | and refreshed behind | stale_while_revalidate: from memory, refreshed behind
//                                      | fail_safe: loaded anew, from memory if that fails
//
// Time: `now` is the caller's. A value's age counts from when its load began. The clock is read only
// to know how long a load took.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/cache/engine.h"
#include "sluice/executor.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::cache {

struct LoadingCore;

// How values are loaded and age. Zero turns a duration's feature off, except where it says more.
struct LoadPolicy {
  Duration ttl = std::chrono::hours(1);  // zero: never expires
  double jitter = 0.1;                   // 0-0.5: each ttl is shorter by a random share up to this
  Duration stale_while_revalidate{};     // after ttl; needs an executor
  Duration fail_safe{};                  // after ttl; with it, ttl + window is 20 days at most
  Duration throttle =
      std::chrono::seconds(10);  // after a load failed, while there is a stale value
  double eager = 0;  // 0.1-0.99: a read past this share of the ttl refreshes; needs an executor
  Duration soft_timeout{};  // with a value in the fail_safe window: it is served, the load goes on
  Duration hard_timeout{};  // the caller gets timed_out, the load goes on; both need an executor
  Duration negative_ttl{};  // how long not_found is remembered
  Duration abandon_after =
      std::chrono::minutes(1);  // a flight that takes longer is no longer joined
};

// Whether the policy holds together. Fails: invalid_argument naming the field and the mend.
Result<void> check(const LoadPolicy& policy, bool has_executor);

// What a loader brings. Made of the bytes alone, or with more.
struct Loaded {
  Loaded(std::string value) : bytes(std::move(value)) {}
  Loaded(std::string value, std::vector<std::string> its_tags)
      : bytes(std::move(value)), tags(std::move(its_tags)) {}

  std::string bytes;
  std::vector<std::string> tags = {};  // beside the call's
  std::optional<Duration> ttl = {};    // instead of the policy's; zero or less: isn't kept
};

// Fails with not_found when there is no such thing, which negative_ttl may remember (with the call's
// tags, for an error brings none); every other error is a failure. What it throws becomes an internal error. It may run on the executor after its
// call has returned, if the policy has a window, eager or a timeout: capture by value then. One that
// asks the cache for its own key waits for itself, until abandon_after or its hard timeout.
using Loader = std::function<Result<Loaded>()>;

struct LoadOptions {
  std::span<const std::string_view> tags =
      {};                              // with Loaded::tags and prefixes at most Engine::kTags
  const LoadPolicy* policy = nullptr;  // instead of the namespace's
  Deadline deadline = kNever;          // for following others; timed_out then
};

enum class Origin : std::uint8_t {
  memory,    // fresh from memory
  stale,     // from memory, older than its ttl
  loaded,    // by this call's loader
  followed,  // by another call's
};

// An answer. Moves; one thread at a time. REQUIRES: dies before the engine.
class Value {
 public:
  Value() = default;
  Value(Handle handle, std::string_view bytes, Origin origin)
      : handle_(std::move(handle)), bytes_(bytes), origin_(origin) {}
  Value(std::shared_ptr<const std::string> shared, Origin origin)
      : shared_(std::move(shared)), bytes_(*shared_), origin_(origin) {}

  std::string_view bytes() const { return bytes_; }
  Origin origin() const { return origin_; }
  explicit operator bool() const { return handle_ || shared_; }

 private:
  Handle handle_;
  std::shared_ptr<const std::string> shared_;
  std::string_view bytes_;
  Origin origin_ = Origin::memory;
};

struct LoadingOptions {
  Executor* executor = nullptr;  // who refreshes behind; outlives no call after the cache's end
  Time (*clock)() = now;         // how long a load took
  std::uint64_t seed = 0;        // of the jitter; 0: from the kernel
};

// Of one namespace, since it was opened.
struct LoadStats {
  std::uint64_t loads = 0, failures = 0;  // loaders that ended; those that failed, not_found aside
  std::uint64_t not_found = 0;            // loaders that said so
  std::uint64_t followed = 0;             // answers taken from another call's flight
  std::uint64_t stale = 0;                // answers older than their ttl
  std::uint64_t refreshed = 0;            // loads behind an answer, or asked for by refresh()
  std::uint64_t negative_hits = 0;
  std::uint64_t soft_timeouts = 0, hard_timeouts = 0;
  std::uint64_t voided = 0;     // loads that weren't kept: invalidated or replaced meanwhile
  std::uint64_t abandoned = 0;  // flights that others stopped waiting for
  std::uint64_t refused = 0;    // by the executor
  Duration loading{};           // all loads together
};

// Thread-safe but for the constructor and destructor. It keeps a mark of 9 bytes behind each value,
// so namespaces opened here are to be read and written here alone. The engine has to outlive it; the
// destructor doesn't wait for loads under way on the executor, they find it gone.
class LoadingCache {
 public:
  LoadingCache(Engine& engine, const LoadingOptions& options);
  ~LoadingCache();
  LoadingCache(const LoadingCache&) = delete;
  LoadingCache& operator=(const LoadingCache&) = delete;

  // The same name gives the same id and keeps the first policy. space.ttl, if it is above zero, is
  // the policy's.
  // Fails: invalid_argument naming the policy's field and the mend; exhausted at kNamespaces.
  Result<NamespaceId> open(const NamespaceOptions& space, const LoadPolicy& policy = {});

  // From memory, or from the loader, on the calling thread or fiber unless the policy has a timeout.
  // Fails: the loader's own error (not_found perhaps from memory), internal for what it threw,
  // timed_out at the hard timeout or the deadline, exhausted when the executor has no room,
  // cancelled when the flight was dropped; with a value in the fail_safe window none of them but
  // not_found. invalid_argument: no such namespace, or a call's policy that doesn't hold.
  Result<Value> get_or_load(NamespaceId space, std::string_view key, Time now, Loader loader,
                            const LoadOptions& options = {});
  // Loads on the calling thread even if there is a fresh value, or follows the flight under way.
  Result<void> refresh(NamespaceId space, std::string_view key, Time now, Loader loader,
                       const LoadOptions& options = {});
  // Fresh or nothing. Loads nothing.
  Value find(NamespaceId space, std::string_view key, Time now);
  // Loads under way don't replace it. False as Engine::put.
  bool put(NamespaceId space, std::string_view key, std::string_view value, Time now,
           const LoadOptions& options = {});

  // As the engine's, and safe against every load under way.
  bool erase(NamespaceId space, std::string_view key);
  void invalidate(NamespaceId space);
  void invalidate_tag(std::string_view tag);
  Result<void> invalidate_prefix(NamespaceId space, std::string_view prefix);
  Result<std::size_t> invalidate_matching(NamespaceId space, std::string_view pattern, Time now);
  Result<std::size_t> count_matching(NamespaceId space, std::string_view pattern, Time now) const;

  LoadStats stats(NamespaceId space) const;
  Engine& engine() const;

 private:
  const std::shared_ptr<LoadingCore> core_;
};

}  // namespace sluice::cache
