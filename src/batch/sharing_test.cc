// What lets a statement share, and how deep is deep enough, on a clock of the test's own.
#include "sluice/batch/sharing.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace sluice::batch {
namespace {

using namespace std::chrono_literals;

class ExpectationTest : public ::testing::Test {
 protected:
  static constexpr Duration kShort = 1ms, kLong = 3ms;

  void alone(int times, Duration took = kShort, std::size_t bytes = 100) {
    for (int i = 0; i < times; ++i) one.note(took, bytes, false, now, bounds);
  }
  void shared(int times, Duration took = kShort, std::size_t bytes = 100) {
    for (int i = 0; i < times; ++i) one.note(took, bytes, true, now, bounds);
  }
  // Nearly always short: one in ten isn't.
  void nearly_short(int tens) {
    for (int i = 0; i < tens; ++i) {
      alone(1, kLong);
      alone(9);
    }
  }
  // Until it shares, at most `tens` tens of executions alone.
  bool gets_a_trial(int tens) {
    for (int i = 0; i < tens && one.verdict() != Alone::no; ++i) nearly_short(1);
    return one.verdict() == Alone::no;
  }

  Expectation::Bounds bounds;
  Expectation one;
  Time now = Time{} + 1h;
};

TEST_F(ExpectationTest, nothing_is_expected_without_proof) {
  alone(19);
  EXPECT_EQ(one.verdict(), Alone::unproven);
  alone(1);
  EXPECT_EQ(one.verdict(), Alone::no);
}

TEST_F(ExpectationTest, what_takes_long_is_slow) {
  alone(19);
  alone(1, kLong);  // one in twenty
  EXPECT_EQ(one.verdict(), Alone::slow);
}

TEST_F(ExpectationTest, exactly_the_bound_is_short_enough) {
  alone(20, bounds.brief, bounds.large);
  EXPECT_EQ(one.verdict(), Alone::no);
}

TEST_F(ExpectationTest, what_brings_much_is_large_however_short) {
  alone(19);
  alone(1, kShort, bounds.large + 1);
  EXPECT_EQ(one.verdict(), Alone::large);
}

TEST_F(ExpectationTest, one_in_a_hundred_may_be_slow) {
  alone(1, kLong);
  alone(98);
  EXPECT_EQ(one.verdict(), Alone::slow);
  alone(1);
  EXPECT_EQ(one.verdict(), Alone::no);
}

TEST_F(ExpectationTest, what_is_nearly_always_short_gets_a_trial) {
  nearly_short(9);
  EXPECT_EQ(one.verdict(), Alone::slow);
  EXPECT_TRUE(gets_a_trial(2));
  shared(2000);
  EXPECT_EQ(one.verdict(), Alone::no);
}

TEST_F(ExpectationTest, what_is_often_slow_gets_none) {
  for (int i = 0; i < 500; ++i) {
    alone(1, kLong);
    alone(2);
    ASSERT_TRUE(one.verdict() == Alone::slow || one.verdict() == Alone::unproven);
  }
}

TEST_F(ExpectationTest, large_results_get_no_trial) {
  for (int i = 0; i < 500; ++i) {
    alone(1, kShort, bounds.large + 1);
    alone(9);
    ASSERT_TRUE(one.verdict() == Alone::large || one.verdict() == Alone::unproven);
  }
}

TEST_F(ExpectationTest, slow_among_others_ends_the_sharing_once_it_is_clear) {
  alone(20);
  shared(96);
  shared(3, kLong);
  EXPECT_EQ(one.verdict(), Alone::no);  // 99 are no judgement
  shared(1);
  EXPECT_EQ(one.verdict(), Alone::slow);
}

TEST_F(ExpectationTest, less_than_two_in_a_hundred_among_others_are_no_evidence) {
  alone(20);
  for (int i = 0; i < 100; ++i) {
    shared(59);
    shared(1, kLong);
    ASSERT_EQ(one.verdict(), Alone::no);
  }
}

TEST_F(ExpectationTest, large_among_others_ends_the_sharing_too) {
  alone(20);
  shared(97);
  shared(3, kShort, bounds.large + 1);
  EXPECT_EQ(one.verdict(), Alone::large);
}

// Each trial that fails makes the rest before the next one four times as long, up to a bound.
TEST_F(ExpectationTest, failed_trials_wait_longer_and_longer) {
  ASSERT_TRUE(gets_a_trial(20));
  Duration rest = Expectation::kFirstRest;
  for (int trial = 0; trial < 8; ++trial) {
    shared(100, kLong);
    ASSERT_EQ(one.verdict(), Alone::slow);
    now += rest - 1ms;
    EXPECT_FALSE(gets_a_trial(50)) << trial;
    now += 1ms;
    ASSERT_TRUE(gets_a_trial(20)) << trial;
    rest = std::min<Duration>(rest * 4, Expectation::kLongestRest);
  }
  EXPECT_EQ(rest, Expectation::kLongestRest);
}

TEST_F(ExpectationTest, a_trial_that_lasts_makes_the_next_rest_short_again) {
  ASSERT_TRUE(gets_a_trial(20));
  for (int trial = 0; trial < 3; ++trial) {
    shared(100, kLong);
    now += Expectation::kLongestRest;
    ASSERT_TRUE(gets_a_trial(20));
  }
  shared(512);  // it stands
  shared(100, kLong);
  ASSERT_EQ(one.verdict(), Alone::slow);
  now += Expectation::kFirstRest;
  EXPECT_TRUE(gets_a_trial(20));
}

// Half of what was is forgotten with every 1024 executions.
TEST_F(ExpectationTest, the_past_counts_for_less_and_less) {
  alone(20);
  ASSERT_EQ(one.verdict(), Alone::no);
  shared(5000);
  shared(20, kLong);  // of 5000 these would be nothing
  EXPECT_EQ(one.verdict(), Alone::slow);
}

// A server that answers the sooner the nearer the depth is to `best`, under a steady load.
class DepthControlTest : public ::testing::Test {
 protected:
  using Curve = std::function<Duration(unsigned depth)>;

