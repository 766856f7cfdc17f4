// Warmer: loads keys into a cache on a schedule, before anybody asks for them.
//
//   cache::Warmer warmer(cache);
//   (void)warmer.add({.name = "top users", .space = users, .keys = {"1", "2", "3"},
//                     .load = load_user, .schedule = 5min}, cache::moment());
//   (void)warmer.add({.name = "leagues", .space = leagues, .list = list_leagues,
//                     .load = load_league, .schedule = *cache::Cron::parse("0 4 * * *")}, ...);
//   cache::WarmerThread thread(warmer);
//
// Warmer itself reads no clock and starts no thread: whoever has a loop calls run_due(). What is fresh
// is loaded too, because the point is that nobody waits when it expires.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "sluice/cache/cron.h"
#include "sluice/cache/loading.h"

namespace sluice::cache {

// One point in time on both clocks: intervals go by the monotonic one, cron lines by the wall.
struct Moment {
  Time now;
  WallTime wall;
};
Moment moment();  // reads both; for the edges

using Schedule = std::variant<Duration, Cron>;

struct WarmTask {
  std::string name;  // unique in its warmer
  NamespaceId space = 0;
  std::vector<std::string> keys = {};  // these, and what `list` says at each run
  std::function<Result<std::vector<std::string>>()> list = {};
  std::function<Result<Loaded>(std::string_view key)> load;
  Schedule schedule =
      Duration(std::chrono::hours(1));  // an interval of 1 s at least, or a cron line
  std::vector<std::string> tags = {};
  bool at_once = true;  // due when it is added; false: when its schedule says so first
};

struct WarmStatus {
  std::string name;
  bool running = false;
  std::uint64_t runs = 0, loaded = 0, failed = 0;  // failed: keys, and lists that didn't come
  std::string last_error;                          // of the latest run; empty: it had none
  WallTime last_run{}, next_run{};                 // last_run: the epoch before the first
};

// Thread-safe. The cache has to outlive it.
class Warmer {
 public:
  // clock tells how long a run takes already, so that what is loaded late in it isn't born old.
  explicit Warmer(LoadingCache& cache, Time (*clock)() = now) : cache_(cache), clock_(clock) {}

  // Fails: invalid_argument for a name that is there already or empty, no keys and no list, no load,
  // an interval below 1 s.
  Result<void> add(WarmTask task, const Moment& at);
  // False: no such task. A run under way ends with the key that it is at.
  bool remove(std::string_view name);
  // Due at the next run_due(). False: no such task.
  bool hurry(std::string_view name);

  // Runs what is due, one task after the other, key after key, on the calling thread; may take as
  // long as the loaders do. A key that fails doesn't stop the others, what it had stays. Returns how
  // many keys were loaded. A stop ends it between two keys.
  std::size_t run_due(const Moment& at, const std::stop_token& stop = {});
  // Until the next task is due; zero: one is. Duration::max(): there is none.
  Duration until_due(const Moment& at) const;

  std::vector<WarmStatus> status() const;

 private:
  struct Entry;
  static void plan(Entry& entry, const Moment& at);
  static bool due(const Entry& entry, const Moment& at);
  std::shared_ptr<Entry> find(std::string_view name) const;
  std::shared_ptr<Entry> take_due(const Moment& at);
  std::size_t run(Entry& entry, const Moment& at, const std::stop_token& stop);
  void note(Entry& entry, const Result<void>& result);

  LoadingCache& cache_;
  Time (*const clock_)();
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Entry>> entries_;  // guarded by mutex_, with what they hold
};

// A thread that calls run_due() when something is due, and looks once a second in case the wall clock
// was set or a task came. The destructor waits for the key that is being loaded.
class WarmerThread {
 public:
  explicit WarmerThread(Warmer& warmer);

 private:
  Warmer& warmer_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace sluice::cache
