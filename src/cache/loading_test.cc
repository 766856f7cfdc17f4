// What get_or_load promises, without a thread and without waiting: `now` is an argument and the
// executor runs when told to. Several threads: loading_threads_test.cc.
#include "sluice/cache/loading.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache/loading_fixture.h"

namespace sluice::cache {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const Error kDown{.code = Code::unavailable, .detail = "database is down"};
const Error kAbsent{.code = Code::not_found, .detail = "no user 1"};

// ---- memory and loader -----------------------------------------------------------------------------

TEST_F(LoadingTest, loads_once_and_then_from_memory_until_the_ttl) {
  const NamespaceId users = open({.ttl = 10min, .jitter = 0});
  EXPECT_EQ(get(users, kStart), "v1");
  EXPECT_EQ(origin, Origin::loaded);
  EXPECT_EQ(get(users, kStart + 10min - 1ms), "v1");
  EXPECT_EQ(origin, Origin::memory);
  EXPECT_EQ(get(users, kStart + 10min), "v2");
  EXPECT_EQ(cache.stats(users).loads, 2u);
}

TEST_F(LoadingTest, find_and_put_go_by_the_policy) {
  const NamespaceId users = open({.ttl = 10min, .jitter = 0, .fail_safe = 1h});
  EXPECT_FALSE(cache.find(users, "1", kStart));
  EXPECT_TRUE(cache.put(users, "1", "mine", kStart));
  EXPECT_EQ(cache.find(users, "1", kStart).bytes(), "mine");
  EXPECT_FALSE(cache.find(users, "1", kStart + 10min));
  error = kDown;
  EXPECT_EQ(get(users, kStart + 10min), "mine");
}

TEST_F(LoadingTest, a_ttl_of_zero_never_expires) {
  const NamespaceId users = open({.ttl = 0s, .fail_safe = 1h});
  EXPECT_EQ(get(users, kStart), "v1");
  EXPECT_EQ(get(users, kStart + 19 * 24h), "v1");
}

TEST_F(LoadingTest, compressed_values_come_back_whole) {
  const auto big = *cache.open({.name = "big", .compress_above = 100}, {});
  const std::string text(10'000, 'x');
  EXPECT_EQ(cache.get_or_load(big, "a", kStart, [&] { return Loaded(text); })->bytes(), text);
  EXPECT_EQ(cache.find(big, "a", kStart).bytes(), text);
}

TEST_F(LoadingTest, a_loaders_error_is_the_answer_and_is_not_kept) {
  const NamespaceId users = open({});
  error = kDown;
  EXPECT_EQ(get(users, kStart), "unavailable");
  error.reset();
  EXPECT_EQ(get(users, kStart), "v2");
  EXPECT_EQ(cache.stats(users).failures, 1u);
}

TEST_F(LoadingTest, what_a_loader_throws_is_an_internal_error) {
  const NamespaceId users = open({});
  const auto got = [&](Loader loader) {
    return cache.get_or_load(users, "7", kStart, std::move(loader)).error();
  };
  const Error thrown = got([]() -> Result<Loaded> { throw std::runtime_error("no luck"); });
  EXPECT_EQ(thrown.code, Code::internal);
  EXPECT_THAT(thrown.detail, HasSubstr("loader of 7 threw no luck"));
  EXPECT_EQ(got([]() -> Result<Loaded> { throw 7; }).code, Code::internal);
  EXPECT_EQ(got(nullptr).code, Code::internal);
  EXPECT_TRUE(cache.get_or_load(users, "7", kStart, source()));
}

TEST_F(LoadingTest, what_a_loader_brings_may_have_its_own_ttl_and_tags) {
  const NamespaceId users = open({.jitter = 0});
  const auto load = [&](std::string_view key, Duration ttl) {
    Loaded loaded("x", {"team:9"});
    loaded.ttl = ttl;
    (void)cache.get_or_load(users, key, kStart, [&] { return loaded; });
  };
  load("minute", 1min);
  load("none", 0s);
  EXPECT_TRUE(cache.find(users, "minute", kStart + 59s));
  EXPECT_FALSE(cache.find(users, "minute", kStart + 1min));
  EXPECT_FALSE(cache.find(users, "none", kStart));
  cache.invalidate_tag("team:9");
  EXPECT_FALSE(cache.find(users, "minute", kStart));
}

TEST_F(LoadingTest, a_call_may_bring_its_own_policy) {
  const NamespaceId users = open({.ttl = 10min});
  const LoadPolicy brief{.ttl = 1s, .jitter = 0};
  EXPECT_EQ(get(users, kStart, {.policy = &brief}), "v1");
  EXPECT_EQ(get(users, kStart + 1s), "v2");
  const LoadPolicy wrong{.jitter = 2};
  EXPECT_EQ(get(users, kStart, {.policy = &wrong}), "invalid_argument");
}

TEST_F(LoadingTest, an_unknown_namespace_is_an_error) {
  EXPECT_EQ(get(77, kStart), "invalid_argument");
  EXPECT_FALSE(cache.put(77, "1", "x", kStart));
  EXPECT_FALSE(cache.find(77, "1", kStart));
}

TEST_F(LoadingTest, jitter_spreads_ttls_and_never_lengthens_them) {
  const NamespaceId users = open({.ttl = 100s, .jitter = 0.2});
  for (int i = 0; i < 200; ++i) cache.put(users, std::to_string(i), "x", kStart);
  const auto alive = [&](Time at) {
    int n = 0;
    for (int i = 0; i < 200; ++i) n += static_cast<bool>(cache.find(users, std::to_string(i), at));
    return n;
  };
  EXPECT_EQ(alive(kStart + 79s), 200);
  EXPECT_NEAR(alive(kStart + 90s), 100, 40);
  EXPECT_EQ(alive(kStart + 100s), 0);
}

// ---- stale, refreshed, failing ---------------------------------------------------------------------

TEST_F(LoadingTest, stale_while_revalidate_serves_at_once_and_refreshes_once_behind) {
  const NamespaceId users = open({.ttl = 1min, .jitter = 0, .stale_while_revalidate = 30s});
  get(users, kStart);
  EXPECT_EQ(get(users, kStart + 1min), "v1");
  EXPECT_EQ(origin, Origin::stale);
  EXPECT_EQ(get(users, kStart + 1min), "v1");
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(executor.run_all(), 1u);
  EXPECT_EQ(get(users, kStart + 1min), "v2");
  EXPECT_EQ(origin, Origin::memory);
  EXPECT_EQ(get(users, kStart + 2min + 30s), "v3") << "past the window nothing stale is served";
  EXPECT_EQ(cache.stats(users).stale, 2u);
  EXPECT_EQ(cache.stats(users).refreshed, 1u);
}

TEST_F(LoadingTest, fail_safe_serves_the_expired_value_up_to_its_bound) {
  const NamespaceId users = open({.ttl = 1min, .jitter = 0, .fail_safe = 1h, .throttle = 10s});
  get(users, kStart);
  error = kDown;
  EXPECT_EQ(get(users, kStart + 1min), "v1");
  EXPECT_EQ(origin, Origin::stale);
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(get(users, kStart + 1min + 9s), "v1") << "throttled";
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(get(users, kStart + 1min + 10s), "v1");
  EXPECT_EQ(loads, 3);
  EXPECT_EQ(get(users, kStart + 1h + 1min), "unavailable");
  error.reset();
  EXPECT_EQ(get(users, kStart + 1h + 1min), "v5");
}

TEST_F(LoadingTest, the_throttle_counts_from_the_end_of_a_slow_failure) {
  const NamespaceId users = open({.ttl = 1min, .jitter = 0, .fail_safe = 1h, .throttle = 10s});
  get(users, kStart);
  error = kDown;
  takes = 30s;
  get(users, kStart + 1min);
  EXPECT_EQ(get(users, kStart + 1min + 39s), "v1");
  EXPECT_EQ(loads, 2);
  get(users, kStart + 1min + 40s);
  EXPECT_EQ(loads, 3);
}

TEST_F(LoadingTest, a_throttle_ends_with_a_load_that_works) {
  const NamespaceId users = open({.ttl = 1min, .jitter = 0, .fail_safe = 1h, .throttle = 1h});
  get(users, kStart);
  error = kDown;
  get(users, kStart + 1min);
  error.reset();
  EXPECT_TRUE(cache.refresh(users, "1", kStart + 2min, source()));
  EXPECT_EQ(get(users, kStart + 3min), "v4") << "not the stale v3, loaded at 2 min";
}

TEST_F(LoadingTest, fail_safe_does_not_hide_that_a_thing_is_gone) {
  const NamespaceId users = open({.ttl = 1min, .jitter = 0, .fail_safe = 1h});
  get(users, kStart);
  error = kAbsent;
  EXPECT_EQ(get(users, kStart + 1min), "not_found");
  error = kDown;
  EXPECT_EQ(get(users, kStart + 1min), "unavailable") << "the old value went with it";
}

TEST_F(LoadingTest, fail_safe_never_brings_back_what_was_invalidated) {
  const NamespaceId users = open({.ttl = 1min, .jitter = 0, .fail_safe = 1h});
  get(users, kStart);
  cache.erase(users, "1");
  error = kDown;
  EXPECT_EQ(get(users, kStart + 1min), "unavailable");
}

TEST_F(LoadingTest, eager_refreshes_behind_a_fresh_answer) {
  const NamespaceId users = open({.ttl = 100s, .jitter = 0, .eager = 0.8});
  get(users, kStart);
  EXPECT_EQ(get(users, kStart + 79s), "v1");
  EXPECT_TRUE(executor.tasks.empty());
  EXPECT_EQ(get(users, kStart + 80s), "v1");
  EXPECT_EQ(origin, Origin::memory);
  EXPECT_EQ(executor.run_all(), 1u);
  EXPECT_EQ(get(users, kStart + 81s), "v2");
  EXPECT_TRUE(executor.tasks.empty()) << "fresh again";
}

TEST_F(LoadingTest, an_eager_refresh_that_fails_is_throttled_and_harms_nobody) {
  const NamespaceId users = open({.ttl = 100s, .jitter = 0, .throttle = 10s, .eager = 0.8});
  get(users, kStart);
  error = kDown;
  get(users, kStart + 80s);
  executor.run_all();
  EXPECT_EQ(get(users, kStart + 81s), "v1");
  EXPECT_TRUE(executor.tasks.empty());
  EXPECT_EQ(get(users, kStart + 90s), "v1");
  EXPECT_EQ(executor.tasks.size(), 1u);
}

TEST_F(LoadingTest, not_found_is_remembered_for_its_own_time) {
  const NamespaceId users = open({.jitter = 0, .negative_ttl = 30s});
  error = kAbsent;
  EXPECT_EQ(get(users, kStart), "not_found");
  error.reset();
  const auto again = cache.get_or_load(users, "1", kStart + 29s, source());
  EXPECT_EQ(again.error().code, Code::not_found);
  EXPECT_EQ(again.error().detail, "no user 1");
  EXPECT_FALSE(cache.find(users, "1", kStart));
  EXPECT_EQ(get(users, kStart + 30s), "v2");
  EXPECT_EQ(cache.stats(users).negative_hits, 1u);
}

TEST_F(LoadingTest, a_remembered_not_found_goes_with_its_tag) {
  const NamespaceId users = open({.negative_ttl = 30s});
  const std::string_view tags[] = {"table:users"};
  error = kAbsent;
  get(users, kStart, {.tags = tags});
  error.reset();
  cache.invalidate_tag("table:users");
  EXPECT_EQ(get(users, kStart), "v2");
}

// ---- timeouts, the executor ------------------------------------------------------------------------

// The executor runs nothing on its own, so each wait below ends at a deadline that has passed.
TEST_F(LoadingTest, soft_timeout_serves_the_stale_value_while_the_load_goes_on) {
  const NamespaceId users = open({.ttl = 1s, .jitter = 0, .fail_safe = 1h, .soft_timeout = 10ms});
  cache.put(users, "1", "old", kStart);
  EXPECT_EQ(get(users, kStart + 1s), "old");
  EXPECT_EQ(origin, Origin::stale);
  EXPECT_EQ(cache.stats(users).soft_timeouts, 1u);
  EXPECT_EQ(get(users, kStart + 1s), "old");
  EXPECT_EQ(executor.run_all(), 1u);
  EXPECT_EQ(get(users, kStart + 1s), "v1");
}

TEST_F(LoadingTest, hard_timeout_is_an_error_and_the_load_goes_on) {
  const NamespaceId users = open({.jitter = 0, .hard_timeout = 10ms});
  EXPECT_EQ(get(users, kStart), "timed_out");
  EXPECT_EQ(cache.stats(users).hard_timeouts, 1u);
  EXPECT_EQ(executor.run_all(), 1u);
  EXPECT_EQ(get(users, kStart), "v1");
}

TEST_F(LoadingTest, hard_timeout_with_a_stale_value_serves_it) {
  const NamespaceId users = open({.ttl = 1s, .jitter = 0, .fail_safe = 1h, .hard_timeout = 10ms});
  cache.put(users, "1", "old", kStart);
  EXPECT_EQ(get(users, kStart + 1s), "old");
}

TEST_F(LoadingTest, an_executor_without_room_is_a_failure_of_the_load) {
  const NamespaceId users = open({.ttl = 1s, .jitter = 0, .fail_safe = 1h, .hard_timeout = 1h});
  executor.full = true;
  EXPECT_EQ(get(users, kStart), "exhausted");
  cache.put(users, "1", "old", kStart);
  EXPECT_EQ(get(users, kStart + 1s), "old");
  EXPECT_EQ(cache.stats(users).refused, 2u);
  executor.full = false;
}

TEST_F(LoadingTest, a_load_that_the_executor_drops_blocks_nobody) {
  const NamespaceId users = open({.ttl = 1s, .jitter = 0, .stale_while_revalidate = 1h});
  cache.put(users, "1", "old", kStart);
  get(users, kStart + 1s);
  EXPECT_EQ(executor.tasks.size(), 1u);
  executor.tasks.clear();
  get(users, kStart + 1s);
  EXPECT_EQ(executor.run_all(), 1u);
  EXPECT_EQ(get(users, kStart + 1s), "v1");
}

TEST_F(LoadingTest, a_flight_that_got_lost_is_left_behind_and_its_value_is_not_kept) {
  const LoadPolicy policy{.jitter = 0, .hard_timeout = 1ms, .abandon_after = 1s};
  const NamespaceId users = open(policy);
  EXPECT_EQ(get(users, kStart), "timed_out");
  auto lost = std::move(executor.tasks);
  executor.tasks.clear();
  EXPECT_EQ(get(users, kStart + 900ms), "timed_out");
  EXPECT_TRUE(executor.tasks.empty()) << "it was joined";
  const LoadPolicy inline_load{.jitter = 0, .abandon_after = 1s};
  EXPECT_EQ(get(users, kStart + 1s, {.policy = &inline_load}), "v1");
  EXPECT_EQ(cache.stats(users).abandoned, 1u);
  for (auto& task : lost) task();
  EXPECT_EQ(get(users, kStart + 1s), "v1");
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(cache.stats(users).voided, 1u);
}

TEST_F(LoadingTest, loads_that_outlive_the_cache_touch_nothing) {
  Later later;
  {
    LoadingCache brief(engine, {.executor = &later, .clock = read_clock_of_test});
    const auto id = brief.open({.name = "brief"},
                               {.ttl = 1min, .jitter = 0, .fail_safe = 1h, .hard_timeout = 1ms});
    EXPECT_FALSE(brief.get_or_load(*id, "1", kStart, source()));
  }
  EXPECT_EQ(later.run_all(), 1u);
  EXPECT_EQ(engine.stats().entries, 0u);
}

// ---- invalidation against loads --------------------------------------------------------------------

// Each way to invalidate, while a loader runs: its caller gets the value, nobody after him does.
TEST_F(LoadingTest, what_is_invalidated_while_it_is_loaded_is_not_kept) {
  const NamespaceId users = open({});
  const std::string_view tags[] = {"table:users"};
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"key", [&] { cache.erase(users, "a:1"); }},
      {"tag", [&] { cache.invalidate_tag("table:users"); }},
      {"tag that the loader brings", [&] { cache.invalidate_tag("team:9"); }},
      {"prefix", [&] { (void)cache.invalidate_prefix(users, "a:*"); }},
      {"pattern", [&] { (void)cache.invalidate_matching(users, "*:1", kStart); }},
      {"namespace", [&] { cache.invalidate(users); }},
  };
  for (const auto& [name, invalidate] : ways) {
    const auto got = cache.get_or_load(users, "a:1", kStart,
                                       [&]() -> Result<Loaded> {
                                         invalidate();
                                         return Loaded("old", {"team:9"});
                                       },
                                       {.tags = tags});
    EXPECT_EQ(got->bytes(), "old") << name;
    EXPECT_FALSE(cache.find(users, "a:1", kStart)) << name;
  }
  EXPECT_EQ(cache.stats(users).voided, std::size(ways));
}

