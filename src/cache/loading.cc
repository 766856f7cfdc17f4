// The walk of a call: memory first, then a flight, led or followed, and what is served when it fails.
#include "sluice/cache/loading.h"

#include <algorithm>

#include "cache/loading_core.h"

namespace sluice::cache {

namespace {

using Answer = std::optional<Result<Value>>;  // none: ask again

// One call of get_or_load() or refresh().
class Ask {
 public:
  Ask(const std::shared_ptr<LoadingCore>& core, NamespaceId id, std::string_view key, Time now,
      const LoadOptions& options, Loader& loader)
      : core_(core),
        id_(id),
        key_(key),
        now_(now),
        options_(options),
        loader_(loader),
        space_(*core_->space(id)),
        policy_(options.policy ? *options.policy : space_.policy),
        patience_(std::min(options.deadline, deadline_after(now, policy_.hard_timeout))),
        seen_(core_->engine->ticket()) {}

  Result<Value> get();
  Result<void> refresh();

 private:
  bool timed() const {
    return policy_.soft_timeout > Duration::zero() || policy_.hard_timeout > Duration::zero();
  }
  bool throttled() const { return core_->throttles.hold(LoadingCore::hash_of(id_, key_), now_); }
  Flights::Join join() const {
    return core_->flights.join(*core_->engine, id_, key_, now_, options_.tags,
                               policy_.abandon_after);
  }
  Result<Value> answer(Found found, Origin origin) const;
  Result<Value> failed(Error error);
  void refresh_behind();
  Result<Value> load();
  Answer lead(const std::shared_ptr<Flight>& flight);
  Answer follow(const std::shared_ptr<Flight>& flight, bool own);
  Answer judge(const Landing& landing, const Flight& flight, Origin origin);
  bool launch(const std::shared_ptr<Flight>& flight);

