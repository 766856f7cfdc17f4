// What reading a statement costs: it is paid on every request.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "sluice/query.h"

namespace sluice::query {
namespace {

void examine(benchmark::State& state, std::string_view text) {
  const Analyzer analyzer;
  for (auto _ : state) benchmark::DoNotOptimize(analyzer.examine(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetLabel(std::to_string(text.size()) + " bytes");
}

void examine_select_100_bytes(benchmark::State& state) {
  examine(state,
          "SELECT u.id, u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id "
          "= $1 LIMIT 10");
}
void examine_pgbench_select(benchmark::State& state) {
  examine(state, "SELECT abalance FROM pgbench_accounts WHERE aid = 814321;");
}
void examine_begin(benchmark::State& state) { examine(state, "BEGIN"); }
void examine_set(benchmark::State& state) { examine(state, "SET statement_timeout = '5s'"); }
void examine_orm_select(benchmark::State& state) {
  examine(
      state,
      "SELECT \"shop_order\".\"id\", \"shop_order\".\"customer_id\", \"shop_order\".\"placed_at\", "
      "\"shop_order\".\"total\" FROM \"shop_order\" INNER JOIN \"shop_customer\" ON "
      "(\"shop_order\".\"customer_id\" = \"shop_customer\".\"id\") WHERE "
      "(\"shop_customer\".\"email\" = 'someone@example.org' AND \"shop_order\".\"total\" > 100.50) "
      "ORDER BY \"shop_order\".\"placed_at\" DESC LIMIT 21");
}
void examine_insert_1_mb(benchmark::State& state) {
  examine(state, "INSERT INTO t VALUES ('" + std::string(std::size_t{1} << 20, 'x') + "')");
}

BENCHMARK(examine_select_100_bytes);
BENCHMARK(examine_pgbench_select);
BENCHMARK(examine_begin);
BENCHMARK(examine_set);
BENCHMARK(examine_orm_select);
BENCHMARK(examine_insert_1_mb);

}  // namespace
}  // namespace sluice::query
