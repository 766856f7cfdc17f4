// Forgetting: more statements than there is memory for, and still the ones that matter.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include "query/entry.h"
#include "query/workload_testing.h"

namespace sluice::query {
namespace {

using testing::Execution;
using testing::kStart;
using testing::statement;
using testing::text;
using namespace std::chrono_literals;

WorkloadOptions small(std::size_t max_bytes) {
  WorkloadOptions options;
  options.max_bytes = max_bytes;
  options.slow = -1ns;
  options.journal = false;
  return options;
}

// Of this thread: what others do on the machine doesn't count.
Duration cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST(ForgettingTest, a_fresh_entry_is_small) {
  Templates templates;
  Workload workload(small(32 << 20), 1, templates);
  constexpr std::size_t kEntries = 1000;
  std::size_t statements = 0;
  for (std::size_t i = 0; i < kEntries; ++i) {
    const TemplateRef one = statement("select " + std::to_string(i));
    statements += Entry(one).statement_bytes;
    Execution{.statement = one, .values = {text("42", 23)}}.on(workload.recorder(0));
  }
  const std::size_t each = (workload.totals().bytes - statements) / kEntries;
  RecordProperty("bytes", std::to_string(each));
  EXPECT_LE(each, 800U);
}

// 100,000 statements, the cost of the n-th like 1/n, in any order.
TEST(ForgettingTest, the_costliest_stay_and_the_bound_holds) {
  constexpr std::size_t kStatements = 100'000, kRuns = 400'000, kTop = 100, kMaxBytes = 16 << 20;
  Templates templates;
  Workload workload(small(kMaxBytes), 1, templates);
  std::vector<TemplateRef> statements;
  for (std::size_t i = 0; i < kStatements; ++i)
    statements.push_back(statement("select * from t where c" + std::to_string(i) + " = ?"));
  std::vector<Duration> exact(kStatements);
  std::mt19937_64 random(11);
  Duration longest{};
  for (std::size_t run = 0; run < kRuns; ++run) {
    // each at least once, the others by their weight
    const double share = std::uniform_real_distribution<double>(0, 1)(random);
    const auto skewed = static_cast<std::size_t>(std::pow(double{kStatements}, share)) - 1;
    const std::size_t i = run % 4 == 0 ? run / 4 : std::min(skewed, kStatements - 1);
    const Duration took = 100us + Duration(10'000'000 / static_cast<std::int64_t>(i + 1));
    exact[i] += took;
    const std::string value = std::to_string(run);
    const Duration before = cpu_time();
    Execution{.statement = statements[i], .values = {text(value, 23)}, .took = took}.on(
        workload.recorder(0));
    longest = std::max(longest, cpu_time() - before);
    if (run % 5000 == 0) {
      ASSERT_LE(workload.totals().bytes, kMaxBytes) << run;
    }
  }
  const auto totals = workload.totals();
  EXPECT_LE(totals.bytes, kMaxBytes);
  EXPECT_GT(totals.bytes, kMaxBytes / 2);
  EXPECT_GT(totals.forgotten, 0U);
  EXPECT_EQ(totals.calls, kRuns);

  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < kStatements; ++i) index[statements[i]->text()] = i;
  std::set<std::size_t> seen;
  Duration all{}, known{};
  for (const QueryStats& one : workload.snapshot(kTop))
    seen.insert(index.at(one.statement->text()));
  for (const QueryStats& one : workload.snapshot()) {
    const std::size_t i = index.at(one.statement->text());
    EXPECT_LE(one.total, exact[i]);
    known += one.total;
  }
  for (const Duration one : exact) all += one;
  EXPECT_EQ(known + totals.forgotten_time, all);

  std::vector<std::size_t> order(kStatements);
  for (std::size_t i = 0; i < kStatements; ++i) order[i] = i;
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return exact[i]; });
  EXPECT_EQ(seen, std::set<std::size_t>(order.begin(), order.begin() + kTop));
  RecordProperty("longest_us", std::to_string(longest / 1us));
  RecordProperty("fingerprints", std::to_string(totals.fingerprints));
  EXPECT_LT(longest, 50ms);  // with sanitizers and on slow machines; 1 ms is meant
}

TEST(ForgettingTest, an_entry_with_a_run_under_way_stays) {
  Templates templates;
  Workload workload(small(1 << 20), 1, templates);
  const TemplateRef patient = statement("select pg_sleep(?)");
  RunRef run = workload.recorder(0).begin({.statement = patient, .arrived = kStart});
  for (int i = 0; i < 5000; ++i)
    Execution{.statement = statement("select " + std::to_string(i))}.on(workload.recorder(0));
  EXPECT_GT(workload.totals().forgotten, 1000U);
  run->finish({.at = kStart + 1h});
  EXPECT_EQ(workload.find(patient->fingerprint())->total, 1h);
}

TEST(ForgettingTest, what_has_no_room_at_all_is_counted_as_forgotten) {
  Templates templates;
  Workload workload(small(100), 1, templates);
  Execution{.statement = statement("select 1")}.on(workload.recorder(0));
  const auto totals = workload.totals();
  EXPECT_EQ(totals.fingerprints, 0U);
  EXPECT_EQ(totals.calls, 1U);
  EXPECT_EQ(totals.forgotten, 1U);
  EXPECT_EQ(totals.forgotten_time, 5ms);
}

TEST(ForgettingTest, a_lower_bound_is_reached_as_statements_come) {
  Templates templates;
  Workload workload(small(8 << 20), 1, templates);
  for (int i = 0; i < 5000; ++i)
    Execution{.statement = statement("select " + std::to_string(i))}.on(workload.recorder(0));
  workload.configure(small(1 << 20));
  const TemplateRef one = statement("select * from t");
  for (int i = 0; i < 5000; ++i) Execution{.statement = one}.on(workload.recorder(0));
  EXPECT_LE(workload.totals().bytes, std::size_t{1} << 20);
}

}  // namespace
}  // namespace sluice::query
