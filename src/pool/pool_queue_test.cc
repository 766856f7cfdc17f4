// Waiting: first come first served, deadlines, bounds, pause and close, hand-over between homes.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pool/fake_connection.h"

namespace sluice {
namespace {

using testing::HasSubstr;

TEST(PoolQueueTest, waiters_are_served_in_the_order_of_asking) {
  Rig rig({.max = 1});
  auto lease = rig.acquire();
  std::vector<int> order;  // guarded by the one connection
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      auto mine = rig.acquire();
      ASSERT_TRUE(mine);
      order.push_back(i);
    });
    ASSERT_TRUE(rig.queued(i + 1));
  }
  lease->give_back();
  threads.clear();
  ASSERT_EQ(order.size(), 16u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  const PoolStats s = stats_of(*rig.pool);
  EXPECT_EQ(s.waited, 16u);
  EXPECT_EQ(s.acquired, 17u);
  EXPECT_EQ(s.opened, 1u);
  EXPECT_GT(s.wait_total, 0ns);
  EXPECT_GE(s.wait_total, s.wait_longest);
}

TEST(PoolQueueTest, newcomer_does_not_overtake_the_queue) {
  Rig rig({.max = 2});
  auto a = rig.acquire(), b = rig.acquire();
  rig.pool->pause();  // lets a waiter and an idle connection stand side by side
  std::atomic<int> turn = 0;
  int first = 0, second = 0;
  std::jthread one([&] {
    auto l = rig.acquire();
    first = ++turn;
    l->discard();
  });
  ASSERT_TRUE(rig.queued(1));
  std::jthread two([&] {
    auto l = rig.acquire({.prefer = a->id()});
    second = ++turn;
  });
  ASSERT_TRUE(rig.queued(2));
  rig.pool->set_options({.max = 1});
  b->discard();
  a->give_back();
  rig.pool->resume();
  one.join();
  two.join();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
}

TEST(PoolQueueTest, who_does_not_queue_takes_what_is_free_or_leaves) {
  Rig rig({.max = 1});
  auto lease = rig.acquire({.queue = false});
  ASSERT_TRUE(lease);
  EXPECT_FALSE(rig.pool->waited_for());
  auto refused = rig.acquire({.queue = false});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  std::jthread waiter([&] { EXPECT_TRUE(rig.acquire()); });
  ASSERT_TRUE(rig.queued(1));
  EXPECT_TRUE(rig.pool->waited_for());
  lease->give_back();
  waiter.join();
  EXPECT_FALSE(rig.pool->waited_for());
}

TEST(PoolQueueTest, deadline_ends_the_wait) {
  Rig rig({.max = 1});
  auto lease = rig.acquire();
  const Time start = now();
  auto late = rig.acquire({.deadline = start + 20ms});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::timed_out);
  EXPECT_THAT(late.error().detail, HasSubstr("1 of at most 1 leased"));
  EXPECT_GE(now() - start, 20ms);
  const PoolStats s = stats_of(*rig.pool);
  EXPECT_EQ(s.timed_out, 1u);
  EXPECT_EQ(s.waiting, 0u);
  EXPECT_GE(s.wait_longest, 20ms);
  lease->give_back();
  EXPECT_TRUE(rig.acquire());
}

TEST(PoolQueueTest, cancelled_wait_ends_and_the_next_is_served) {
  Rig rig({.max = 1});
  auto lease = rig.acquire();
  EXPECT_FALSE(rig.pool->cancel(7)) << "nobody waits yet";
  std::optional<Error> cancelled;
  std::jthread first([&] {
    auto mine = rig.acquire({.tag = 7});
    if (!mine) cancelled = mine.error();
  });
  ASSERT_TRUE(rig.queued(1));
  bool served = false;
  std::jthread second([&] { served = rig.acquire({.tag = 8}).has_value(); });
  ASSERT_TRUE(rig.queued(2));
  EXPECT_TRUE(rig.pool->cancel(7));
  first.join();
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->code, Code::cancelled);
  EXPECT_EQ(stats_of(*rig.pool).waiting, 1u);
  lease->give_back();
  second.join();
  EXPECT_TRUE(served);
}

TEST(PoolQueueTest, full_queue_refuses_at_once) {
  Rig rig({.max = 1, .max_waiting = 1});
  auto lease = rig.acquire();
  std::jthread waiter([&] { EXPECT_TRUE(rig.acquire()); });
  ASSERT_TRUE(rig.queued(1));
  auto refused = rig.acquire();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  lease->give_back();
}

TEST(PoolQueueTest, oldest_wait_is_told) {
  Rig rig({.max = 1});
  auto lease = rig.acquire();
  EXPECT_EQ(stats_of(*rig.pool).oldest_wait, 0ns);
  std::jthread waiter([&] { EXPECT_TRUE(rig.acquire()); });
  ASSERT_TRUE(rig.queued(1));
  EXPECT_GE(rig.pool->stats(now() + 1h).oldest_wait, 1h);
  lease->give_back();
}

