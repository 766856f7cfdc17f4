// How a flight ends: the loader is called and its value, absence or failure kept as the policy says.
#include "cache/loading_core.h"

#include <algorithm>
#include <exception>

#include <cxxabi.h>

#include "base/random.h"

namespace sluice::cache {

namespace {

std::uint32_t milliseconds(Duration d) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(d).count());
}

}  // namespace

// ---- LoadingCore -----------------------------------------------------------------------------------

LoadingCore::LoadingCore(Engine& its_engine, const LoadingOptions& options)
    : engine(&its_engine),
      executor(options.executor),
      clock(options.clock ? options.clock : now),
      dice(options.seed ? options.seed : random_u64()) {}

LoadingCore::~LoadingCore() {
  for (auto& space : spaces) delete space.load();
}

Duration LoadingCore::jittered(Duration ttl, double jitter) {
  // splitmix64 (Steele, Lea and Flood, 2014) over a shared counter.
  std::uint64_t z = dice.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  const double share = static_cast<double>((z ^ z >> 31) >> 11) * 0x1.0p-53 * jitter;
  return ttl - std::chrono::duration_cast<Duration>(ttl * share);
}

LoadingCore::Stay LoadingCore::stay_of(Duration wanted, const LoadPolicy& policy) {
  const Duration grace = std::max(policy.stale_while_revalidate, policy.fail_safe);
  const Duration ttl = jittered(std::min(wanted, Engine::kMaxTtl - grace), policy.jitter);
  if (ttl <= Duration::zero()) return {.mark = {}, .ttl = Duration::zero()};
  const Mark mark{.grace_ms = milliseconds(grace), .ttl_ms = milliseconds(ttl)};
  return {.mark = mark, .ttl = ttl + std::chrono::milliseconds(mark.grace_ms)};
}

bool LoadingCore::keep(const Place& place, std::string& value, Time at, const Mark& mark,
                       const PutOptions& options) {
  const std::size_t size = value.size();
  mark.append_to(value);
  const bool kept = engine->put(place.space, place.key, value, at, options);
  value.resize(size);
  return kept;
}

// ---- Pilot -----------------------------------------------------------------------------------------

Pilot::~Pilot() {
  if (!landed_) land_with(fail(Code::cancelled, "load of " + flight_->key + " was dropped"));
}

std::shared_ptr<const Landing> Pilot::fly(const Loader& loader) {
  const Time start = core_->clock();
  Result<Loaded> loaded = call(loader);
  return land(std::move(loaded), std::max(Duration::zero(), core_->clock() - start));
}

Result<Loaded> Pilot::call(const Loader& loader) const {
  const auto threw = [&](const std::string& what) {
    return fail(Code::internal, "loader of " + flight_->key + " threw " + what);
  };
  try {
    return loader();
  } catch (const abi::__forced_unwind&) {  // a cancelled thread has to end
    throw;
  } catch (const std::exception& thrown) {
    return threw(thrown.what());
  } catch (...) {
    return threw("something that is no std::exception");
  }
}

std::shared_ptr<const Landing> Pilot::land_with(Result<std::shared_ptr<const std::string>> value) {
  auto landing =
      std::make_shared<Landing>(Landing{.value = std::move(value), .tags = flight_->tags});
  landed_ = true;
  flight_->land(landing, [](bool) {});
  core_->flights.leave(flight_);
  return landing;
}

void Pilot::count(const Result<Loaded>& loaded, Duration took) {
  LoadSpace& space = *core_->space(flight_->space);
  const bool absent = !loaded && loaded.error().code == Code::not_found;
  LoadSpace::add(space.loads);
  LoadSpace::add(space.loading_ns, static_cast<std::uint64_t>(took.count()));
  if (!loaded) LoadSpace::add(absent ? space.not_found : space.failures);
  const std::uint64_t hash = LoadingCore::hash_of(flight_->space, flight_->key);
  if (loaded || absent)
    core_->throttles.clear(hash);
  else if (policy_.throttle > Duration::zero())
    core_->throttles.set(hash, flight_->started + took + policy_.throttle);
}

std::shared_ptr<const Landing> Pilot::land(Result<Loaded> loaded, Duration took) {
  landed_ = true;
  count(loaded, took);
  auto landing = std::make_shared<Landing>();
  landing->tags = flight_->tags;
  std::shared_ptr<std::string> value;
  if (loaded) {
    value = std::make_shared<std::string>(std::move(loaded->bytes));
    landing->tags.insert(landing->tags.end(), loaded->tags.begin(), loaded->tags.end());
    landing->value = value;
  } else {
    landing->value = std::unexpected(loaded.error());
  }
  std::shared_lock alive(core_->ending);
  flight_->land(landing, [&](bool newest) {
    if (!core_->engine) return;
    const std::vector<std::string_view> tags = views(landing->tags);
    if (!newest || !core_->engine->holds(flight_->space, flight_->key, tags, flight_->ticket))
      LoadSpace::add(core_->space(flight_->space)->voided);
    else if (loaded)
      keep(*loaded, *value, tags, took);
    else if (loaded.error().code == Code::not_found)
      keep_absence(loaded.error(), tags, took);
  });
  core_->flights.leave(flight_);
  return landing;
}

void Pilot::keep(const Loaded& loaded, std::string& value, Tags tags, Duration took) {
  if (loaded.ttl && *loaded.ttl <= Duration::zero()) {
    core_->engine->erase(flight_->space, flight_->key);
    return;
  }
  const LoadingCore::Stay stay = core_->stay_of(loaded.ttl.value_or(policy_.ttl), policy_);
  core_->keep({flight_->space, flight_->key}, value, flight_->started, stay.mark,
              {.ttl = stay.ttl, .cost = took, .tags = tags, .ticket = flight_->ticket});
}

// The thing is gone: what was kept of it goes too, the answer stays for its own ttl.
void Pilot::keep_absence(const Error& error, Tags tags, Duration took) {
  constexpr std::size_t kDetail = 256;  // bytes of the error's text that are kept
  if (policy_.negative_ttl <= Duration::zero()) {
    core_->engine->erase(flight_->space, flight_->key);
    return;
  }
  std::string detail = error.detail.substr(0, kDetail);
  core_->keep({flight_->space, flight_->key}, detail, flight_->started,
              {.negative = true, .ttl_ms = milliseconds(policy_.negative_ttl)},
              {.ttl = policy_.negative_ttl, .cost = took, .tags = tags, .ticket = flight_->ticket});
}

}  // namespace sluice::cache
