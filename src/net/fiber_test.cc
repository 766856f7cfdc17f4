#include "net/fiber.h"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/fiber_stack.h"
#include "net/loop.h"

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

// Runs body on a fiber of the loop, and the loop until it has finished.
void run_on_fiber(Loop& loop, std::function<void()> body) {
  loop.spawn([&] {
    body();
    loop.stop();
  });
  loop.run();
}

TEST(FiberTest, body_runs_on_its_own_stack_with_a_parker) {
  Loop loop;
  bool ran = false;
  const auto outside = current_parker();
  EXPECT_EQ(current_fiber(), nullptr);
  run_on_fiber(loop, [&] {
    ran = true;
    EXPECT_NE(current_fiber(), nullptr);
    EXPECT_NE(current_parker(), outside);
    EXPECT_EQ(Loop::current(), &loop);
  });
  EXPECT_TRUE(ran);
  EXPECT_EQ(current_fiber(), nullptr);
  EXPECT_EQ(current_parker(), outside);
  EXPECT_EQ(Loop::current(), nullptr);
}

TEST(FiberTest, hundred_thousand_short_fibers_share_one_stack) {
  Loop loop;
  int count = 0;
  FiberCounts last{};
  for (int i = 0; i < 100'000; ++i) loop.spawn([&] { ++count; });
  loop.spawn([&] {
    last = fiber_counts();
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(count, 100'000);
  EXPECT_EQ(last.running, 1u);
  EXPECT_EQ(last.stacks, 1u);
}

TEST(FiberTest, many_parked_fibers_give_their_stacks_back) {
  Loop loop({.spare_stacks = 16});
  constexpr int count = 500;
  std::vector<Fiber*> parked;
  int finished = 0;
  for (int i = 0; i < count; ++i)
    loop.spawn([&] {
      parked.push_back(current_fiber());
      park();
      ++finished;
    });
  FiberCounts busy{}, idle{};
  run_on_fiber(loop, [&] {
    while (static_cast<int>(parked.size()) < count) yield();
    busy = fiber_counts();
    for (Fiber* fiber : parked) wake(*fiber);
    while (finished < count) yield();
    idle = fiber_counts();
  });
  EXPECT_EQ(finished, count);
  EXPECT_EQ(busy.running, count + 1u);
  EXPECT_EQ(idle.running, 1u);
  EXPECT_LE(idle.stacks, 17u);
}

TEST(FiberTest, nested_spawn_runs_later_in_the_same_turn) {
  Loop loop;
  std::vector<int> order;
  Time outer{}, inner{};
  run_on_fiber(loop, [&] {
    outer = loop.now();
    loop.spawn([&] {
      order.push_back(2);
      inner = loop.now();
    });
    order.push_back(1);
    while (order.size() < 2) yield();
  });
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_EQ(outer, inner);
}

TEST(FiberTest, early_wake_makes_park_return_at_once) {
  Loop loop;
  run_on_fiber(loop, [&] {
    wake(*current_fiber());
    park();  // would never return otherwise
    current_parker()->unpark();
    park();
  });
}

TEST(FiberTest, two_fibers_hand_over_many_times) {
  Loop loop;
  constexpr int rounds = 20'000;
  int turn = 0;
  Fiber* players[2] = {};
  int finished = 0;
  for (int me : {0, 1})
    loop.spawn([&, me] {
      players[me] = current_fiber();
      for (int i = 0; i < rounds; ++i) {
        while (turn % 2 != me) park();
        ++turn;
        if (players[1 - me]) wake(*players[1 - me]);
      }
      if (++finished == 2) loop.stop();
    });
  loop.run();
  EXPECT_EQ(turn, 2 * rounds);
}

TEST(FiberTest, park_ends_at_its_deadline_and_not_before) {
  Loop loop;
  run_on_fiber(loop, [&] {
    const Time start = now();
    park(start + 20ms);
    EXPECT_GE(now() - start, 20ms);
    sleep_until(now() + 10ms);
    EXPECT_GE(now() - start, 30ms);
    EXPECT_LT(now() - start, 10s);
  });
}

TEST(FiberTest, deadline_in_the_past_lets_others_run_and_returns) {
  Loop loop;
  run_on_fiber(loop, [&] {
    bool other = false;
    loop.spawn([&] { other = true; });
    park(now() - 1s);
    EXPECT_TRUE(other);
  });
}

TEST(FiberTest, yield_lets_posted_tasks_run) {
  Loop loop;
  run_on_fiber(loop, [&] {
    bool posted = false;
    loop.post([&] { posted = true; });
    for (int i = 0; i < 3 && !posted; ++i) yield();
    EXPECT_TRUE(posted);
  });
}

TEST(FiberTest, unpark_from_another_thread_wakes_a_sleeping_loop) {
  Loop loop;
  for (int i = 0; i < 100; ++i)
    run_on_fiber(loop, [&] {
      std::atomic<bool> told = false;
      std::thread other([&, parker = current_parker()] {
        told = true;
        parker->unpark();
      });
      while (!told) park();
      other.join();
    });
}

TEST(FiberTest, late_unpark_after_the_fiber_and_the_loop_is_harmless) {
  std::shared_ptr<Parker> parker;
  {
    Loop loop;
    run_on_fiber(loop, [&] { parker = current_parker(); });
    parker->unpark();
    run_on_fiber(loop, [] { yield(); });
  }
  parker->unpark();
}

TEST(FiberTest, event_between_thread_and_fiber) {
  Loop loop;
  for (int i = 0; i < 200; ++i)
    run_on_fiber(loop, [&] {
      Event done;
      std::thread other([&] { done.signal(); });
      EXPECT_TRUE(done.wait(kNever));
      other.join();
    });
}

TEST(FiberTest, event_times_out_on_a_fiber) {
  Loop loop;
  run_on_fiber(loop, [] {
    Event never;
    const Time start = now();
    EXPECT_FALSE(never.wait(start + 15ms));
    EXPECT_GE(now() - start, 15ms);
  });
}

TEST(FiberTest, event_between_fibers_of_two_loops) {
  Loop a, b;
  std::thread runs_b([&] { b.run(); });
  run_on_fiber(a, [&] {
    for (int i = 0; i < 2000; ++i) {
      Event there;
      b.post([&] { b.spawn([&] { there.signal(); }); });
      ASSERT_TRUE(there.wait(now() + 30s));
    }
  });
  b.stop();
  runs_b.join();
}

TEST(FiberTest, event_signalled_by_a_fiber_wakes_a_thread) {
  Loop loop;
  std::thread runs([&] { loop.run(); });
  Event done;
  loop.post([&] { loop.spawn([&] { done.signal(); }); });
  EXPECT_TRUE(done.wait(now() + 30s));
  loop.stop();
  runs.join();
}

TEST(FiberTest, exceptions_are_caught_on_the_fibers_own_stack) {
  Loop loop;
  run_on_fiber(loop, [] {
    for (int i = 0; i < 3; ++i) {
      try {
        throw i;
      } catch (int caught) {
        EXPECT_EQ(caught, i);
      }
      yield();
    }
  });
}

[[gnu::noinline]] int dive(int depth) {
  volatile char frame[512] = {};
  frame[depth % 512] = 1;
  return depth == 0 ? 0 : dive(depth - 1) + frame[depth % 512];
}

TEST(FiberDeathTest, stack_overflow_faults_instead_of_corrupting) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto overflow = [] {
    Loop loop;
    run_on_fiber(loop, [] { dive(100'000); });
  };
#if defined(SLUICE_ASAN)
  EXPECT_DEATH(overflow(), "stack-overflow");
#elif defined(SLUICE_TSAN)
  EXPECT_DEATH(overflow(), "");
#else
  EXPECT_EXIT(overflow(), ::testing::KilledBySignal(SIGSEGV), "");
#endif
}

TEST(FiberDeathTest, escaping_exception_terminates) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Loop loop;
        run_on_fiber(loop, [] { throw 1; });
      },
      "");
}

TEST(FiberTest, deep_recursion_within_the_stack_is_fine) {
  Loop loop;
  run_on_fiber(loop, [] { EXPECT_EQ(dive(60), 60); });
}

}  // namespace
}  // namespace sluice::net
