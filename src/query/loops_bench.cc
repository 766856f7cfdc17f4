// What a statement costs the detector's thread. Not a request: those only write the journal.
#include <random>
#include <string>

#include <benchmark/benchmark.h>

#include "query/loops_testing.h"

namespace sluice::query {
namespace {

constexpr int kEvents = 20'000;

void feed(benchmark::State& state, Story& story) {
  const std::string journal = story.journal();
  std::uint64_t events = 0;
  for (auto _ : state) {
    LoopDetector detector;
    detector.feed(journal);
    detector.flush();
    events += detector.events();
    benchmark::DoNotOptimize(detector.findings());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
  state.counters["event"] = benchmark::Counter(
      static_cast<double>(events), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// pgbench -S on 16 sessions: one key, one row of one column.
void feed_plain_stream(benchmark::State& state) {
  Story story;
  std::mt19937 random(1);
  for (int i = 0; i < kEvents; ++i) {
    const std::string key = std::to_string(random() % 100'000);
    story.say({.text = "select abalance from pgbench_accounts where aid = $1",
               .values = {key},
               .rows = {{"-" + key}},
               .session = random() % 16 + 1});
  }
  feed(state, story);
}

// Twenty statements of an application in any order, five rows of four columns each.
void feed_mixed_stream(benchmark::State& state) {
  Story story;
  std::mt19937 random(2);
  for (int i = 0; i < kEvents; ++i) {
    TestStatement statement{.text = "select * from t" + std::to_string(random() % 20),
                            .values = {std::to_string(random() % 1000)},
                            .session = random() % 16 + 1};
    for (int row = 0; row < 5; ++row) {
      statement.rows.push_back({std::to_string(random() % 5000), "a", "b", "c"});
    }
    story.say(statement);
  }
  feed(state, story);
}

// Nothing but loops: 50 rows, then a statement for each.
void feed_loops(benchmark::State& state) {
  Story story;
  for (int i = 0; i < kEvents; ++i) {
    TestStatement statement{.text = "select id from books where author_id = $1",
                            .values = {std::to_string(1000 + i % 51)},
                            .rows = {{"x"}, {"y"}, {"z"}}};
    if (i % 51 == 0) {
      statement = {.text = "select id from authors"};
      for (int row = 1; row <= 50; ++row) statement.rows.push_back({std::to_string(1000 + row)});
    }
    story.say(statement);
  }
  feed(state, story);
}

BENCHMARK(feed_plain_stream)->Unit(benchmark::kMillisecond);
BENCHMARK(feed_mixed_stream)->Unit(benchmark::kMillisecond);
BENCHMARK(feed_loops)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::query
