// maintain(): what ages, what is kept, what is counted. Time is the argument, so nothing sleeps.
#include <gtest/gtest.h>

#include "pool/fake_connection.h"

namespace sluice {
namespace {

// n connections, all idle.
void fill(Rig& rig, int n, unsigned home = 0) {
  std::vector<PoolLease> leases;
  for (int i = 0; i < n; ++i) leases.push_back(std::move(*rig.acquire({.home = home})));
}

TEST(PoolUpkeepTest, warm_up_opens_to_the_minimum) {
  Rig rig({.min = 3});
  rig.server.recording = true;
  EXPECT_EQ(rig.pool->maintain(5, now()), 3u);
  EXPECT_EQ(rig.pool->maintain(5, now()), 0u);
  EXPECT_EQ(stats_of(*rig.pool).idle, 3u);
  auto lease = rig.acquire({.home = 5});
  EXPECT_FALSE(lease->fresh());
  EXPECT_EQ(lease->uses(), 0u);
  EXPECT_EQ(fake(*lease).calls, (std::vector<std::string>{"idle", "lease"}));
}

TEST(PoolUpkeepTest, warm_up_stops_at_a_failed_login) {
  Rig rig({.min = 5});
  rig.server.login = [](int n) -> Result<void> {
    if (n == 3) return fail(Code::unavailable, "refused");
    return {};
  };
  EXPECT_EQ(rig.pool->maintain(0, now()), 2u);
  EXPECT_EQ(rig.pool->maintain(0, now()), 0u) << "backing off";
  EXPECT_EQ(rig.server.logins, 3);
  rig.server.login = [](int) { return fail(Code::exhausted, "full"); };
  ASSERT_TRUE(reached([&] { return rig.pool->maintain(0, now()), rig.server.logins == 4; }));
  EXPECT_TRUE(rig.acquire()) << "the lock is free and the pool works";
}

TEST(PoolUpkeepTest, paused_pool_opens_nothing) {
  Rig rig({.min = 3});
  rig.pool->pause();
  EXPECT_EQ(rig.pool->maintain(0, now()), 0u);
}

TEST(PoolUpkeepTest, idle_above_the_minimum_is_closed_after_its_time) {
  Rig rig({.min = 2, .idle_timeout = 10min, .lifetime = 0s});
  fill(rig, 3, 0);
  fill(rig, 1, 1);  // moves one of them
  auto used = rig.acquire();
  rig.pool->maintain(0, now() + 9min);
  EXPECT_EQ(rig.server.open, 3);
  rig.pool->maintain(0, now() + 11min);
  EXPECT_EQ(rig.server.open, 2);
  rig.pool->set_options({.min = 0, .idle_timeout = -1s, .lifetime = 0s});
  rig.pool->maintain(0, now() + 24h);
  EXPECT_EQ(rig.server.open, 2) << "never, when told so";
}

TEST(PoolUpkeepTest, old_connections_are_replaced) {
  Rig rig({.min = 2, .idle_timeout = 0s, .lifetime = 1h, .lifetime_jitter = 0});
  EXPECT_EQ(rig.pool->maintain(0, now()), 2u);
  EXPECT_EQ(rig.pool->maintain(0, now() + 59min), 0u);
  EXPECT_EQ(rig.pool->maintain(0, now() + 61min), 2u);
  EXPECT_EQ(stats_of(*rig.pool).closed, 2u);
  EXPECT_EQ(rig.server.open, 2);
}

TEST(PoolUpkeepTest, old_connection_is_closed_at_its_return_and_not_leased) {
  Rig rig({.lifetime = 1ns, .lifetime_jitter = 0});
  // Leased again and again until the pool's clock, which has steps of milliseconds, has moved.
  EXPECT_TRUE(reached([&] { return rig.acquire()->give_back(), rig.server.open == 0; }));
  EXPECT_EQ(stats_of(*rig.pool).closed, static_cast<std::uint64_t>(rig.server.logins));
}

TEST(PoolUpkeepTest, lifetimes_differ_within_the_jitter) {
  Rig rig({.max = 200, .idle_timeout = 0s, .lifetime = 1000s, .lifetime_jitter = 0.2});
  fill(rig, 200);
  const Time start = now();
  rig.pool->maintain(0, start + 799s);
  EXPECT_EQ(rig.server.open, 200);
  rig.pool->maintain(0, start + 900s);
  EXPECT_GT(rig.server.open, 50);
  EXPECT_LT(rig.server.open, 150);
  rig.pool->maintain(0, start + 1001s);
  EXPECT_EQ(rig.server.open, 0);
}

TEST(PoolUpkeepTest, unusable_ones_of_the_own_home_are_closed) {
  Rig rig;
  auto a = rig.acquire({.home = 0}), b = rig.acquire({.home = 1});
  FakeConnection &mine = fake(*a), &other = fake(*b);
  a->give_back();
  b->give_back();
  mine.alive = other.alive = false;
  rig.pool->maintain(0, now());
  EXPECT_EQ(rig.server.open, 1);
  rig.pool->maintain(1, now());
  EXPECT_EQ(rig.server.open, 0);
}

TEST(PoolUpkeepTest, long_lease_is_counted_once) {
  Rig rig({.leak_after = 1min});
  auto lease = rig.acquire();
  auto other = rig.acquire();
  rig.pool->maintain(0, now());
  EXPECT_EQ(stats_of(*rig.pool).leaks, 0u);
  other->give_back();
  rig.pool->maintain(0, now() + 2min);
  rig.pool->maintain(0, now() + 3min);
  EXPECT_EQ(stats_of(*rig.pool).leaks, 1u);
  lease->give_back();
  lease = rig.acquire();
  rig.pool->maintain(0, now() + 2min);
  EXPECT_EQ(stats_of(*rig.pool).leaks, 2u) << "each lease anew";
}

}  // namespace
}  // namespace sluice
