// Workers and readers at once: counts stay exact, and the thread sanitizer has nothing to say.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "query/workload_testing.h"

namespace sluice::query {
namespace {

using testing::Execution;
using testing::statement;
using testing::text;
using namespace std::chrono_literals;

class WorkloadThreadsTest : public ::testing::Test {
 protected:
  static constexpr unsigned kWorkers = 2;
  static constexpr int kRuns = 5000;

  // Statements of all kinds until each worker has done its number, readers beside them.
  void traffic(Workload& workload) {
    std::atomic<unsigned> busy = kWorkers;
    {
      std::vector<std::jthread> threads;
      for (unsigned worker = 0; worker < kWorkers; ++worker)
        threads.emplace_back([&, worker] {
          work(workload.recorder(worker), worker);
          --busy;
        });
      threads.emplace_back([&] {
        while (busy > 0) read(workload);
      });
      read(workload);
    }
  }

  void work(Recorder& recorder, unsigned worker) {
    for (int i = 0; i < kRuns; ++i) {
      const std::string id = std::to_string(i);
      Execution{.statement = statements_[static_cast<std::size_t>(i) % statements_.size()],
                .values = {text(id, 23)},
                .took = (1 + i % 100) * 1ms,
                .finish = {.sqlstate = i % 10 == 0 ? "23505" : ""},
                .start = {.client = worker + 1, .application = i % 2 ? "web" : "cron"}}
          .on(recorder);
      if (i % 50 == 0) recorder.unanalysed("too long", 70'000);
      if (i % 50 == 1) recorder.pause(statements_[0], 1ms);
    }
  }

  void read(Workload& workload) {
    for (const QueryStats& one : workload.snapshot()) read_ += one.calls + one.uniform.size();
    for (const QueryStats& one : workload.snapshot(5)) read_ += one.calls;
    read_ += workload.totals().calls + workload.slow_queries().size();
    if (workload.find(statements_[0]->fingerprint())) ++read_;
    for (unsigned worker = 0; worker < kWorkers; ++worker) {
      read_ += workload.recorder(worker).take_journal().size();
      workload.recorder(worker).pass_over(worker + 1, statements_[worker]->fingerprint());
    }
  }

  std::vector<TemplateRef> statements_ = [] {
    std::vector<TemplateRef> made;
    for (int i = 0; i < 500; ++i) made.push_back(statement("select " + std::to_string(i)));
    return made;
  }();
  std::atomic<std::uint64_t> read_ = 0;
  Templates templates_;
};

TEST_F(WorkloadThreadsTest, counts_stay_exact_beside_readers) {
  WorkloadOptions options;
  options.slow = 99ms;
  Workload workload(options, kWorkers, templates_);
  traffic(workload);
  std::uint64_t calls = 0;
  for (const QueryStats& one : workload.snapshot()) calls += one.calls;
  EXPECT_EQ(calls, std::uint64_t{kWorkers} * kRuns);
  EXPECT_EQ(workload.totals().errors, calls / 10);
  EXPECT_EQ(workload.slow_queries().size(), 200U);
  EXPECT_GT(read_, 0U);
}

TEST_F(WorkloadThreadsTest, forgetting_resets_and_options_come_beside_traffic) {
  WorkloadOptions options;
  options.max_bytes = 512 << 10;
  options.slow = 99ms;
  Workload workload(options, kWorkers, templates_);
  std::jthread changes([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      workload.reset();
      options.journal = !options.journal;
      workload.configure(options);
      workload.explained(1, "[]");
      std::this_thread::yield();
    }
  });
  traffic(workload);
  changes.request_stop();
  changes.join();
  EXPECT_LE(workload.totals().bytes, options.max_bytes);
}

}  // namespace
}  // namespace sluice::query
