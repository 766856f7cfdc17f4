#include "net/timer.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using namespace std::chrono_literals;

constexpr Time at(Duration since) { return Time{} + since; }

struct Fixture : ::testing::Test {
  Timers timers;
  std::vector<int> fired;
  std::unique_ptr<Timer> timer(int id) {
    return std::make_unique<Timer>([this, id] { fired.push_back(id); });
  }
};
using TimerTest = Fixture;

TEST_F(TimerTest, fires_once_in_the_order_of_deadlines) {
  auto a = timer(1), b = timer(2), c = timer(3);
  c->set(timers, at(300ms));
  a->set(timers, at(10ms));
  b->set(timers, at(20s));
  timers.expire(at(1h));
  EXPECT_EQ(fired, (std::vector{1, 3, 2}));
  EXPECT_FALSE(a->armed());
  timers.expire(at(2h));
  EXPECT_EQ(fired.size(), 3u);
}

TEST_F(TimerTest, never_early_and_at_most_a_tick_late) {
  auto a = timer(1);
  for (Duration due :
       {1ns, 3999999ns, 4000000ns, 4000001ns, 255999999ns, 256000000ns, 16384000001ns}) {
    const Time start = at(0ns);
    Timers fresh;
    fired.clear();
    a->set(fresh, start + due);
    fresh.expire(start + due - 1ns);
    EXPECT_TRUE(fired.empty()) << due.count();
    fresh.expire(start + due + Timers::kTick);
    EXPECT_EQ(fired.size(), 1u) << due.count();
  }
}

TEST_F(TimerTest, past_deadline_fires_at_the_next_call) {
  auto a = timer(1);
  timers.expire(at(1h));
  a->set(timers, at(1s));
  EXPECT_EQ(timers.until_next(at(1h)), Duration::zero());
  timers.expire(at(1h));
  EXPECT_EQ(fired.size(), 1u);
}

TEST_F(TimerTest, cleared_destroyed_and_moved_timers_dont_fire) {
  auto a = timer(1), b = timer(2), c = timer(3), d = timer(4);
  for (auto* t : {&a, &b, &c, &d}) (*t)->set(timers, at(50ms));
  a->clear();
  b.reset();
  c->set(timers, at(10s));
  d->set(timers, kNever);
  EXPECT_FALSE(d->armed());
  timers.expire(at(1s));
  EXPECT_TRUE(fired.empty());
  timers.expire(at(11s));
  EXPECT_EQ(fired, std::vector{3});
}

TEST_F(TimerTest, may_rearm_itself_while_firing) {
  int count = 0;
  std::unique_ptr<Timer> again;
  again = std::make_unique<Timer>([&] {
    if (++count < 5) again->set(timers, at(10ms * (count + 1)));
  });
  again->set(timers, at(10ms));
  for (auto now = 0ms; now <= 100ms; now += 1ms) timers.expire(at(now));
  EXPECT_EQ(count, 5);
}

TEST_F(TimerTest, rearming_for_the_past_while_firing_doesnt_hang) {
  int count = 0;
  std::unique_ptr<Timer> again;
  again = std::make_unique<Timer>([&] {
    ++count;
    again->set(timers, at(0ns));
  });
  again->set(timers, at(10ms));
  timers.expire(at(1s));
  EXPECT_EQ(count, 1);
  timers.expire(at(1s));
  EXPECT_EQ(count, 2);
}

TEST_F(TimerTest, may_disarm_and_destroy_others_that_are_due_with_it) {
  auto b = timer(2), c = timer(3);
  Timer a([&] {
    b->clear();
    c.reset();
  });
  a.set(timers, at(10ms));
  b->set(timers, at(10ms));
  c->set(timers, at(10ms));
  timers.expire(at(1s));
  EXPECT_TRUE(fired.empty());
}

TEST_F(TimerTest, far_deadlines_fire_on_time) {
  auto a = timer(1), b = timer(2);
  const Duration year = 24h * 365;
  a->set(timers, at(100 * year));
  b->set(timers, Time{Duration::max() - 1ns});
  timers.expire(at(100 * year - 1ns));
  EXPECT_TRUE(fired.empty());
  timers.expire(at(100 * year + Timers::kTick));
  EXPECT_EQ(fired, std::vector{1});
  EXPECT_TRUE(b->armed());
  EXPECT_GT(timers.until_next(at(101 * year)), 24h);
}

TEST_F(TimerTest, following_until_next_wakes_in_time_and_rarely) {
  auto a = timer(1);
  const Time start = at(12345678ms), due = start + 90s;
  timers.expire(start);
  a->set(timers, due);
  Time now = start;
  int wakes = 0;
  while (fired.empty()) {
    ASSERT_LT(++wakes, 10);
    now += timers.until_next(now);
    timers.expire(now);
  }
  EXPECT_GE(now, due);
  EXPECT_LE(now, due + Timers::kTick);
  EXPECT_EQ(timers.until_next(now), Duration::max());
}

TEST_F(TimerTest, outliving_the_wheel_is_harmless) {
  auto a = timer(1);
  {
    Timers brief;
    a->set(brief, at(1s));
  }
  EXPECT_FALSE(a->armed());
}

// A hundred thousand timers against a sorted list, with moves and removals on the way.
TEST_F(TimerTest, hundred_thousand_agree_with_a_sorted_list) {
  constexpr int count = 100'000;
  std::mt19937_64 random(7);
  struct Entry {
    Time due;
    std::unique_ptr<Timer> timer;
  };
  std::vector<Entry> entries(count);
  for (int i = 0; i < count; ++i) entries[i].timer = timer(i);
  const auto any_time = [&] { return at(Duration(random() % (Duration(100s).count()))); };
  for (auto& e : entries) e.timer->set(timers, e.due = any_time());
  for (int i = 0; i < count; i += 3) entries[i].timer->set(timers, entries[i].due = any_time());
  for (int i = 0; i < count; i += 7) entries[i].timer->clear();

  std::vector<Time> fired_at(count, kNever);
  std::size_t seen = 0;
  for (Time now = at(0ns); now < at(101s); now += 1ms * (1 + random() % 20)) {
    timers.expire(now);
    for (; seen < fired.size(); ++seen) fired_at[fired[seen]] = now;
  }
  for (int i = 0; i < count; ++i) {
    if (i % 7 == 0) {
      EXPECT_EQ(fired_at[i], kNever);
      continue;
    }
    ASSERT_GE(fired_at[i], entries[i].due);
    ASSERT_LE(fired_at[i], entries[i].due + Timers::kTick + 20ms);
  }
}

}  // namespace
}  // namespace sluice::net
