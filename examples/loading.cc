// The cache library in a plain program: wrapped functions, one load for a crowd, answers while the
// database is down, invalidation, a warmed key. The "database" below stands for yours.
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "sluice/cache/cached.h"
#include "sluice/cache/categories.h"
#include "sluice/cache/warmer.h"

using namespace std::chrono_literals;
namespace cache = sluice::cache;
using sluice::now;
using sluice::Result;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  std::printf("%s %s\n", holds ? "yes:" : "NO: ", what);
  failures += !holds;
}

struct Database {
  std::atomic<int> queries = 0;
  std::atomic<bool> down = false;

  Result<std::string> user_name(int id) {
    ++queries;
    if (down) return sluice::fail(sluice::Code::unavailable, "database is down");
    if (id > 1000) return sluice::fail(sluice::Code::not_found, "no such user");
    return "user " + std::to_string(id);
  }
};

}  // namespace

int main() {
  // In this order, so that each outlives who uses it.
  Database database;
  cache::Engine engine({.memory = 16 << 20});
  sluice::ThreadPool threads;
  cache::LoadingCache memory(engine, {.executor = &threads});

  // A function with a memory. Errors are Results; what it throws would be one too.
  auto user_name = *cache::cached(
      memory, {.name = "users", .ttl = 10min}, [&](int id) { return database.user_name(id); },
      {.fail_safe = 1h, .eager = 0.9, .hard_timeout = 2s, .negative_ttl = 30s});

  std::vector<std::jthread> crowd;
  for (int i = 0; i < 8; ++i)
    crowd.emplace_back([&] {
      for (int id = 1; id <= 50; ++id) (void)user_name(id);
    });
  crowd.clear();
  expect(database.queries == 50, "eight threads asked for fifty users, each was loaded once");

  (void)user_name(5000);
  expect(user_name(5000).error().code == sluice::Code::not_found && database.queries == 51,
         "that there is no user 5000 is remembered");

  user_name.erase(7);
  expect(user_name(7) == "user 7" && database.queries == 52, "what is erased is loaded anew");

  // Without the wrapper: keys, tags and time are yours. Eleven minutes later the database is down.
  const cache::NamespaceId teams = *cache::open_category(memory, "team_data", {.fail_safe = 24h});
  const sluice::Time start = now();
  const std::string_view tags[] = {"league:1"};
  const auto team = [&](std::string_view key, sluice::Time at) {
    return memory.get_or_load(teams, key, at,
                              [&]() -> Result<cache::Loaded> {
                                if (database.down)
                                  return sluice::fail(sluice::Code::unavailable,
                                                      "database is down");
                                return cache::Loaded("eleven players");
                              },
                              {.tags = tags});
  };
  (void)team("team:1:players", start);
  (void)team("team:2:players", start);
  database.down = true;
  const Result<cache::Value> old = team("team:1:players", start + 3h);
  expect(old && old->origin() == cache::Origin::stale, "the old answer while the database is down");
  database.down = false;

  expect(memory.count_matching(teams, "team:*:players", start) == 2u, "a pattern finds both");
  expect(memory.invalidate_matching(teams, "team:1:*", start) == 1u, "and takes what it names");
  memory.invalidate_tag("league:1");
  expect(!memory.find(teams, "team:2:players", start), "a tag takes the rest");

  // Warmed: every five minutes, and at four in the morning. A WarmerThread would do the calling.
  cache::Warmer warmer(memory);
  cache::WarmTask task{
      .name = "top teams",
      .space = teams,
      .keys = {"team:1:players", "team:2:players"},
      .load = [](std::string_view) -> Result<cache::Loaded> { return cache::Loaded("eleven"); },
      .schedule = 5min};
  expect(warmer.add(task, cache::moment()).has_value(), "a task that repeats every five minutes");
  task.name = "nightly";
  task.schedule = *cache::Cron::parse("0 4 * * *");
  task.at_once = false;
  expect(warmer.add(task, cache::moment()).has_value(), "another one at four in the morning");
  warmer.run_due(cache::moment());
  expect(memory.find(teams, "team:2:players", now()).bytes() == "eleven",
         "warm before anybody asks");

  const cache::LoadStats stats = memory.stats(user_name.space());
  std::printf("users: %llu loads, %llu followed, %llu failed\n",
              static_cast<unsigned long long>(stats.loads),
              static_cast<unsigned long long>(stats.followed),
              static_cast<unsigned long long>(stats.failures));
  return failures;
}
