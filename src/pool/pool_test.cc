// A lease's walk without competitors: reuse, order, age, validation, preference, statistics.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pool/fake_connection.h"

namespace sluice {
namespace {

using testing::ElementsAre;

TEST(PoolTest, connection_is_reused_after_give_back) {
  Rig rig;
  auto first = rig.acquire();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->fresh());
  EXPECT_EQ(first->uses(), 0u);
  const std::uint64_t id = first->id();
  EXPECT_NE(id, 0u);
  first->give_back();
  EXPECT_FALSE(*first);
  auto second = rig.acquire();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id(), id);
  EXPECT_FALSE(second->fresh());
  EXPECT_EQ(second->uses(), 1u);
  EXPECT_EQ(rig.server.logins, 1);
}

TEST(PoolTest, most_recently_used_is_leased_first) {
  Rig rig;
  auto a = rig.acquire(), b = rig.acquire();
  const std::uint64_t last = a->id();
  b->give_back();
  a->give_back();
  EXPECT_EQ(rig.acquire()->id(), last);
}

TEST(PoolTest, moved_lease_gives_back_once) {
  Rig rig;
  auto lease = rig.acquire();
  PoolLease other = std::move(*lease);
  EXPECT_FALSE(*lease);
  lease->give_back();
  EXPECT_EQ(stats_of(*rig.pool).leased, 1u);
  other = PoolLease();
  EXPECT_EQ(stats_of(*rig.pool).leased, 0u);
  EXPECT_EQ(stats_of(*rig.pool).idle, 1u);
}

TEST(PoolTest, discarded_connection_is_closed) {
  Rig rig;
  auto lease = rig.acquire();
  lease->discard();
  EXPECT_EQ(rig.server.open, 0);
  EXPECT_EQ(stats_of(*rig.pool).total, 0u);
  EXPECT_TRUE(rig.acquire()->fresh());
}

TEST(PoolTest, dead_idle_connections_are_skipped_silently) {
  Rig rig;
  auto a = rig.acquire(), b = rig.acquire(), c = rig.acquire();
  const std::uint64_t living = a->id();
  FakeConnection &dead1 = fake(*b), &dead2 = fake(*c);
  a->give_back();
  b->give_back();
  c->give_back();
  dead1.alive = dead2.alive = false;
  auto lease = rig.acquire();
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->id(), living);
  EXPECT_EQ(rig.server.open, 1);
  EXPECT_EQ(stats_of(*rig.pool).acquired, 4u);
}

TEST(PoolTest, connection_that_died_in_use_does_not_come_back) {
  Rig rig;
  auto lease = rig.acquire();
  fake(*lease).alive = false;
  lease->give_back();
  EXPECT_EQ(rig.server.open, 0);
  EXPECT_EQ(stats_of(*rig.pool).closed, 1u);
}

TEST(PoolTest, long_idle_connection_is_validated_and_replaced_if_it_fails) {
  Rig rig({.validate_after = 0s});
  const std::uint64_t id = rig.acquire()->id();
  EXPECT_EQ(rig.server.validated, 0) << "a fresh one needs no proof";
  EXPECT_EQ(rig.acquire()->id(), id);
  EXPECT_EQ(rig.server.validated, 1);
  rig.server.valid = false;
  auto lease = rig.acquire();
  ASSERT_TRUE(lease);
  EXPECT_NE(lease->id(), id);
  EXPECT_TRUE(lease->fresh());
  EXPECT_EQ(rig.server.open, 1);
}

TEST(PoolTest, briefly_idle_connection_is_not_validated) {
  Rig rig({.validate_after = 1h});
  rig.acquire()->give_back();
  rig.acquire()->give_back();
  EXPECT_EQ(rig.server.validated, 0);
}

TEST(PoolTest, past_deadline_leaves_an_unvalidated_connection_alone) {
  Rig rig({.validate_after = 0s});
  rig.acquire()->give_back();
  auto late = rig.acquire({.deadline = now() - 1s});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timed_out);
  EXPECT_EQ(rig.server.validated, 0);
  EXPECT_EQ(stats_of(*rig.pool).idle, 1u);
  EXPECT_TRUE(rig.acquire());
  EXPECT_EQ(rig.server.validated, 1) << "it is still due";
}

TEST(PoolTest, idle_state_is_announced_around_each_rest) {
  Rig rig({.validate_after = 0s});
  rig.server.recording = true;
  auto lease = rig.acquire();
  EXPECT_THAT(fake(*lease).calls, ElementsAre());
  lease->give_back();
  lease = rig.acquire({.home = 1});
  EXPECT_THAT(fake(*lease).calls, ElementsAre("idle", "move", "lease", "validate"));
}

TEST(PoolTest, preferred_connection_is_taken_if_idle) {
  Rig rig;
  auto a = rig.acquire(), b = rig.acquire();
  const std::uint64_t id = a->id();
  EXPECT_NE(rig.acquire({.prefer = id})->id(), id) << "it is in use";
  a->give_back();
  b->give_back();
  EXPECT_EQ(rig.acquire({.prefer = id})->id(), id);
  EXPECT_TRUE(rig.acquire({.prefer = 123456789})) << "an unknown one is no error";
}