TEST(PoolQueueTest, closed_connection_makes_room_for_the_waiter) {
  Rig rig({.max = 1});
  auto lease = rig.acquire();
  std::jthread waiter([&] {
    auto mine = rig.acquire();
    ASSERT_TRUE(mine);
    EXPECT_TRUE(mine->fresh());
  });
  ASSERT_TRUE(rig.queued(1));
  lease->discard();
  waiter.join();
  EXPECT_EQ(rig.server.most_open, 1) << "closed before the next one was opened";
}

TEST(PoolQueueTest, waiter_of_another_home_moves_what_it_is_handed) {
  Rig rig({.max = 1});
  auto lease = rig.acquire({.home = 1});
  const std::uint64_t id = lease->id();
  std::jthread waiter([&] {
    auto mine = rig.acquire({.deadline = now() + 10s, .home = 2});
    ASSERT_TRUE(mine);
    EXPECT_EQ(mine->id(), id);
    EXPECT_EQ(fake(*mine).home, 2u);
  });
  ASSERT_TRUE(rig.queued(1));
  lease->give_back();
  waiter.join();
  EXPECT_EQ(stats_of(*rig.pool).moved, 1u);
}

TEST(PoolQueueTest, waiter_whose_connection_proves_dead_keeps_its_turn) {
  Rig rig({.max = 1});
  rig.server.movable = false;
  auto lease = rig.acquire();
  std::vector<int> order;  // guarded by the one connection
  std::jthread first([&] {
    auto mine = rig.acquire({.deadline = now() + 10s, .home = 1});
    ASSERT_TRUE(mine);
    order.push_back(1);
  });
  ASSERT_TRUE(rig.queued(1));
  std::jthread second([&] {
    auto mine = rig.acquire({.deadline = now() + 10s, .home = 1});
    ASSERT_TRUE(mine);
    order.push_back(2);
  });
  ASSERT_TRUE(rig.queued(2));
  lease->give_back();
  first.join();
  second.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(stats_of(*rig.pool).acquired, 3u);
}

TEST(PoolQueueTest, raised_maximum_serves_the_queue) {
  Rig rig({.max = 1});
  auto lease = rig.acquire();
  std::jthread waiter([&] { EXPECT_TRUE(rig.acquire()->fresh()); });
  ASSERT_TRUE(rig.queued(1));
  rig.pool->set_options({.max = 2});
  waiter.join();
}

TEST(PoolQueueTest, pause_holds_leases_until_resume) {
  Rig rig({.max = 2});
  auto lease = rig.acquire();
  rig.acquire()->give_back();
  rig.pool->pause();
  EXPECT_FALSE(rig.pool->drained());
  EXPECT_EQ(rig.acquire({.deadline = now() + 5ms}).error().code, Code::timed_out);
  lease->give_back();
  EXPECT_TRUE(rig.pool->drained());
  std::jthread waiter([&] { EXPECT_FALSE(rig.acquire()->fresh()); });
  ASSERT_TRUE(rig.queued(1));
  EXPECT_TRUE(rig.pool->drained());
  rig.pool->resume();
  waiter.join();
}

TEST(PoolQueueTest, close_fails_waiters_and_newcomers_and_closes_everything) {
  Rig rig({.max = 2});
  auto a = rig.acquire(), b = rig.acquire();
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&] { EXPECT_EQ(rig.acquire().error().code, Code::unavailable); });
  }
  ASSERT_TRUE(rig.queued(3));
  rig.pool->close();
  waiters.clear();
  EXPECT_EQ(rig.acquire().error().code, Code::unavailable);
  a->give_back();
  EXPECT_EQ(rig.server.open, 1);
  b->give_back();
  EXPECT_EQ(rig.server.open, 0);
  EXPECT_EQ(rig.pool->maintain(0, now()), 0u);
}

TEST(PoolQueueTest, close_reaches_waiters_of_a_paused_pool) {
  Rig rig;
  rig.pool->pause();
  std::jthread waiter([&] { EXPECT_EQ(rig.acquire().error().code, Code::unavailable); });
  ASSERT_TRUE(rig.queued(1));
  rig.pool->close();
}

TEST(PoolQueueTest, lease_outlives_its_pool) {
  FakeServer server;
  auto pool = PoolCore::make({}, server.connect());
  auto lease = pool->acquire({});
  pool->close();
  pool.reset();
  EXPECT_EQ(server.open, 1);
  lease->give_back();
  EXPECT_EQ(server.open, 0);
}

}  // namespace
}  // namespace sluice
