// Many threads at once: the bounds hold, nothing is lost, nothing is given twice.
#include <thread>

#include <gtest/gtest.h>

#include "base/random.h"
#include "pool/fake_connection.h"

namespace sluice {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kShare = 5;  // a sanitizer takes its time
#else
constexpr int kShare = 1;
#endif

// Runs `work(thread, random)` on n threads.
template <class F>
void together(int n, F work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < n; ++i) {
    threads.emplace_back([i, &work] {
      Random random(static_cast<std::uint64_t>(i) + 1);
      work(i, random);
    });
  }
}

// Uses the connection alone, or says so.
void use(PoolLease& lease) {
  FakeConnection& connection = fake(lease);
  EXPECT_EQ(++connection.users, 1);
  --connection.users;
}

void expect_at_rest(Rig& rig) {
  const PoolStats s = stats_of(*rig.pool);
  EXPECT_EQ(s.leased + s.connecting + s.waiting, 0u);
  EXPECT_EQ(s.idle, s.total);
  EXPECT_EQ(static_cast<int>(s.total), rig.server.open);
  EXPECT_EQ(s.opened - s.closed, s.total);
}

TEST(PoolRaceTest, no_wake_up_is_lost_in_a_million_leases) {
  Rig rig({.max = 2});
  constexpr int kEach = 1'000'000 / 8 / kShare;
  together(8, [&](int, Random&) {
    for (int i = 0; i < kEach; ++i) {
      auto lease = rig.acquire({.deadline = now() + 60s});
      ASSERT_TRUE(lease) << lease.error().text();
      use(*lease);
    }
  });
  expect_at_rest(rig);
  EXPECT_EQ(stats_of(*rig.pool).acquired, 8u * kEach);
  EXPECT_EQ(rig.server.most_open, 2);
}

TEST(PoolRaceTest, maximum_holds_under_64_threads_that_discard_and_move) {
  Rig rig({.max = 5, .max_connecting = 2, .validate_after = 0s});
  std::atomic<bool> done = false;
  std::jthread operators([&] {
    for (unsigned i = 0; !done; ++i) {
      if (i % 64 == 0) rig.pool->clear();
      if (i % 16 == 0) rig.pool->evict_idle();
      rig.pool->maintain(i % 4, now());
      rig.pool->each([](const PoolCore::View& view) { EXPECT_LT(view.home, 4u); });
      std::this_thread::yield();
    }
  });
  together(64, [&](int thread, Random& random) {
    for (int i = 0; i < 2000 / kShare; ++i) {
      auto lease = rig.acquire({.deadline = now() + 60s, .home = thread % 4u});
      ASSERT_TRUE(lease) << lease.error().text();
      use(*lease);
      EXPECT_EQ(fake(*lease).home, thread % 4u);
      if (random.below(8) == 0) lease->discard();
    }
  });
  done = true;
  operators.join();
  expect_at_rest(rig);
  EXPECT_LE(rig.server.most_open, 5);
  EXPECT_LE(rig.server.most_in_login, 2);
}

// Deadlines about as long as the wait: a hand-over and a timing out meet all the time.
TEST(PoolRaceTest, connection_handed_to_one_who_gives_up_is_not_lost) {
  Rig rig({.max = 2});
  std::atomic<int> late = 0, served = 0;
  together(8, [&](int thread, Random& random) {
    for (int i = 0; i < 40'000 / kShare; ++i) {
      const Duration patience = std::chrono::nanoseconds(random.below(30'000));
      auto lease = rig.acquire({.deadline = now() + patience, .home = thread % 2u});
      if (lease) {
        use(*lease);
        ++served;
        if (random.below(4) == 0) std::this_thread::yield();
      } else {
        ASSERT_EQ(lease.error().code, Code::timed_out);
        ++late;
      }
    }
  });
  expect_at_rest(rig);
  EXPECT_GT(late, 0);
  EXPECT_GT(served, 0);
  auto a = rig.acquire(), b = rig.acquire();
  EXPECT_TRUE(a && b) << "both are still there";
}

TEST(PoolRaceTest, failing_server_loses_nobody) {
  Rig rig({.max = 4});
  rig.server.login = [](int n) -> Result<void> {
    if (n % 3 == 0) return fail(Code::exhausted, "full");
    if (n % 7 == 0) return fail(Code::unavailable, "refused");
    return {};
  };
  std::atomic<int> answered = 0;
  together(16, [&](int, Random& random) {
    for (int i = 0; i < 2000 / kShare; ++i) {
      auto lease = rig.acquire({.deadline = now() + 60s});
      ++answered;
      if (!lease) {
        ASSERT_NE(lease.error().code, Code::timed_out) << lease.error().text();
        std::this_thread::yield();
        continue;
      }
      use(*lease);
      if (random.below(200) == 0) lease->discard();
    }
  });
  EXPECT_EQ(answered, 16 * (2000 / kShare));
  expect_at_rest(rig);
}

TEST(PoolRaceTest, close_in_the_middle_answers_everybody) {
  for (int round = 0; round < 200 / kShare; ++round) {
    Rig rig({.max = 2});
    std::atomic<int> leases = 0;
    std::jthread closer([&] {
      while (leases < 50) std::this_thread::yield();
      rig.pool->close();
    });
    together(6, [&](int, Random& random) {
      for (;;) {
        auto lease = rig.acquire({.deadline = now() + 60s, .home = unsigned(random.below(2))});
        if (!lease) {
          ASSERT_EQ(lease.error().code, Code::unavailable) << lease.error().text();
          return;
        }
        ++leases;
      }
    });
    closer.join();  // the others may be told before it has closed the idle ones
    EXPECT_EQ(rig.server.open, 0);
    EXPECT_EQ(stats_of(*rig.pool).total, 0u);
  }
}

TEST(PoolRaceTest, pause_means_that_nobody_holds_one_once_drained) {
  Rig rig({.max = 3});
  std::atomic<bool> done = false;
  std::atomic<int> held = 0;
  std::jthread users([&] {
    together(6, [&](int, Random&) {
      while (!done) {
        auto lease = rig.acquire({.deadline = now() + 60s});
        ASSERT_TRUE(lease);
        ++held;
        use(*lease);
        --held;
      }
    });
  });
  for (int i = 0; i < 300 / kShare; ++i) {
    rig.pool->pause();
    ASSERT_TRUE(reached([&] { return rig.pool->drained(); }));
    EXPECT_EQ(held, 0);
    rig.pool->resume();
    std::this_thread::yield();
  }
  done = true;
}

}  // namespace
}  // namespace sluice
