// What a loading cache consists of, shared with the loads that still run on the executor when it ends,
// and Pilot, who brings one flight down whatever happens to its loader.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "cache/flights.h"
#include "cache/mark.h"
#include "cache/throttles.h"
#include "sluice/cache/loading.h"

namespace sluice::cache {

// An opened namespace. The policy never changes.
struct LoadSpace {
  using Count = std::atomic<std::uint64_t>;

  std::string name;
  LoadPolicy policy;
  Count loads{0}, failures{0}, not_found{0}, followed{0}, stale{0}, refreshed{0}, negative_hits{0},
      soft_timeouts{0}, hard_timeouts{0}, voided{0}, abandoned{0}, refused{0}, loading_ns{0};

  static void add(Count& count, std::uint64_t n = 1) {
    count.fetch_add(n, std::memory_order_relaxed);
  }
};

// Thread-safe.
struct LoadingCore {
  LoadingCore(Engine& its_engine, const LoadingOptions& options);
  ~LoadingCore();

  LoadSpace* space(NamespaceId id) const {
    return id < spaces.size() ? spaces[id].load(std::memory_order_acquire) : nullptr;
  }
  Found find(NamespaceId id, std::string_view key, Time at) {
    return Found(engine->find(id, key, at), at);
  }
  Found peek(NamespaceId id, std::string_view key, Time at) {
    return Found(engine->peek(id, key, at), at);
  }
  Duration jittered(Duration ttl, double jitter);
  static std::uint64_t hash_of(NamespaceId id, std::string_view key) {
    return (std::hash<std::string_view>()(key) ^ id) * 0x9e3779b97f4a7c15;
  }
  // How long a value stays in the engine, and what its mark says of it: ttl less jitter, plus windows.
  struct Stay {
    Mark mark;
    Duration ttl;
  };
  Stay stay_of(Duration ttl, const LoadPolicy& policy);
  struct Place {
    NamespaceId space;
    std::string_view key;
  };
  // Puts value and mark; the value is as before afterwards.
  bool keep(const Place& place, std::string& value, Time at, const Mark& mark,
            const PutOptions& options);

  std::shared_mutex ending;  // the engine is used on the executor under it, until the cache's end
  Engine* engine;            // null: ended
  Executor* const executor;
  Time (*const clock)();
  std::atomic<std::uint64_t> dice;
  Flights flights;
  Throttles throttles;
  std::mutex opening;
  std::array<std::atomic<LoadSpace*>, Engine::kNamespaces> spaces{};
};

// Flies once: calls the loader, keeps what it brings, lands the flight. One that is destroyed without
// having flown lands it as cancelled, so nobody waits for a load that never was. One thread at a time.
class Pilot {
 public:
  Pilot(std::shared_ptr<LoadingCore> core, std::shared_ptr<Flight> flight, const LoadPolicy& policy)
      : core_(std::move(core)), flight_(std::move(flight)), policy_(policy) {}
  ~Pilot();
  Pilot(const Pilot&) = delete;
  Pilot& operator=(const Pilot&) = delete;

  std::shared_ptr<const Landing> fly(const Loader& loader);
  // Without a load: the value is in the engine already, or there was no way to begin.
  std::shared_ptr<const Landing> land_with(Result<std::shared_ptr<const std::string>> value);

 private:
  Result<Loaded> call(const Loader& loader) const;
  std::shared_ptr<const Landing> land(Result<Loaded> loaded, Duration took);
  void count(const Result<Loaded>& loaded, Duration took);
  using Tags = std::span<const std::string_view>;
  void keep(const Loaded& loaded, std::string& value, Tags tags, Duration took);
  void keep_absence(const Error& error, Tags tags, Duration took);

  const std::shared_ptr<LoadingCore> core_;
  const std::shared_ptr<Flight> flight_;
  const LoadPolicy policy_;
  bool landed_ = false;
};

}  // namespace sluice::cache
