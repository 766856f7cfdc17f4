#include "net/loop.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fiber.h"

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0); }
  ~Pair() {
    for (int fd : fds) ::close(fd);
  }
  void poke() { EXPECT_EQ(::send(fds[1], "x", 1, 0), 1); }
  int fds[2];
};

struct Recorder final : Pollable {
  explicit Recorder(std::function<void(std::uint32_t)> told) : told_(std::move(told)) {}
  void on_events(std::uint32_t events) override { told_(events); }
  std::function<void(std::uint32_t)> told_;
};

TEST(LoopTest, posts_from_many_threads_all_run_on_the_loop) {
  Loop loop;
  constexpr int threads = 4, each = 5000;
  int count = 0;  // loop thread only
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t)
    posters.emplace_back([&] {
      for (int i = 0; i < each; ++i)
        loop.post([&] {
          EXPECT_EQ(Loop::current(), &loop);
          if (++count == threads * each) loop.stop();
        });
    });
  loop.run();
  for (auto& poster : posters) poster.join();
  EXPECT_EQ(count, threads * each);
}

TEST(LoopTest, post_wakes_a_sleeping_loop_every_time) {
  Loop loop;
  std::thread runs([&] { loop.run(); });
  for (int i = 0; i < 2000; ++i) {
    Event done;
    loop.post([&] { done.signal(); });
    ASSERT_TRUE(done.wait(now() + 30s)) << i;
  }
  loop.stop();
  runs.join();
}

TEST(LoopTest, task_may_post_and_runs_it_in_a_later_turn) {
  Loop loop;
  Time first{}, second{};
  loop.post([&] {
    first = loop.now();
    loop.post([&] {
      second = loop.now();
      loop.stop();
    });
  });
  loop.run();
  EXPECT_GT(second, first);
}

TEST(LoopTest, stop_before_run_counts_and_the_loop_runs_again) {
  Loop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(LoopTest, events_are_edge_triggered) {
  Loop loop;
  Pair pair;
  int reads = 0;
  Recorder target([&](std::uint32_t events) { reads += (events & EPOLLIN) != 0; });
  ASSERT_TRUE(loop.add(pair.fds[0], target));
  pair.poke();
  loop.spawn([&] {
    for (int i = 0; i < 20; ++i) yield();  // turns in which nothing new happens
    EXPECT_EQ(reads, 1);
    pair.poke();
    while (reads < 2) yield();
    loop.stop();
  });
  loop.run();
  loop.remove(pair.fds[0], target);
}

TEST(LoopTest, reader_isnt_told_of_room_until_it_asks) {
  Loop loop;
  Pair pair;
  int room = 0;
  Recorder target([&](std::uint32_t events) { room += (events & EPOLLOUT) != 0; });
  ASSERT_TRUE(loop.add_reader(pair.fds[0], target));
  loop.spawn([&] {
    char byte;
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(::send(pair.fds[0], "x", 1, 0), 1);
      EXPECT_EQ(::recv(pair.fds[1], &byte, 1, 0), 1);
      yield();
    }
    EXPECT_EQ(room, 0);
    ASSERT_TRUE(loop.watch_writing(pair.fds[0], target, true));
    while (room == 0) yield();
    loop.stop();
  });
  loop.run();
  loop.remove(pair.fds[0], target);
}

// Two descriptors become ready in one batch; the first one's handler takes the second one away.
TEST(LoopTest, removed_during_dispatch_is_not_called) {
  for (int round = 0; round < 2; ++round) {
    Loop loop;
    std::array<Pair, 8> pairs;
    std::array<std::unique_ptr<Recorder>, 8> targets;
    int calls = 0;
    for (int i = 0; i < 8; ++i) {
      targets[i] = std::make_unique<Recorder>([&, i](std::uint32_t) {
        ++calls;
        for (int other = 0; other < 8; ++other) {
          if (other == i || !targets[other]) continue;
          loop.remove(pairs[other].fds[0], *targets[other]);
          targets[other].reset();  // a call now would be a use after free
        }
      });
      ASSERT_TRUE(loop.add(pairs[i].fds[0], *targets[i]));
      pairs[i].poke();
    }
    loop.spawn([&] {
      yield();
      yield();
      loop.stop();
    });
    loop.run();
    EXPECT_EQ(calls, 1);
  }
}

