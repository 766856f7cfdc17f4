// What a request pays for its metrics: the goals are 1.5 ns for a counter, 5 ns for a histogram.
#include <array>
#include <string>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "monitor/metrics.h"
#include "monitor/prometheus.h"

namespace sluice::monitor {
namespace {

// One counter again and again measures how fast the CPU forwards a store to the next load; a request
// bumps several different ones.
void counter_add(benchmark::State& state) {
  static Registry registry;
  std::array<Counter, 8> counters;
  for (std::size_t i = 0; i < counters.size(); ++i)
    counters[i] = registry.counter("sluice_bench_total", "Bench.", {{"i", std::to_string(i)}});
  for (auto _ : state) {
    for (const Counter& counter : counters) {
      counter.add();
      benchmark::ClobberMemory();
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(counters.size()));
}
BENCHMARK(counter_add)->ThreadRange(1, 2);

void histogram_record(benchmark::State& state) {
  static Registry registry;
  const Histogram histogram = registry.histogram("sluice_bench_seconds", "Bench.");
  Random random(1);
  std::array<std::uint64_t, 1024> values;
  for (auto& v : values) v = 10'000 + random.below(10'000'000);
  std::size_t i = 0;
  for (auto _ : state) {
    histogram.record(values[i++ % values.size()]);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(histogram_record)->ThreadRange(1, 2);

void collect_and_write(benchmark::State& state) {
  Registry registry;
  for (int i = 0; i < 20; ++i)
    registry.histogram("sluice_bench_seconds", "Bench.", {{"i", std::to_string(i)}})
        .record(std::uint64_t{1'000'000});
  for (int i = 0; i < 200; ++i)
    registry.counter("sluice_bench_total", "Bench.", {{"i", std::to_string(i)}}).add();
  for (auto _ : state) benchmark::DoNotOptimize(prometheus_text(registry.collect()));
}
BENCHMARK(collect_and_write)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::monitor
