// The thread pool: what it takes it runs or destroys, and it takes no more than it has room for.
#include "sluice/executor.h"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ThreadPoolTest, runs_what_it_takes) {
  ThreadPool pool({.threads = 3, .queue = 1000});
  std::atomic<int> sum = 0;
  std::latch done(100);
  for (int i = 1; i <= 100; ++i)
    EXPECT_TRUE(pool.run([&, i] {
      sum += i;
      done.count_down();
    }));
  done.wait();
  EXPECT_EQ(sum, 5050);
}

TEST(ThreadPoolTest, refuses_beyond_its_queue_and_drops_what_waits_at_its_end) {
  const auto token = std::make_shared<int>();
  std::latch started(1), go(1);
  int ran = 0;
  std::jthread releaser;  // lets the running task end once the waiting ones are gone
  {
    ThreadPool pool({.threads = 1, .queue = 2});
    EXPECT_TRUE(pool.run([&] {
      started.count_down();
      go.wait();
    }));
    started.wait();
    EXPECT_TRUE(pool.run([&ran, token] { ++ran; }));
    EXPECT_TRUE(pool.run([&ran, token] { ++ran; }));
    EXPECT_FALSE(pool.run([&ran, token] { ++ran; }));
    EXPECT_EQ(token.use_count(), 3);
    releaser = std::jthread([&] {
      while (token.use_count() > 1) std::this_thread::yield();
      go.count_down();
    });
  }
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(ThreadPoolTest, no_threads_are_one) {
  ThreadPool pool({.threads = 0});
  std::latch done(1);
  EXPECT_TRUE(pool.run([&] { done.count_down(); }));
  done.wait();
}

}  // namespace
}  // namespace sluice
