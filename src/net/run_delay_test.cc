// What the kernel's counts are taken to say.
#include "net/run_delay.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sched.h>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

class RunDelayTest : public ::testing::Test {
 protected:
  // So many times more it could run, and waited so long for each.
  void runs(unsigned times, Duration each) {
    times_ += times;
    waited_ += each * times;
    delay.take("12345 " + std::to_string(waited_.count()) + " " + std::to_string(times_) + "\n");
  }

  RunDelay delay;

 private:
  Duration waited_ = 7s;  // before anybody looked
  unsigned times_ = 1000;
};

TEST_F(RunDelayTest, what_was_before_the_first_look_does_not_count) {
  runs(0, 0s);
  EXPECT_EQ(delay.mean(), 0s);
  runs(100, 0s);
  EXPECT_EQ(delay.mean(), 0s);
}

TEST_F(RunDelayTest, comes_near_what_each_run_waits) {
  runs(0, 0s);
  runs(100, 4ms);
  EXPECT_EQ(delay.mean(), 1ms);  // not at once
  for (int i = 0; i < 20; ++i) runs(100, 4ms);
  EXPECT_GT(delay.mean(), 3900us);
  EXPECT_LE(delay.mean(), 4ms);
  for (int i = 0; i < 20; ++i) runs(100, 0s);
  EXPECT_LT(delay.mean(), 50us);
}

TEST_F(RunDelayTest, who_does_not_run_at_all_waits_for_nothing) {
  runs(0, 0s);
  runs(100, 4ms);
  for (int i = 0; i < 20; ++i) runs(0, 0s);
  EXPECT_LT(delay.mean(), 50us);
}

// A worker that wakes a few times between two looks isn't stuck with what it waited when all was busy.
TEST_F(RunDelayTest, who_runs_seldom_is_judged_over_a_longer_time) {
  runs(0, 0s);
  for (int i = 0; i < 20; ++i) runs(100, 4ms);
  const Duration busy = delay.mean();
  runs(3, 0s);
  EXPECT_EQ(delay.mean(), busy);  // too few to say anything
  for (int i = 0; i < 100; ++i) runs(3, 0s);
  EXPECT_LT(delay.mean(), 50us);
}

TEST_F(RunDelayTest, what_can_not_be_read_is_no_delay) {
  for (const char* text : {"", "x y z", "1", "1 2", "\n"}) delay.take(text);
  EXPECT_EQ(delay.mean(), 0s);
}

// Two that want one processor make each other wait.
TEST(RunDelayOfThreadTest, a_crowded_processor_shows) {
  if (!std::filesystem::exists("/proc/thread-self/schedstat"))
    GTEST_SKIP() << "the kernel doesn't say";
  std::atomic<bool> enough = false;
  auto spin_on_the_first = [](auto&& until) {
    cpu_set_t all, one;
    CPU_ZERO(&one);
    ::sched_getaffinity(0, sizeof all, &all);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
      if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    while (!until()) {
    }
  };
  std::jthread rival([&] { spin_on_the_first([&] { return enough.load(); }); });
  std::jthread looks([&] {
    RunDelay delay;
    Time at{};
    const Time end = now() + 10s;
    spin_on_the_first([&] {
      delay.update(at += RunDelay::kEvery);
      return delay.mean() > 10us || now() > end;
    });
    EXPECT_GT(delay.mean(), 10us);
    enough = true;
  });
}

}  // namespace
}  // namespace sluice::net
