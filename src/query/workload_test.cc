// Workload and Recorder: what is counted, by whom it may be read, and that it stays bounded.
#include "sluice/query/workload.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/workload_testing.h"

namespace sluice::query {
namespace {

using testing::Execution;
using testing::kStart;
using testing::statement;
using testing::text;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class WorkloadTest : public ::testing::Test {
 protected:
  QueryStats only(const Workload& workload) {
    const auto all = workload.snapshot();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? QueryStats{} : all[0];
  }

  Templates templates_;
  Workload workload_{WorkloadOptions{}, 2, templates_};
  Recorder& one_ = workload_.recorder(0);
  Recorder& two_ = workload_.recorder(1);
  TemplateRef by_id_ = statement("select * from users where id = ?");
};

TEST_F(WorkloadTest, time_is_split_by_where_it_was_spent) {
  RunRef run = one_.begin({.statement = by_id_, .arrived = kStart, .pool_wait = 2ms});
  run->sent(kStart + 5ms);
  run->row(100, kStart + 11ms);
  run->row(50, kStart + 12ms);
  run->finish({.at = kStart + 15ms});
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.total, 15ms);
  EXPECT_EQ(seen.queue, 3ms);
  EXPECT_EQ(seen.pool_wait, 2ms);
  EXPECT_EQ(seen.server, 6ms);
  EXPECT_EQ(seen.transfer, 4ms);
  EXPECT_EQ(seen.rows, 2U);
  EXPECT_EQ(seen.bytes, 150U);
}

TEST_F(WorkloadTest, a_wait_for_a_connection_may_be_told_later) {
  RunRef run = one_.begin({.statement = by_id_, .arrived = kStart});
  run->pool_wait(3ms);
  run->sent(kStart + 5ms);
  run->finish({.at = kStart + 6ms});
  EXPECT_EQ(only(workload_).pool_wait, 3ms);
  EXPECT_EQ(only(workload_).queue, 2ms);
}

TEST_F(WorkloadTest, times_in_a_wrong_order_still_add_up) {
  RunRef run = one_.begin({.statement = by_id_, .arrived = kStart, .pool_wait = 1h});
  run->sent(kStart - 5ms);
  run->row(1, kStart + 3h);
  run->finish({.at = kStart + 2ms});
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.total, 2ms);
  EXPECT_EQ(seen.queue + seen.pool_wait + seen.server + seen.transfer, seen.total);
}

TEST_F(WorkloadTest, workers_are_added_up) {
  Execution{.statement = by_id_, .took = 4ms, .finish = {.rows = 1}}.on(one_);
  Execution{.statement = by_id_, .took = 6ms, .finish = {.rows = 7}}.on(two_);
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.calls, 2U);
  EXPECT_EQ(seen.total, 10ms);
  EXPECT_EQ(seen.max, 6ms);
  EXPECT_EQ(seen.rows, 8U);
  EXPECT_EQ(seen.max_rows, 7U);
  EXPECT_EQ(seen.latency.count, 2U);
  EXPECT_EQ(workload_.find(by_id_->fingerprint())->calls, 2U);
  EXPECT_FALSE(workload_.find(Fingerprint{1, 2}));
  EXPECT_EQ(workload_.totals().calls, 2U);
  EXPECT_EQ(workload_.totals().fingerprints, 1U);
}

TEST_F(WorkloadTest, a_run_without_an_end_is_lost_and_not_called) {
  {
    const RunRef run = one_.begin({.statement = by_id_, .arrived = kStart});
  }
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.lost, 1U);
  EXPECT_EQ(seen.calls, 0U);
}

TEST_F(WorkloadTest, errors_are_told_apart_by_state) {
  for (const char* state : {"23505", "40001", "23505", "57014"})
    Execution{.statement = by_id_, .finish = {.sqlstate = state}}.on(one_);
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.calls, 4U);
  EXPECT_EQ(seen.errors, 3U);
  EXPECT_EQ(seen.cancelled, 1U);
  EXPECT_THAT(seen.states, ElementsAre(Pair("23505", 2U), Pair("40001", 1U)));
}

TEST_F(WorkloadTest, states_without_end_are_bounded) {
  for (int i = 0; i < 100; ++i) {
    const std::string state = std::to_string(10000 + i);
    Execution{.statement = by_id_, .finish = {.sqlstate = state}}.on(one_);
  }
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.states.size(), 16U);
  std::uint64_t sum = 0;
  for (const auto& [state, count] : seen.states) sum += count;
  EXPECT_EQ(sum, seen.errors);
}