struct Hook final : TurnHook {
  explicit Hook(std::function<void()> run) : run_(std::move(run)) {}
  void on_turn_end() override { run_(); }
  std::function<void()> run_;
};

TEST(LoopTest, hook_runs_once_a_turn_after_fibers_tasks_and_timers) {
  Loop loop;
  std::vector<char> order;
  Hook hook([&] { order.push_back('h'); });
  Timer timer([&] {
    order.push_back('t');
    loop.at_turn_end(hook);
    loop.spawn([&] { order.push_back('f'); });
  });
  timer.set(loop.timers(), now() - 1s);
  loop.post([&] {
    order.push_back('p');
    loop.at_turn_end(hook);
  });
  loop.spawn([&] {
    order.push_back('s');
    loop.at_turn_end(hook);
    yield();
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(std::string(order.begin(), order.end()), "sptfh");
}

TEST(LoopTest, hook_may_schedule_another_and_wake_a_fiber_in_the_same_turn) {
  Loop loop;
  Time woken{}, turn{};
  bool second_ran = false, told = false;
  Fiber* fiber = nullptr;
  Hook second([&] { second_ran = true; });
  Hook first([&] {
    turn = loop.now();
    told = true;
    wake(*fiber);
    loop.at_turn_end(second);
  });
  loop.spawn([&] {
    fiber = current_fiber();
    loop.at_turn_end(first);
    while (!told) park();
    woken = loop.now();
    EXPECT_FALSE(second_ran);
    yield();
    EXPECT_TRUE(second_ran);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(woken, turn);
}

TEST(LoopTest, hook_that_schedules_itself_doesnt_stop_the_loop_from_turning) {
  Loop loop;
  int runs = 0;
  Hook hook([&] {
    ++runs;
    loop.at_turn_end(hook);
  });
  loop.at_turn_end(hook);
  loop.spawn([&] {
    for (int i = 0; i < 5; ++i) yield();
    loop.stop();
  });
  loop.run();
  EXPECT_GE(runs, 5);
  loop.cancel(hook);
}

TEST(LoopTest, cancelled_hook_doesnt_run_not_even_from_another_hook) {
  Loop loop;
  bool ran = false;
  auto doomed = std::make_unique<Hook>([&] { ran = true; });
  auto doomed_too = std::make_unique<Hook>([&] { ran = true; });
  Hook first([&] {
    loop.cancel(*doomed_too);
    doomed_too.reset();
  });
  loop.at_turn_end(first);
  loop.at_turn_end(*doomed);
  loop.at_turn_end(*doomed_too);
  loop.cancel(*doomed);
  doomed.reset();
  loop.spawn([&] {
    yield();
    loop.stop();
  });
  loop.run();
  EXPECT_FALSE(ran);
}

TEST(LoopTest, timers_wake_a_sleeping_loop_on_time) {
  for (const Duration spin : {Duration{}, Duration(50us)}) {
    Loop loop({.spin = spin});
    const Time start = now();
    Timer timer([&] { loop.stop(); });
    timer.set(loop.timers(), start + 30ms);
    loop.run();
    EXPECT_GE(now() - start, 30ms);
    EXPECT_LT(now() - start, 10s);
  }
}

TEST(LoopTest, spinning_loop_still_hears_of_posts) {
  Loop loop({.spin = 1ms});
  std::thread runs([&] { loop.run(); });
  for (int i = 0; i < 500; ++i) {
    Event done;
    loop.post([&] { done.signal(); });
    ASSERT_TRUE(done.wait(now() + 30s));
  }
  loop.stop();
  runs.join();
}

TEST(LoopTest, lag_counts_work_and_not_sleep) {
  Loop loop;
  Timer timer([&] { loop.stop(); });
  timer.set(loop.timers(), now() + 60ms);
  loop.post([] {
    const Time until = now() + 10ms;
    while (now() < until) {
    }
  });
  (void)loop.lag();
  loop.run();
  const Loop::Lag lag = loop.lag();
  EXPECT_GE(lag.longest_turn, 10ms);
  EXPECT_GE(lag.busy, lag.longest_turn);
  EXPECT_LT(lag.busy, 55ms);
  EXPECT_EQ(loop.lag().busy, Duration::zero());
}

TEST(LoopTest, tasks_left_when_the_loop_dies_are_destroyed) {
  auto token = std::make_shared<int>();
  {
    Loop loop;
    loop.post([token] {});
    loop.spawn([token] {});
  }
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace sluice::net