TEST(PoolTest, preference_ends_when_somebody_used_it_since) {
  Rig rig;
  auto a = rig.acquire(), b = rig.acquire();
  const std::uint64_t mine = a->id(), others = b->id(), uses = a->uses();
  a->give_back();
  b->give_back();  // now the most recently used
  a = rig.acquire({.prefer = mine, .prefer_uses = uses});
  EXPECT_EQ(a->id(), mine);
  a->give_back();
  rig.acquire({.prefer = mine})->give_back();
  rig.acquire({.prefer = others})->give_back();
  EXPECT_EQ(rig.acquire({.prefer = mine, .prefer_uses = uses + 1})->id(), others);
}

TEST(PoolTest, evict_idle_closes_the_longest_idle) {
  Rig rig;
  auto a = rig.acquire({.home = 1}), b = rig.acquire({.home = 0});
  const std::uint64_t kept = b->id();
  EXPECT_FALSE(rig.pool->evict_idle());
  a->give_back();
  b->give_back();
  EXPECT_TRUE(rig.pool->evict_idle());
  EXPECT_EQ(rig.acquire()->id(), kept);
  EXPECT_TRUE(rig.pool->evict_idle());
  EXPECT_FALSE(rig.pool->evict_idle());
  EXPECT_EQ(rig.server.open, 0);
}

TEST(PoolTest, lowered_maximum_closes_the_surplus) {
  Rig rig({.max = 4});
  auto a = rig.acquire(), b = rig.acquire(), c = rig.acquire();
  a->give_back();
  rig.pool->set_options({.max = 1});
  EXPECT_EQ(rig.server.open, 2);
  b->give_back();
  EXPECT_EQ(rig.server.open, 1);
  c->give_back();
  EXPECT_EQ(rig.server.open, 1);
  EXPECT_EQ(stats_of(*rig.pool).idle, 1u);
}

TEST(PoolTest, statistics_are_exact) {
  Rig rig({.max = 3});
  auto a = rig.acquire(), b = rig.acquire();
  b->give_back();
  rig.acquire({.home = 7})->give_back();
  a->discard();
  rig.pool->clear();
  const PoolStats s = stats_of(*rig.pool);
  EXPECT_EQ(s.total + s.idle + s.leased + s.connecting + s.waiting, 0u);
  EXPECT_EQ(s.acquired, 3u);
  EXPECT_EQ(s.opened, 2u);
  EXPECT_EQ(s.closed, 2u);
  EXPECT_EQ(s.moved, 1u);
  EXPECT_EQ(s.waited + s.timed_out + s.connect_failures + s.leaks, 0u);
  EXPECT_EQ(s.generation, 1u);
  EXPECT_EQ(s.wait_total, 0ns);
}

TEST(PoolTest, each_shows_every_connection) {
  Rig rig;
  auto a = rig.acquire({.home = 3});
  rig.acquire({.home = 5})->give_back();
  std::set<std::pair<unsigned, bool>> seen;
  rig.pool->each([&](const PoolCore::View& view) {
    EXPECT_NE(view.connection, nullptr);
    EXPECT_EQ(view.uses, 1u);
    EXPECT_LE(view.created, now());
    seen.insert({view.home, view.leased});
  });
  EXPECT_EQ(seen, (std::set<std::pair<unsigned, bool>>{{3, true}, {5, false}}));
}

TEST(PoolTest, own_home_comes_first_then_another_home_then_a_login) {
  Rig rig;
  auto mine = rig.acquire({.home = 0}), other = rig.acquire({.home = 1});
  const std::uint64_t my_id = mine->id(), other_id = other->id();
  mine->give_back();
  other->give_back();
  mine = rig.acquire({.home = 0});
  EXPECT_EQ(mine->id(), my_id);
  other = rig.acquire({.home = 0});
  EXPECT_EQ(other->id(), other_id);
  EXPECT_EQ(fake(*other).home, 0u);
  EXPECT_TRUE(rig.acquire({.home = 0})->fresh());
  EXPECT_EQ(stats_of(*rig.pool).moved, 1u);
}

TEST(PoolTest, connection_that_cannot_move_is_closed_and_replaced) {
  Rig rig({.max = 1});
  rig.server.movable = false;
  rig.acquire({.home = 1})->give_back();
  auto lease = rig.acquire({.home = 2});
  ASSERT_TRUE(lease);
  EXPECT_TRUE(lease->fresh());
  EXPECT_EQ(fake(*lease).home, 2u);
  EXPECT_EQ(rig.server.most_open, 1);
  EXPECT_EQ(stats_of(*rig.pool).moved, 0u);
}

TEST(PoolTest, typed_pool_needs_no_base_class) {
  int made = 0;
  bool works = true;
  Pool<std::string> pool(
      {.max = 2, .validate_after = 0s},
      [&](Deadline) -> Result<std::string> { return std::to_string(++made); },
      [&](std::string&) { return works; });
  EXPECT_EQ(**pool.acquire(), "1");
  EXPECT_EQ((*pool.acquire())->size(), 1u);
  works = false;
  EXPECT_EQ(**pool.acquire(), "2");
  pool.acquire()->discard();
  EXPECT_EQ(pool.core().stats(now()).total, 0u);
}

TEST(PoolTest, throwing_connect_is_an_error_and_holds_no_place) {
  Pool<int> pool({.max = 1}, [](Deadline) -> Result<int> { throw std::runtime_error("no luck"); });
  auto lease = pool.acquire();
  ASSERT_FALSE(lease);
  EXPECT_THAT(lease.error().detail, testing::HasSubstr("no luck"));
  EXPECT_EQ(pool.core().stats(now()).total, 0u);
}

}  // namespace
}  // namespace sluice
