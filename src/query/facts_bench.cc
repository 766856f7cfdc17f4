// What a template costs: a hit on each request, a parse once for each fingerprint.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "sluice/query/facts.h"

namespace sluice::query {
namespace {

constexpr std::string_view kText =
    "SELECT o.id, o.total, o.placed_at, c.name, c.email FROM shop_order o JOIN shop_customer c ON "
    "c.id = o.customer_id WHERE o.customer_id = 814321 AND o.total > 100.50 AND o.state = 'paid' "
    "AND "
    "c.id = 12345";
static_assert(kText.size() > 196 && kText.size() < 204);

void normalise_and_intern(benchmark::State& state) {
  Templates templates;
  Normaliser normaliser;
  const TemplateRef held =
      templates.intern(normaliser.read(kText), kText, Dialect::postgres, false);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        templates.intern(normaliser.read(kText), kText, Dialect::postgres, false));
  }
}

void intern_alone(benchmark::State& state) {
  Templates templates;
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(kText);
  const TemplateRef held = templates.intern(seen, kText, Dialect::postgres, false);
  for (auto _ : state) {
    benchmark::DoNotOptimize(templates.intern(seen, kText, Dialect::postgres, false));
  }
}

void intern_new(benchmark::State& state) {
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(kText);
  Templates templates;
  for (auto _ : state) {
    benchmark::DoNotOptimize(templates.intern(seen, kText, Dialect::postgres, false));
    templates.parse_queued(SIZE_MAX);
  }
}

void parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_facts(kText));
}

// Deep enough for a stack of its own.
void parse_deep(benchmark::State& state) {
  std::string text = "SELECT 1";
  for (int i = 0; i < 100; ++i) text += " + 1";
  for (auto _ : state) benchmark::DoNotOptimize(parse_facts(text));
}

BENCHMARK(normalise_and_intern);
BENCHMARK(intern_alone);
BENCHMARK(intern_new);
BENCHMARK(parse);
BENCHMARK(parse_deep);

}  // namespace
}  // namespace sluice::query