TEST_F(WorkloadTest, callers_come_by_time) {
  const auto run = [&](Recorder& recorder, std::string_view application, Duration took) {
    Execution{.statement = by_id_,
              .took = took,
              .start = {.application = application, .comment = "controller='users'"}}
        .on(recorder);
  };
  run(one_, "web", 3ms);
  run(one_, "cron", 5ms);
  run(two_, "web", 4ms);
  const QueryStats seen = only(workload_);
  ASSERT_EQ(seen.callers.size(), 2U);
  EXPECT_EQ(seen.callers[0].caller, (Caller{"web", "controller=users"}));
  EXPECT_EQ(seen.callers[0].calls, 2U);
  EXPECT_EQ(seen.callers[0].total, 7ms);
}

TEST_F(WorkloadTest, many_callers_leave_the_costliest) {
  for (int i = 0; i < 100; ++i) {
    const std::string name = "app" + std::to_string(i);
    Execution{.statement = by_id_, .took = 1ms, .start = {.application = name}}.on(one_);
    Execution{.statement = by_id_, .took = 50ms, .start = {.application = "heavy"}}.on(one_);
  }
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.callers.size(), 8U);
  EXPECT_EQ(seen.callers[0].caller.application, "heavy");
  EXPECT_EQ(seen.callers[0].calls, 100U);
}

TEST_F(WorkloadTest, database_and_user_are_those_of_the_first) {
  Execution{.statement = by_id_, .start = {.database = "app", .user = "alice"}}.on(one_);
  Execution{.statement = by_id_, .start = {.database = "app", .user = "bob"}}.on(one_);
  EXPECT_EQ(only(workload_).user, "alice");
}

TEST_F(WorkloadTest, manners_are_counted) {
  for (const Manner manner : {Manner::simple, Manner::prepared, Manner::prepared, Manner::unnamed})
    Execution{.statement = by_id_, .start = {.manner = manner}}.on(one_);
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.simple, 1U);
  EXPECT_EQ(seen.prepared, 2U);
  EXPECT_EQ(seen.unnamed, 1U);
}

TEST_F(WorkloadTest, samples_are_kept_uniformly_and_of_the_slowest) {
  for (int i = 1; i <= 100; ++i) {
    const std::string id = std::to_string(i);
    Execution{.statement = by_id_, .values = {text(id, 23)}, .took = i * 1ms}.on(i % 2 ? one_
                                                                                       : two_);
  }
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.uniform.size(), 8U);
  ASSERT_EQ(seen.slowest.size(), 8U);
  EXPECT_THAT(seen.slowest[0].values, ElementsAre("100"));
  EXPECT_EQ(seen.slowest[7].took, 93ms);
  EXPECT_GT(seen.slowest[0].at, 1'600'000'000);
  for (const Sample& sample : seen.uniform)
    EXPECT_EQ(sample.values.at(0), std::to_string(sample.took / 1ms));
}

TEST_F(WorkloadTest, samples_of_many_and_long_values_are_cut) {
  const std::string longer(5000, 'x');
  const std::vector<Value> values(40, text(longer, 25));
  WorkloadOptions options;
  options.redact = WorkloadOptions::Redact::none;
  workload_.configure(options);
  Execution{.statement = by_id_, .values = values}.on(one_);
  const auto shown = only(workload_).slowest.at(0).values;
  ASSERT_EQ(shown.size(), 33U);
  EXPECT_EQ(shown[0], "'" + std::string(256, 'x') + "...'");
  EXPECT_EQ(shown[31], "'...'");
  EXPECT_EQ(shown[32], "(8 more)");
}

TEST_F(WorkloadTest, pauses_belong_to_the_statement_before) {
  Execution{.statement = by_id_}.on(one_);
  one_.pause(by_id_, 3ms);
  one_.pause(by_id_, 7ms);
  one_.pause(statement("never seen"), 1s);
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.pauses, 2U);
  EXPECT_EQ(seen.pause_total, 10ms);
  EXPECT_EQ(seen.pause_max, 7ms);
}

TEST_F(WorkloadTest, slow_statements_are_kept_newest_first_and_told) {
  WorkloadOptions options;
  options.slow = 100ms;
  options.slow_samples = 3;
  workload_.configure(options);
  std::vector<std::uint64_t> told;
  workload_.on_slow([&](const SlowQuery& slow) {
    told.push_back(slow.id);
    workload_.explained(slow.id, "[]");  // no lock is held
  });
  for (const Duration took : {99ms, 100ms, 101ms, 102ms, 103ms})
    Execution{.statement = by_id_,
              .values = {text("7", 23)},
              .took = took,
              .start = {.application = "web", .database = "app", .user = "bob"}}
        .on(one_);
  EXPECT_THAT(told, ElementsAre(1U, 2U, 3U, 4U));
  const auto slow = workload_.slow_queries();
  ASSERT_EQ(slow.size(), 3U);
  EXPECT_EQ(slow[0].id, 4U);
  EXPECT_EQ(slow[0].sample.took, 103ms);
  EXPECT_THAT(slow[0].sample.values, ElementsAre("7"));
  EXPECT_EQ(slow[0].user, "bob");
  EXPECT_EQ(slow[0].caller.application, "web");
  EXPECT_EQ(slow[0].plan, "[]");
  EXPECT_EQ(slow[0].server, 102ms);
  EXPECT_EQ(only(workload_).slow, 4U);
}