TEST_F(LoadingTest, an_invalidation_of_something_else_voids_no_load) {
  const NamespaceId users = open({});
  (void)cache.get_or_load(users, "a:1", kStart, [&]() -> Result<Loaded> {
    cache.erase(users, "a:2");
    cache.invalidate_tag("other");
    (void)cache.invalidate_prefix(users, "b:");
    (void)cache.invalidate_matching(users, "*:2", kStart);
    return Loaded("kept");
  });
  EXPECT_EQ(cache.find(users, "a:1", kStart).bytes(), "kept");
}

TEST_F(LoadingTest, a_put_while_a_loader_runs_wins) {
  const NamespaceId users = open({});
  (void)cache.get_or_load(users, "1", kStart, [&]() -> Result<Loaded> {
    cache.put(users, "1", "newer", kStart);
    return Loaded("older");
  });
  EXPECT_EQ(cache.find(users, "1", kStart).bytes(), "newer");
}

TEST_F(LoadingTest, who_asks_after_an_invalidation_does_not_follow_an_older_flight) {
  const NamespaceId users = open({});
  std::string inner;
  (void)cache.get_or_load(users, "1", kStart, [&]() -> Result<Loaded> {
    cache.erase(users, "1");
    inner = get(users, kStart);  // would wait for itself if it followed
    return Loaded("older");
  });
  EXPECT_EQ(inner, "v1");
  EXPECT_EQ(cache.find(users, "1", kStart).bytes(), "v1");
  EXPECT_EQ(cache.stats(users).abandoned, 0u) << "he didn't wait for it";
}