  const std::shared_ptr<LoadingCore>& core_;
  const NamespaceId id_;
  const std::string_view key_;
  Time now_;
  const LoadOptions& options_;
  Loader& loader_;
  LoadSpace& space_;
  const LoadPolicy& policy_;
  const Deadline patience_;
  const Ticket seen_;  // what was invalidated up to here must not be seen any more
  Found rescue_;       // an expired value that may be served if the load fails
  bool gave_up_ = false;
};

Result<Value> Ask::answer(Found found, Origin origin) const {
  if (found.mark.negative) {
    LoadSpace::add(space_.negative_hits);
    return fail(Code::not_found, std::string(found.bytes));
  }
  if (origin == Origin::stale) LoadSpace::add(space_.stale);
  // A decompressed or pinned value doesn't move with its handle.
  const std::string_view bytes = found.bytes;
  return Value(std::move(found.handle), bytes, origin);
}

Result<Value> Ask::failed(Error error) {
  if (error.code != Code::not_found && rescue_) return answer(std::move(rescue_), Origin::stale);
  return std::unexpected(std::move(error));
}

Result<Value> Ask::get() {
  Found found = core_->find(id_, key_, now_);
  if (found.fresh()) {
    if (found.past(policy_.eager) && !throttled()) refresh_behind();
    return answer(std::move(found), Origin::memory);
  }
  if (found.within(policy_.stale_while_revalidate)) {
    if (!throttled()) refresh_behind();
    return answer(std::move(found), Origin::stale);
  }
  if (found.within(policy_.fail_safe)) {
    if (throttled()) return answer(std::move(found), Origin::stale);
    rescue_ = std::move(found);
  }
  return load();
}

// One load behind everybody's back, unless one is under way or just ended.
void Ask::refresh_behind() {
  const Flights::Join joined = join();
  if (!joined.leads) return;
  const Found found = core_->peek(id_, key_, now_);
  if (found.fresh() && !found.past(policy_.eager)) {
    Pilot(core_, joined.flight, policy_)
        .land_with(std::make_shared<const std::string>(found.bytes));
    return;
  }
  LoadSpace::add(space_.refreshed);
  launch(joined.flight);
}

// False: refused, and the flight has landed as a failure.
bool Ask::launch(const std::shared_ptr<Flight>& flight) {
  const auto pilot = std::make_shared<Pilot>(core_, flight, policy_);
  if (core_->executor->run([pilot, loader = std::move(loader_)] { pilot->fly(loader); }))
    return true;
  LoadSpace::add(space_.refused);
  pilot->land_with(
      fail(Code::exhausted, "load of " + std::string(key_) + ": the executor has no room for it"));
  return false;
}

Result<Value> Ask::load() {
  for (;;) {
    const Flights::Join joined = join();
    if (joined.abandoned) LoadSpace::add(space_.abandoned);
    Answer answer = joined.leads ? lead(joined.flight) : follow(joined.flight, false);
    if (answer) return std::move(*answer);
  }
}

Answer Ask::lead(const std::shared_ptr<Flight>& flight) {
  // Another flight may have landed between the look into memory and the lead.
  if (Found found = core_->peek(id_, key_, now_); found.fresh()) {
    Pilot pilot(core_, flight, policy_);
    if (found.mark.negative)
      pilot.land_with(fail(Code::not_found, std::string(found.bytes)));
    else
      pilot.land_with(std::make_shared<const std::string>(found.bytes));
    return answer(std::move(found), Origin::memory);
  }
  if (timed()) {
    launch(flight);
    return follow(flight, true);
  }
  return judge(*Pilot(core_, flight, policy_).fly(loader_), *flight, Origin::loaded);
}

Answer Ask::follow(const std::shared_ptr<Flight>& flight, bool own) {
  const Deadline gone = deadline_after(flight->started, policy_.abandon_after);
  const Deadline soft =
      rescue_ ? deadline_after(std::min(now_, flight->started), policy_.soft_timeout) : kNever;
  const Deadline until = std::min({gone, patience_, soft});
  if (const auto landing = flight->wait(until)) {
    if (!own) LoadSpace::add(space_.followed);
    return judge(*landing, *flight, own ? Origin::loaded : Origin::followed);
  }
  if (until == soft) {
    LoadSpace::add(space_.soft_timeouts);
    return answer(std::move(rescue_), Origin::stale);
  }
  if (until == gone && until < patience_ && !own && !gave_up_) {
    gave_up_ = true;  // once: the next flight to get lost is an error
    now_ = std::max(now_, gone);
    return {};
  }
  LoadSpace::add(space_.hard_timeouts);
  return failed({Code::timed_out, 0, "load of " + std::string(key_) + " took too long"});
}

// What a flight brought is good for this call if the flight began no earlier than the call, or if
// nothing was invalidated since it began.
Answer Ask::judge(const Landing& landing, const Flight& flight, Origin origin) {
  const bool later =
      flight.ticket.version >= seen_.version && flight.ticket.erasures >= seen_.erasures;
  if (!later && !core_->engine->holds(id_, key_, views(landing.tags), flight.ticket)) return {};
  if (!landing.value) return failed(landing.value.error());
  return Value(*landing.value, origin);
}

Result<void> Ask::refresh() {
  for (;;) {
    const Flights::Join joined = join();
    if (joined.leads) LoadSpace::add(space_.refreshed);
    if (joined.abandoned) LoadSpace::add(space_.abandoned);
    Answer answer = joined.leads ? judge(*Pilot(core_, joined.flight, policy_).fly(loader_),
                                         *joined.flight, Origin::loaded)
                                 : follow(joined.flight, false);
    if (!answer) continue;
    if (!*answer) return std::unexpected(std::move(answer->error()));
    return {};
  }
}

}  // namespace

// ---- LoadingCache ----------------------------------------------------------------------------------

LoadingCache::LoadingCache(Engine& engine, const LoadingOptions& options)
    : core_(std::make_shared<LoadingCore>(engine, options)) {}

LoadingCache::~LoadingCache() {
  std::unique_lock ending(core_->ending);
  core_->engine = nullptr;
}

Engine& LoadingCache::engine() const { return *core_->engine; }

Result<NamespaceId> LoadingCache::open(const NamespaceOptions& space, const LoadPolicy& given) {
  LoadPolicy policy = given;
  if (space.ttl > Duration::zero()) policy.ttl = space.ttl;
  if (auto holds = check(policy, core_->executor); !holds)
    return std::unexpected(std::move(holds.error()));
  Result<NamespaceId> id = core_->engine->open(space);
  if (!id) return id;
  std::lock_guard lock(core_->opening);
  if (core_->space(*id)) return id;
  auto opened = std::make_unique<LoadSpace>();
  opened->name = space.name;
  opened->policy = policy;
  core_->spaces[*id].store(opened.release(), std::memory_order_release);
  return id;
}

Result<Value> LoadingCache::get_or_load(NamespaceId space, std::string_view key, Time now,
                                        Loader loader, const LoadOptions& options) {
  if (!core_->space(space)) return fail(Code::invalid_argument, "no such cache namespace");
  if (options.policy)
    if (auto holds = check(*options.policy, core_->executor); !holds)
      return std::unexpected(std::move(holds.error()));
  return Ask(core_, space, key, now, options, loader).get();
}

Result<void> LoadingCache::refresh(NamespaceId space, std::string_view key, Time now, Loader loader,
                                   const LoadOptions& options) {
  if (!core_->space(space)) return fail(Code::invalid_argument, "no such cache namespace");
  if (options.policy)
    if (auto holds = check(*options.policy, core_->executor); !holds) return holds;
  return Ask(core_, space, key, now, options, loader).refresh();
}

Value LoadingCache::find(NamespaceId space, std::string_view key, Time now) {
  if (!core_->space(space)) return {};
  Found found = core_->find(space, key, now);
  if (!found.fresh() || found.mark.negative) return {};
  const std::string_view bytes = found.bytes;
  return Value(std::move(found.handle), bytes, Origin::memory);
}

bool LoadingCache::put(NamespaceId id, std::string_view key, std::string_view value, Time now,
                       const LoadOptions& options) {
  LoadSpace* space = core_->space(id);
  if (!space) return false;
  const LoadPolicy& policy = options.policy ? *options.policy : space->policy;
  if (!check(policy, true)) return false;
  core_->flights.supersede(id, key);
  core_->throttles.clear(LoadingCore::hash_of(id, key));
  const LoadingCore::Stay stay = core_->stay_of(policy.ttl, policy);
  std::string bytes(value);
  return core_->keep({id, key}, bytes, now, stay.mark, {.ttl = stay.ttl, .tags = options.tags});
}

bool LoadingCache::erase(NamespaceId space, std::string_view key) {
  return core_->engine->erase(space, key);
}

void LoadingCache::invalidate(NamespaceId space) { core_->engine->invalidate(space); }

void LoadingCache::invalidate_tag(std::string_view tag) { core_->engine->invalidate_tag(tag); }

Result<void> LoadingCache::invalidate_prefix(NamespaceId space, std::string_view prefix) {
  return core_->engine->invalidate_prefix(space, prefix);
}

Result<std::size_t> LoadingCache::invalidate_matching(NamespaceId space, std::string_view pattern,
                                                      Time now) {
  return core_->engine->invalidate_matching(space, pattern, now);
}

Result<std::size_t> LoadingCache::count_matching(NamespaceId space, std::string_view pattern,
                                                 Time now) const {
  return core_->engine->count_matching(space, pattern, now);
}

LoadStats LoadingCache::stats(NamespaceId id) const {
  const LoadSpace* space = core_->space(id);
  if (!space) return {};
  return {.loads = space->loads,
          .failures = space->failures,
          .not_found = space->not_found,
          .followed = space->followed,
          .stale = space->stale,
          .refreshed = space->refreshed,
          .negative_hits = space->negative_hits,
          .soft_timeouts = space->soft_timeouts,
          .hard_timeouts = space->hard_timeouts,
          .voided = space->voided,
          .abandoned = space->abandoned,
          .refused = space->refused,
          .loading = Duration(static_cast<std::int64_t>(space->loading_ns.load()))};
}

}  // namespace sluice::cache
