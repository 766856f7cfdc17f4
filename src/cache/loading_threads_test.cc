// Several threads: one flight, followers, timeouts by the real clock, and the promise about age while
// everybody works at once. Made for the thread sanitizer as well.
#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/cache/loading.h"

namespace sluice::cache {
namespace {

using namespace std::chrono_literals;

class LoadingThreadTest : public testing::Test {
 protected:
  NamespaceId open(const LoadPolicy& policy) { return *cache.open({.name = "users"}, policy); }

  Engine engine{{.memory = 8 << 20, .shards = 2}};
  ThreadPool threads{{.threads = 2}};
  LoadingCache cache{engine, {.executor = &threads}};
};

TEST_F(LoadingThreadTest, a_crowd_loads_once) {
  constexpr int kCrowd = 8;
  const NamespaceId users = open({});
  for (int round = 0; round < 50; ++round) {
    const std::string key = std::to_string(round);
    std::atomic<int> loads = 0;
    std::latch all_here(kCrowd);
    std::vector<std::jthread> crowd;
    for (int i = 0; i < kCrowd; ++i)
      crowd.emplace_back([&] {
        all_here.arrive_and_wait();
        const auto got = cache.get_or_load(users, key, now(), [&]() -> Result<Loaded> {
          std::this_thread::yield();
          return "v" + std::to_string(++loads);
        });
        EXPECT_EQ(got->bytes(), "v1");
      });
    crowd.clear();
    EXPECT_EQ(loads, 1);
  }
  EXPECT_EQ(cache.stats(users).loads, 50u);
}

TEST_F(LoadingThreadTest, followers_share_the_leaders_error) {
  const NamespaceId users = open({});
  std::latch loading(1), go(1);
  std::jthread leader([&] {
    const auto got = cache.get_or_load(users, "1", now(), [&]() -> Result<Loaded> {
      loading.count_down();
      go.wait();
      return fail(Code::unavailable, "down");
    });
    EXPECT_EQ(got.error().code, Code::unavailable);
  });
  loading.wait();
  std::jthread follower([&] {
    const auto got = cache.get_or_load(users, "1", now(), []() -> Result<Loaded> {
      return fail(Code::unavailable, "down");  // should it come too late to follow
    });
    EXPECT_EQ(got.error().detail, "down");
  });
  const LoadOptions impatient{.deadline = now() + 1ms};
  EXPECT_EQ(cache.get_or_load(users, "1", now(), nullptr, impatient).error().code, Code::timed_out);
  go.count_down();
}

TEST_F(LoadingThreadTest, a_slow_load_is_cut_by_its_timeouts_and_arrives_later) {
  const NamespaceId users = open({.ttl = 1ms, .jitter = 0, .fail_safe = 1h, .soft_timeout = 5ms});
  const LoadPolicy hard{.ttl = 1h, .hard_timeout = 5ms};
  cache.put(users, "1", "old", now() - 1s);
  std::latch go(1), done(2);
  const Loader slow = [&]() -> Result<Loaded> {
    go.wait();
    done.count_down();
    return Loaded("new");
  };
  const auto soft_answer = cache.get_or_load(users, "1", now(), slow);
  EXPECT_EQ(soft_answer->bytes(), "old");
  EXPECT_EQ(soft_answer->origin(), Origin::stale);
  const auto hard_answer = cache.get_or_load(users, "2", now(), slow, {.policy = &hard});
  EXPECT_EQ(hard_answer.error().code, Code::timed_out);
  go.count_down();
  done.wait();
  // Follows the flight, or finds what it left.
  EXPECT_EQ(cache.get_or_load(users, "2", now(), slow, {.policy = &hard})->bytes(), "new");
}

TEST_F(LoadingThreadTest, a_follower_takes_over_from_a_leader_that_hangs) {
  const NamespaceId users = open({.abandon_after = 20ms});
  std::latch loading(1), go(1);
  std::jthread hanging([&] {
    (void)cache.get_or_load(users, "1", now(), [&]() -> Result<Loaded> {
      loading.count_down();
      go.wait();
      return Loaded("late");
    });
  });
  loading.wait();
  const auto got = cache.get_or_load(users, "1", now(), [] { return Loaded("mine"); });
  EXPECT_EQ(got->bytes(), "mine");
  go.count_down();
  hanging.join();
  EXPECT_EQ(cache.find(users, "1", now()).bytes(), "mine");
  EXPECT_EQ(cache.stats(users).abandoned, 1u);
}

// Only the loader knows the tag, so who asks after the invalidation joins the flight and learns at
// its landing that he mustn't have it. (He is given a moment to join; if he comes too late he loads.)
TEST_F(LoadingThreadTest, a_follower_does_not_take_what_the_loaders_own_tag_voids) {
  const NamespaceId users = open({});
  std::latch loading(1), go(1), asking(1);
  std::jthread leader([&] {
    const auto got = cache.get_or_load(users, "1", now(), [&]() -> Result<Loaded> {
      loading.count_down();
      go.wait();
      return Loaded("old", {"table:users"});
    });
    EXPECT_EQ(got->bytes(), "old") << "he asked before";
  });
  loading.wait();
  cache.invalidate_tag("table:users");
  std::jthread follower([&] {
    asking.count_down();
    const auto got = cache.get_or_load(users, "1", now(), [] { return Loaded("new"); });
    EXPECT_EQ(got->bytes(), "new");
  });
  asking.wait();
  for (const Time moment = now() + 5ms; now() < moment;) std::this_thread::yield();
  go.count_down();
  follower.join();
  leader.join();
  EXPECT_EQ(cache.find(users, "1", now()).bytes(), "new");
}

TEST_F(LoadingThreadTest, the_end_does_not_wait_for_a_load_that_hangs) {
  const auto go = std::make_shared<std::latch>(1);  // the loader may be the last to need it
  {
    LoadingCache brief(engine, {.executor = &threads});
    const auto id = *brief.open({.name = "brief"}, {.hard_timeout = 1ms});
    (void)brief.get_or_load(id, "1", now(), [go]() -> Result<Loaded> {
      go->wait();
      return Loaded("late");
    });
  }
  go->count_down();
}

// Writers change a number and invalidate in all ways; readers note the number that was announced
// before they ask and must not get less.
TEST_F(LoadingThreadTest, nobody_gets_a_value_older_than_an_invalidation_that_ended) {
  constexpr int kKeys = 4, kWrites = 400, kReaders = 3;
  const auto users =
      *cache.open({.name = "stress", .separators = ":"},
                  {.ttl = 1ms, .stale_while_revalidate = 1s, .fail_safe = 1s, .eager = 0.5});
  std::array<std::atomic<int>, kKeys> source{}, announced{};
  std::atomic<bool> writing = true;
  const auto key = [](int k) { return std::to_string(k) + ":x"; };
  std::vector<std::jthread> readers;
  for (int r = 0; r < kReaders; ++r)
    readers.emplace_back([&, r] {
      for (int i = r; writing; ++i) {
        const int k = i % kKeys;
        const int least = announced[k];
        const std::string tag = "t" + std::to_string(k);
        const std::string_view tags[] = {tag};
        const auto got = cache.get_or_load(users, key(k), now(),
                                           [&source, k]() -> Result<Loaded> {
                                             const int seen = source[k];
                                             std::this_thread::yield();
                                             if (seen % 7 == 3) return fail(Code::unavailable);
                                             return std::to_string(seen);
                                           },
                                           {.tags = tags});
        if (got) {
          EXPECT_GE(std::stoi(std::string(got->bytes())), least);
        }
      }
    });
  for (int i = 0; i < kWrites; ++i) {
    const int k = i % kKeys;
    const int value = ++source[k];
    switch (i / kKeys % 5) {
      case 0: cache.erase(users, key(k)); break;
      case 1: cache.invalidate_tag("t" + std::to_string(k)); break;
      case 2: (void)cache.invalidate_prefix(users, std::to_string(k) + ":"); break;
      case 3: (void)cache.invalidate_matching(users, std::to_string(k) + "*", now()); break;
      default: {
        const std::string tag = "t" + std::to_string(k);
        const std::string_view tags[] = {tag};
        cache.put(users, key(k), std::to_string(value), now(), {.tags = tags});
      }
    }
    announced[k] = value;
    if (i % 8 == 0) std::this_thread::yield();
  }
  writing = false;
  readers.clear();
  EXPECT_GT(cache.stats(users).loads, 0u);
}

}  // namespace
}  // namespace sluice::cache