TEST_F(LoadingTest, patterns_are_counted_first_and_taken_then) {
  const NamespaceId users = open({.jitter = 0});
  for (int i = 0; i < 1000; ++i)
    for (const char* what : {"profile", "settings"})
      cache.put(users, "user:" + std::to_string(i) + ":" + what, "x", kStart);
  EXPECT_EQ(*cache.count_matching(users, "user:*:profile", kStart), 1000u);
  EXPECT_EQ(*cache.count_matching(users, "user:*:profile", kStart + 1h), 0u) << "expired";
  EXPECT_EQ(*cache.invalidate_matching(users, "user:1?:profile", kStart), 10u);
  EXPECT_EQ(*cache.invalidate_matching(users, "user:*:profile", kStart), 990u);
  EXPECT_EQ(*cache.count_matching(users, "*", kStart), 1000u);
  EXPECT_FALSE(cache.find(users, "user:5:profile", kStart));
  EXPECT_TRUE(cache.find(users, "user:5:settings", kStart));
  EXPECT_EQ(cache.count_matching(users, "a\\", kStart).error().code, Code::invalid_argument);
}

TEST_F(LoadingTest, refresh_loads_what_is_fresh_too) {
  const NamespaceId users = open({});
  get(users, kStart);
  EXPECT_TRUE(cache.refresh(users, "1", kStart, source()));
  EXPECT_EQ(get(users, kStart), "v2");
  error = kDown;
  EXPECT_EQ(cache.refresh(users, "1", kStart, source()).error().code, Code::unavailable);
  EXPECT_EQ(get(users, kStart), "v2") << "a refresh that fails takes nothing away";
}