  void run(int epochs, const Curve& latency, unsigned load = 100, int answers = 200) {
    for (int i = 0; i < epochs; ++i) {
      for (int k = 0; k < answers; ++k) control.note(latency(control.depth()), load);
      control.turn(now += DepthControl::kEpoch);
      ++spent[control.depth()];
    }
  }
  // Where it spent most of the last epochs.
  unsigned favourite(int epochs, const Curve& latency, unsigned load = 100) {
    spent.clear();
    run(epochs, latency, load);
    return std::ranges::max_element(spent, {}, [](const auto& s) { return s.second; })->first;
  }
  static Curve best_at(unsigned best) {
    return [best](unsigned depth) {
      const double ratio = depth > best ? double(depth) / best : double(best) / depth;
      return Duration(static_cast<std::int64_t>(200'000 * ratio));
    };
  }

  DepthControl control;
  Time now = Time{} + 1h;
  std::map<unsigned, int> spent;
};

TEST_F(DepthControlTest, finds_the_depth_that_answers_soonest) {
  for (const unsigned best : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) {
    control = {};
    run(200, best_at(best));
    EXPECT_EQ(favourite(200, best_at(best)), best);
    EXPECT_GE(spent[best], 150) << best;  // it looks around but seldom
  }
}

TEST_F(DepthControlTest, prefers_the_deeper_of_equals) {
  const auto flat_from_four = [](unsigned depth) -> Duration { return depth >= 4 ? 200us : 900us; };
  run(300, flat_from_four);
  EXPECT_EQ(favourite(200, flat_from_four), DepthControl::kDeepest);
  control = {};
  const auto steps = [](unsigned depth) { return std::max<Duration>(200us, depth * 25us); };
  run(300, steps);
  EXPECT_EQ(favourite(200, steps), 8u);
}

TEST_F(DepthControlTest, learns_anew_when_the_load_changes) {
  run(200, best_at(4), 100);
  ASSERT_EQ(favourite(100, best_at(4), 100), 4u);
  run(100, best_at(32), 400);
  EXPECT_EQ(favourite(100, best_at(32), 400), 32u);
}

// With the same load it finds out too, by looking around.
TEST_F(DepthControlTest, follows_a_server_that_changes) {
  run(200, best_at(4));
  run(400, best_at(16));
  EXPECT_EQ(favourite(200, best_at(16)), 16u);
}

TEST_F(DepthControlTest, a_few_answers_say_nothing) {
  const unsigned before = control.depth();
  run(100, best_at(1), 100, 63);
  EXPECT_EQ(control.depth(), before);
  EXPECT_EQ(control.mean_latency(), Duration::zero());
}

TEST_F(DepthControlTest, an_epoch_lasts_its_time) {
  run(1, best_at(16));
  for (int i = 0; i < 200; ++i) control.note(5ms, 100);
  control.turn(now + DepthControl::kEpoch - 1ms);
  EXPECT_EQ(control.mean_latency(), 200us);
  control.turn(now + DepthControl::kEpoch);
  EXPECT_EQ(control.mean_latency(), 5ms);
}

TEST(SharingTotalsTest, adds_up_what_workers_did) {
  SharingFigures one, other;
  one.statements = 30;
  one.alone[static_cast<std::size_t>(Alone::slow)] = 5;
  one.lanes = 2, one.under_way = 7, one.waiting = 1;
  one.stalls = 1, one.rescues = 2, one.reruns = 3, one.orphans = 4, one.cancelled = 5;
  one.depth = 16, one.latency_ns = 1000;
  other.statements = 10;
  other.alone[static_cast<std::size_t>(Alone::slow)] = 1;
  other.alone[static_cast<std::size_t>(Alone::writes)] = 4;
  other.lanes = 1, other.stalls = 10, other.rescues = 20, other.reruns = 30, other.orphans = 40;
  other.cancelled = 50, other.depth = 8, other.latency_ns = 3000;
  SharingTotals all;
  EXPECT_EQ(all.share(), 0);
  all.add(one);
  all.add(other);
  EXPECT_EQ(all.statements, 40u);
  EXPECT_EQ(all.alone[static_cast<std::size_t>(Alone::slow)], 6u);
  EXPECT_EQ(all.alone[static_cast<std::size_t>(Alone::writes)], 4u);
  EXPECT_DOUBLE_EQ(all.share(), 0.8);
  EXPECT_EQ(all.lanes, 3);
  EXPECT_EQ(all.under_way, 7);
  EXPECT_EQ(all.waiting, 1);
  EXPECT_EQ(all.stalls, 11u);
  EXPECT_EQ(all.rescues, 22u);
  EXPECT_EQ(all.reruns, 33u);
  EXPECT_EQ(all.orphans, 44u);
  EXPECT_EQ(all.cancelled, 55u);
  EXPECT_EQ(all.depth, 16u);       // the deepest
  EXPECT_EQ(all.latency, 3000ns);  // the longest
}

TEST(SharingTest, every_reason_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Alone::kCount); ++i) {
    const auto name = name_of(static_cast<Alone>(i));
    EXPECT_FALSE(name.empty()) << i;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace sluice::batch