TEST_F(WorkloadTest, texts_without_fingerprint_are_counted_by_reason) {
  one_.unanalysed("too long", 70'000);
  two_.unanalysed("too long", 70'000);
  two_.unanalysed("invalid character", 3);
  const auto totals = workload_.totals();
  EXPECT_EQ(totals.unanalysed, 3U);
  EXPECT_THAT(totals.unanalysed_by,
              ::testing::UnorderedElementsAre(Pair("too long", 2U), Pair("invalid character", 1U)));
}

TEST_F(WorkloadTest, a_short_snapshot_has_the_costliest) {
  for (int i = 1; i <= 50; ++i) {
    const TemplateRef one = statement("select " + std::to_string(i));
    Execution{.statement = one, .took = i * 1ms}.on(one_);
    if (i == 1) Execution{.statement = one, .took = 1s}.on(two_);
  }
  std::vector<std::string> texts;
  for (const QueryStats& seen : workload_.snapshot(3)) texts.push_back(seen.statement->text());
  EXPECT_THAT(texts, ::testing::UnorderedElementsAre("select 1", "select 50", "select 49"));
  EXPECT_EQ(workload_.snapshot().size(), 50U);
}

TEST_F(WorkloadTest, a_reset_begins_anew_and_runs_under_way_count_to_the_time_after) {
  Execution{.statement = by_id_}.on(one_);
  Execution{.statement = by_id_}.on(two_);
  RunRef under_way = one_.begin({.statement = by_id_, .arrived = kStart});
  workload_.reset();
  EXPECT_THAT(workload_.snapshot(), IsEmpty());
  EXPECT_EQ(workload_.totals().calls, 0U);
  under_way->finish({.at = kStart + 2ms});
  EXPECT_EQ(only(workload_).calls, 1U);
  EXPECT_EQ(only(workload_).total, 2ms);
  EXPECT_EQ(workload_.totals().calls, 1U);
}

TEST_F(WorkloadTest, what_is_restored_goes_on) {
  for (int i = 1; i <= 20; ++i) {
    const std::string id = std::to_string(i);
    Execution{.statement = by_id_,
              .values = {text(id, 23)},
              .took = i * 1ms,
              .finish = {.sqlstate = i == 3 ? "23505" : ""},
              .start = {.application = "web", .database = "app", .user = "bob"}}
        .on(one_);
  }
  const QueryStats before = only(workload_);
  Workload next{WorkloadOptions{}, 3, templates_};
  next.restore({before}, {SlowQuery{.statement = by_id_, .id = 41}});
  const QueryStats after = only(next);
  EXPECT_EQ(after.calls, 20U);
  EXPECT_EQ(after.total, before.total);
  EXPECT_EQ(after.latency, before.latency);
  EXPECT_EQ(after.states, before.states);
  EXPECT_EQ(after.user, "bob");
  EXPECT_EQ(after.callers.at(0).calls, 20U);
  EXPECT_EQ(after.slowest.at(0).values, before.slowest.at(0).values);
  EXPECT_EQ(after.first_seen, before.first_seen);
  EXPECT_EQ(next.totals().calls, 20U);
  EXPECT_EQ(next.slow_queries().at(0).id, 41U);
  Execution{.statement = by_id_, .took = 2s}.on(next.recorder(1));
  EXPECT_EQ(only(next).calls, 21U);
  EXPECT_EQ(next.slow_queries().at(0).id, 42U);
}

TEST_F(WorkloadTest, quantiles_agree_with_exact_ones) {
  std::vector<Duration> exact;
  std::uint64_t x = 1;
  for (int i = 0; i < 5000; ++i) {
    x = x * 6364136223846793005 + 1442695040888963407;
    exact.emplace_back(50'000 + static_cast<std::int64_t>((x >> 40) * (x >> 52)) / 100);
    Execution{.statement = by_id_, .took = exact.back()}.on(i % 2 ? one_ : two_);
  }
  std::ranges::sort(exact);
  const QueryStats seen = only(workload_);
  for (const double q : {0.5, 0.95, 0.99}) {
    const auto rank = static_cast<std::size_t>(q * static_cast<double>(exact.size())) - 1;
    const double wanted = std::chrono::duration<double>(exact[rank]).count();
    EXPECT_NEAR(seen.latency.quantile(q) / wanted, 1.0, 0.044) << q;
  }
}

}  // namespace
}  // namespace sluice::query
