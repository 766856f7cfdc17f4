// What counting a statement costs: it is paid on every request.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "sluice/query/workload.h"

namespace sluice::query {
namespace {

using namespace std::chrono_literals;

WorkloadOptions with_journal(bool journal) {
  WorkloadOptions options;
  options.journal = journal;
  return options;
}

struct Bench {
  explicit Bench(WorkloadOptions options) : workload(std::move(options), 1, templates) {}

  // One execution with one parameter and one row of two fields.
  void execute(const TemplateRef& statement, std::string_view comment = {}) {
    const Value value{"814321", 23};
    at += 100us;
    RunRef run = recorder.begin({.statement = statement,
                                 .values = {&value, 1},
                                 .manner = Manner::prepared,
                                 .client = 7,
                                 .application = "pgbench",
                                 .comment = comment,
                                 .database = "app",
                                 .user = "app",
                                 .arrived = at});
    run->sent(at + 5us);
    if (run->row(60, at + 70us)) {
      const Value fields[] = {{"814321", 23}, {"-4711", 23}};
      run->fields(fields);
    }
    run->finish({.at = at + 80us, .rows = 1});
    if (++count % 8192 == 0) benchmark::DoNotOptimize(recorder.take_journal());
  }

  Templates templates;
  Workload workload;
  Recorder& recorder = workload.recorder(0);
  Time at = Time{} + 1h;
  std::uint64_t count = 0;
};

void one_statement(benchmark::State& state) {
  Bench bench(with_journal(state.range(0) != 0));
  const TemplateRef statement = bench.templates.restore(
      "select abalance from pgbench_accounts where aid = $1", Dialect::postgres);
  for (auto _ : state) bench.execute(statement);
}
BENCHMARK(one_statement)->ArgName("journal")->Arg(0)->Arg(1);

void of_1000_statements(benchmark::State& state) {
  Bench bench(with_journal(true));
  std::vector<TemplateRef> statements;
  for (int i = 0; i < 1000; ++i)
    statements.push_back(bench.templates.restore(
        "select a from t" + std::to_string(i) + " where id = $1", Dialect::postgres));
  std::size_t i = 0;
  for (auto _ : state) bench.execute(statements[++i % statements.size()]);
}
BENCHMARK(of_1000_statements);

void with_tags(benchmark::State& state) {
  Bench bench(with_journal(true));
  const TemplateRef statement =
      bench.templates.restore("select a from t where id = $1", Dialect::postgres);
  for (auto _ : state)
    bench.execute(statement,
                  "controller='users',action='show',framework='django%3A4.2',traceparent='00-"
                  "5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'");
}
BENCHMARK(with_tags);

void always_new(benchmark::State& state) {
  Bench bench(with_journal(true));
  std::vector<TemplateRef> statements;
  for (int i = 0; i < 200'000; ++i)
    statements.push_back(std::make_shared<const Template>(
        fingerprint_of(std::to_string(i), Dialect::postgres), "select 1", Dialect::postgres));
  std::size_t i = 0;
  for (auto _ : state) bench.execute(statements[++i % statements.size()]);
}
BENCHMARK(always_new);

void identity(benchmark::State& state, Value value) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(value);
    benchmark::DoNotOptimize(identity_of(value));
  }
}
BENCHMARK_CAPTURE(identity, integer_text, Value{"814321", 23});
BENCHMARK_CAPTURE(identity, short_text, Value{"someone@example.org", 25});

void snapshot_of_1000(benchmark::State& state) {
  Bench bench(with_journal(true));
  for (int i = 0; i < 1000; ++i) {
    const TemplateRef statement = bench.templates.restore(
        "select a from t" + std::to_string(i) + " where id = $1", Dialect::postgres);
    for (int j = 0; j < 20; ++j) bench.execute(statement);
  }
  for (auto _ : state) benchmark::DoNotOptimize(bench.workload.snapshot());
}
BENCHMARK(snapshot_of_1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::query
