// What it costs to know a statement: paid on each one that carries its literals with it.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "sluice/query/fingerprint.h"

namespace sluice::query {
namespace {

void normalise(benchmark::State& state, std::string_view text, Dialect dialect) {
  Normaliser normaliser;
  for (auto _ : state) benchmark::DoNotOptimize(normaliser.read(text, dialect).fingerprint);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetLabel(std::to_string(text.size()) + " bytes");
}

constexpr std::string_view kTypical =
    "SELECT u.id, u.name, u.email, o.total, o.placed_at FROM users u JOIN orders o ON o.user_id = "
    "u.id WHERE u.tenant_id = 4711 AND o.status = 'shipped' AND o.total > 99.50 ORDER BY "
    "o.placed_at DESC LIMIT 20";
constexpr std::string_view kOrm =
    "SELECT \"shop_order\".\"id\", \"shop_order\".\"customer_id\", \"shop_order\".\"placed_at\", "
    "\"shop_order\".\"total\" FROM \"shop_order\" INNER JOIN \"shop_customer\" ON "
    "(\"shop_order\".\"customer_id\" = \"shop_customer\".\"id\") WHERE "
    "(\"shop_customer\".\"email\" = 'someone@example.org' AND \"shop_order\".\"total\" > 100.50) "
    "ORDER BY \"shop_order\".\"placed_at\" DESC LIMIT 21";

std::string insert_of_rows(int rows) {
  std::string text = "INSERT INTO events (id, kind, payload, at) VALUES ";
  for (int i = 0; i < rows; ++i) {
    if (i != 0) text += ", ";
    text += "(" + std::to_string(100000 + i) + ", 'click', '{\"page\": \"/shop/" +
            std::to_string(i) + "\"}', '2024-05-01 12:00:00+00')";
  }
  return text;
}

// Twenty texts in turn, so that the processor can't learn one by heart.
std::string text_of_kind(int kind) {
  std::string text = "SELECT ";
  for (int i = 0; i <= kind % 5; ++i) text += "column_" + std::to_string(i * kind) + ", ";
  text += kind % 2 == 0 ? "count(*) " : "t.name ";
  text += "FROM " + std::string(static_cast<std::size_t>(kind % 7 + 3), 'q') + " AS t WHERE ";
  for (int i = 0; i <= kind % 4; ++i) {
    text += (i % 2 == 0 ? "t.b" : "c_in_t") + std::to_string(kind) + " = " +
            (kind % 3 == 0 ? "'value of it'" : "123456") + " AND ";
  }
  return text + "t.tenant_id IN (1, 22, 333) ORDER BY " + (kind % 2 == 0 ? "1" : "t.name DESC") +
         (kind % 3 == 1 ? " LIMIT 10" : "");
}

void normalise_typical_200_bytes(benchmark::State& state) {
  normalise(state, kTypical, Dialect::postgres);
}
void normalise_mysql_200_bytes(benchmark::State& state) {
  normalise(state, kTypical, Dialect::mysql);
}
void normalise_orm_select(benchmark::State& state) { normalise(state, kOrm, Dialect::postgres); }
void normalise_key_lookup(benchmark::State& state) {
  normalise(state, "SELECT abalance FROM pgbench_accounts WHERE aid = 814321;", Dialect::postgres);
}
void normalise_begin(benchmark::State& state) { normalise(state, "BEGIN", Dialect::postgres); }
void normalise_insert_500_rows(benchmark::State& state) {
  normalise(state, insert_of_rows(500), Dialect::postgres);
}
void normalise_twenty_texts(benchmark::State& state) {
  std::string texts[20];
  std::size_t bytes = 0;
  for (int i = 0; i < 20; ++i) bytes += (texts[i] = text_of_kind(i)).size();
  Normaliser normaliser;
  for (auto _ : state) {
    for (const std::string& text : texts) {
      benchmark::DoNotOptimize(normaliser.read(text).fingerprint);
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 20));
  state.SetLabel(std::to_string(bytes / 20) + " bytes each");
}

BENCHMARK(normalise_typical_200_bytes);
BENCHMARK(normalise_mysql_200_bytes);
BENCHMARK(normalise_orm_select);
BENCHMARK(normalise_key_lookup);
BENCHMARK(normalise_begin);
BENCHMARK(normalise_insert_500_rows);
BENCHMARK(normalise_twenty_texts);

}  // namespace
}  // namespace sluice::query