TEST_F(LoadingTest, what_was_dear_to_load_is_worth_more_to_the_engine) {
  const NamespaceId users = open({});
  takes = 40ms;
  get(users, kStart);
  get(users, kStart);
  EXPECT_NEAR(engine.stats().namespaces[users].milliseconds_saved, 40, 4);
  EXPECT_EQ(cache.stats(users).loading, 40ms);
}

// ---- policies --------------------------------------------------------------------------------------

TEST(LoadPolicyTest, each_error_names_the_field) {
  const std::pair<LoadPolicy, const char*> cases[] = {
      {{.ttl = -1s}, "ttl"},
      {{.ttl = 500h}, "20 days"},
      {{.jitter = 0.6}, "jitter"},
      {{.jitter = std::nan("")}, "jitter"},
      {{.fail_safe = -1s}, "fail_safe"},
      {{.fail_safe = Duration::max()}, "20 days"},
      {{.throttle = 2h}, "throttle"},
      {{.eager = 1.0}, "eager"},
      {{.soft_timeout = 1s}, "fail_safe"},
      {{.fail_safe = 1h, .soft_timeout = 1s, .hard_timeout = 1s}, "shorter than hard_timeout"},
      {{.negative_ttl = -1s}, "negative_ttl"},
      {{.abandon_after = 0s}, "abandon_after"},
  };
  for (const auto& [policy, text] : cases) {
    const Result<void> checked = check(policy, true);
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().code, Code::invalid_argument);
    EXPECT_THAT(checked.error().detail, HasSubstr(text));
  }
  EXPECT_TRUE(check({}, false));
}

TEST(LoadPolicyTest, what_runs_behind_needs_an_executor) {
  Engine engine({.memory = 1 << 20});
  LoadingCache cache(engine, {});
  for (const LoadPolicy& policy :
       {LoadPolicy{.stale_while_revalidate = 1s}, LoadPolicy{.eager = 0.9},
        LoadPolicy{.hard_timeout = 1s}, LoadPolicy{.fail_safe = 1h, .soft_timeout = 1s}})
    EXPECT_THAT(cache.open({.name = "x"}, policy).error().detail, HasSubstr("executor"));
  EXPECT_TRUE(cache.open({.name = "x"}, {.fail_safe = 1h}));
}

}  // namespace
}  // namespace sluice::cache
