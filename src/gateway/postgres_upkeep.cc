// Keeping a listener's pools: bounds over all of them, upkeep once a second, what is measured.
#include <algorithm>

#include "gateway/postgres_gate.h"
#include "net/fiber.h"

namespace sluice::gateway {

// Below max_total of the listener and the database, if need be by closing another pool's idle connection.
bool PostgresGate::make_room(const Route& route) {
  const auto setup = this->setup();
  return make_room(route, routes(), setup->config->pool.max_total) &&
         make_room(route, routes_of(route.database), target_of(route).max_database);
}

bool PostgresGate::make_room(const Route& route, const std::vector<std::shared_ptr<Route>>& all,
                             unsigned bound) {
  if (bound == 0) return true;
  unsigned open = 0;
  for (const auto& other : all) {
    const PoolStats stats = other->pool->stats(now());
    open += stats.total + stats.connecting;
  }
  if (open <= bound) return true;  // ours is counted as connecting
  for (const auto& other : all)
    if (other.get() != &route && other->pool->evict_idle()) return true;
  return false;
}

void PostgresGate::maintain(unsigned home) {
  net::Timer& timer = *upkeep_[home].timer;
  timer.set(workers_[home]->loop->timers(), now() + std::chrono::seconds(1));
  if (std::exchange(upkeep_[home].running, true)) return;
  workers_[home]->loop->spawn([this, home] {
    if (home == 0) forget_unused();
    for (const auto& route : routes()) {
      if (stopping_ && client_count_ == 0) route->pool->close();
      // Where no login has ever succeeded, none is tried without a client that asks.
      if (route->shared->baselines->newest()) route->pool->maintain(home, now());
    }
    upkeep_[home].running = false;
  });
}

// Routes that nobody uses and that lead nowhere: to databases that don't exist, or to a former
// configuration.
void PostgresGate::forget_unused() {
  auto unused = [](const std::shared_ptr<Route>& route) {
    const PoolStats stats = route->pool->stats(now());
    return route.use_count() == 1 && route->shared.use_count() == 1 &&
           stats.leased + stats.connecting + stats.waiting == 0;
  };
  std::vector<std::shared_ptr<Route>> gone;  // closed outside the lock
  std::lock_guard lock(mutex_);
  std::erase_if(routes_, [&](auto& entry) {
    const bool nowhere = !entry.second->shared->baselines->newest() && unused(entry.second);
    if (nowhere) gone.push_back(entry.second);
    return nowhere;
  });
  std::erase_if(retired_, [&](auto& route) {
    const bool over = unused(route);
    if (over) gone.push_back(route);
    return over;
  });
}

void PostgresGate::measure(Route& route) {
  auto gauge = [&](const char* name, const char* help, monitor::Labels labels, auto read) {
    labels.insert(
        labels.end(),
        {{"listener", route.listener}, {"database", route.database}, {"user", route.user}});
    route.metrics.push_back(gateway_.registry().gauge_fn(
        name, help, std::move(labels),
        [&pool = *route.pool, read] { return static_cast<double>(read(pool.stats(now()))); }));
  };
  const char* connections = "Connections to servers, by state.";
  gauge("sluice_pool_connections", connections, {{"state", "idle"}},
        [](const PoolStats& s) { return s.idle; });
  gauge("sluice_pool_connections", connections, {{"state", "leased"}},
        [](const PoolStats& s) { return s.leased; });
  gauge("sluice_pool_connections", connections, {{"state", "connecting"}},
        [](const PoolStats& s) { return s.connecting; });
  gauge("sluice_pool_waiting", "Clients that wait for a connection.", {},
        [](const PoolStats& s) { return s.waiting; });
  gauge("sluice_pool_max_connections", "The pool's bound.", {},
        [max = route.target.pool.max](const PoolStats&) { return max; });
  measure_sharing(route);
}

// The functions live in the route.
void PostgresGate::measure_sharing(Route& route) {
  using batch::SharingTotals;
  monitor::Registry& registry = gateway_.registry();
  const monitor::Labels pool = {
      {"listener", route.listener}, {"database", route.database}, {"user", route.user}};
  auto add = [&](monitor::MetricType type, const char* name, const char* help, auto read,
                 monitor::Labels labels = {}) {
    labels.insert(labels.end(), pool.begin(), pool.end());
    auto value = [&route, read] {
      SharingTotals all;
      for (const auto& lanes : route.lanes) all.add(lanes->figures());
      return static_cast<double>(read(all));
    };
    route.metrics.push_back(
        type == monitor::MetricType::gauge
            ? registry.gauge_fn(name, help, std::move(labels), std::move(value))
            : registry.counter_fn(name, help, std::move(labels), std::move(value)));
  };
  using enum monitor::MetricType;
  const auto& counts = route.shared->counts;
  add(counter, "sluice_pool_auto_prepared_total",
      "Executions that came unprepared and went prepared.",
      [&counts](const SharingTotals&) { return counts.prepared.load(); });
  add(counter, "sluice_pool_auto_prepare_reverted_total",
      "Texts that are no longer prepared by themselves: it failed, or was slower.",
      [&counts](const SharingTotals&) { return counts.reverted.load(); });
  if (route.lanes.empty()) return;
  add(counter, "sluice_pool_shared_statements_total",
      "Statements sent among others' on one connection.",
      [](const SharingTotals& s) { return s.statements; });
  for (std::size_t i = 1; i < std::size(SharingTotals().alone); ++i)
    add(counter, "sluice_pool_alone_statements_total",
        "Statements that had a connection to themselves, by reason.",
        [i](const SharingTotals& s) { return s.alone[i]; },
        {{"reason", std::string(batch::name_of(static_cast<batch::Alone>(i)))}});
  add(counter, "sluice_pool_lane_stalls_total",
      "Shared connections held up by their first statement.",
      [](const SharingTotals& s) { return s.stalls; });
  add(counter, "sluice_pool_lane_rescues_total",
      "Statements sent again elsewhere because the one before them held them up.",
      [](const SharingTotals& s) { return s.rescues; });
  add(counter, "sluice_pool_lane_reruns_total",
      "Statements sent again because their shared connection was lost, or they were refused on it.",
      [](const SharingTotals& s) { return s.reruns; });
  add(counter, "sluice_pool_lane_orphans_total", "Answers that nobody waited for any more.",
      [](const SharingTotals& s) { return s.orphans; });
  add(counter, "sluice_pool_lane_cancelled_total",
      "Shared statements cancelled without asking the server.",
      [](const SharingTotals& s) { return s.cancelled; });
  add(gauge, "sluice_pool_lanes", "Connections that are shared now.",
      [](const SharingTotals& s) { return s.lanes; });
  add(gauge, "sluice_pool_in_flight", "Statements under way on shared connections now.",
      [](const SharingTotals& s) { return s.under_way; });
  add(gauge, "sluice_pool_lane_depth",
      "How many statements at once on one connection answer soonest.",
      [](const SharingTotals& s) { return s.depth; });
}

}  // namespace sluice::gateway
