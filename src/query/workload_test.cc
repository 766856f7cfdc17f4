// Workload and Recorder: what is counted, by whom it may be read, and that it stays bounded.
#include "sluice/workload.h"

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
  { const RunRef run = one_.begin({.statement = by_id_, .arrived = kStart}); }
  const QueryStats seen = only(workload_);
  EXPECT_EQ(seen.lost, 1U);
  EXPECT_EQ(seen.calls, 0U);
}

}  // namespace
}  // namespace sluice::query
