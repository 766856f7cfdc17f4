// The one promise about age, under every interleaving that a script of bytes can spell: nobody gets a
// value older than an invalidation (or a put) that ended before he asked.
//
// One thread plays all parts. A loader reads its source, then lets the script go on for a while before
// it returns, so writes, invalidations and other calls fall into the middle of loads, three deep; loads
// on the executor run, or are dropped, when the script says so.
#include <array>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "cache/loading_fixture.h"

namespace sluice::cache {
namespace {

using namespace std::chrono_literals;

class World {
 public:
  explicit World(const std::vector<std::uint8_t>& script) : script_(script) {
    users_ = *cache_.open({.name = "users", .separators = ":"});
  }
  void play() {
    while (at_ < script_.size()) step();
  }

 private:
  static constexpr int kKeys = 2;

  std::uint8_t draw() { return at_ < script_.size() ? script_[at_++] : 0; }
  static std::string key(int k) { return "k" + std::to_string(k) + ":x"; }

  void step() {
    const int k = draw() % kKeys;
    switch (draw() % 16) {
      case 0:
      case 1:
        return get(k, {.ttl = 4ms,
                       .jitter = 0,
                       .fail_safe = 1s,
                       .throttle = 1ms,
                       .negative_ttl = 2ms,
                       .abandon_after = 5ms});
      case 2:
        return get(k, {.ttl = 4ms,
                       .jitter = 0,
                       .stale_while_revalidate = 5ms,
                       .eager = 0.5,
                       .abandon_after = 5ms});
      case 3: return get(k, {.jitter = 0, .hard_timeout = 1ms, .abandon_after = 5ms});
      case 4:
        return get(
            k,
            {.ttl = 2ms, .jitter = 0, .fail_safe = 1s, .soft_timeout = 1ms, .abandon_after = 5ms});
      case 5: return write(k, [&] { cache_.erase(users_, key(k)); });
      case 6: return write(k, [&] { cache_.invalidate_tag("call" + std::to_string(k)); });
      case 7: {  // a tag that loaders bring, so no remembered not_found has it
        const int before = absent_floor_[k];
        write(k, [&] { cache_.invalidate_tag("load" + std::to_string(k)); });
        absent_floor_[k] = before;
        return;
      }
      case 8:
        return write(
            k, [&] { (void)cache_.invalidate_prefix(users_, "k" + std::to_string(k) + ":"); });
      case 9:
        return write(k, [&] {
          (void)cache_.invalidate_matching(users_, "?" + std::to_string(k) + "*", now_);
        });
      case 10: return write(k, [&] { put(k); });
      case 11: ++source_[k]; return;  // nobody is told
      case 12: return run_one(true);
      case 13: return run_one(false);
      case 14: now_ += std::chrono::milliseconds(draw() % 8); return;
      default: failing_ = draw() % 3; return;
    }
  }

  template <class Invalidate>
  void write(int k, Invalidate&& invalidate) {
    ++source_[k];
    invalidate();
    floor_[k] = absent_floor_[k] = source_[k];
  }

  void put(int k) {
    const std::string call = "call" + std::to_string(k), load = "load" + std::to_string(k);
    const std::string_view tags[] = {call, load};
    cache_.put(users_, key(k), std::to_string(source_[k]), now_, {.tags = tags});
  }

  void run_one(bool run) {
    if (executor_.tasks.empty()) return;
    const auto task = std::move(executor_.tasks.front());
    executor_.tasks.erase(executor_.tasks.begin());
    if (run) task();
  }

  Loader loader(int k) {
    return [this, k]() -> Result<Loaded> {
      const int seen = source_[k];
      const int failing = failing_;
      if (depth_ < 3) {
        ++depth_;
        for (int n = draw() % 4; n > 0; --n) step();
        --depth_;
      }
      if (failing == 1) return fail(Code::unavailable);
      if (failing == 2) return fail(Code::not_found, std::to_string(seen));
      return Loaded(std::to_string(seen), {"load" + std::to_string(k)});
    };
  }

  void get(int k, const LoadPolicy& policy) {
    const int floor = floor_[k], absent_floor = absent_floor_[k];
    const std::string tag = "call" + std::to_string(k);
    const std::string_view tags[] = {tag};
    const Result<Value> got =
        cache_.get_or_load(users_, key(k), now_, loader(k), {.tags = tags, .policy = &policy});
    if (got)
      RC_ASSERT(std::stoi(std::string(got->bytes())) >= floor);
    else if (got.error().code == Code::not_found)
      RC_ASSERT(std::stoi(got.error().detail) >= absent_floor);
  }

  const std::vector<std::uint8_t>& script_;
  std::size_t at_ = 0;
  Engine engine_{{.memory = 1 << 20, .shards = 1, .seed = 1}};
  Later executor_;
  LoadingCache cache_{engine_, {.executor = &executor_, .clock = read_clock_of_test, .seed = 1}};
  NamespaceId users_ = 0;
  Time now_{1s};
  std::array<int, kKeys> source_{}, floor_{}, absent_floor_{};
  int failing_ = 0, depth_ = 0;
};

RC_GTEST_PROP(LoadingProperty, nobody_gets_a_value_older_than_an_invalidation_that_ended, ()) {
  const auto script = *rc::gen::resize(
      400, rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>()));
  World(script).play();
}

}  // namespace
}  // namespace sluice::cache
