// What a prepared form costs a request whose template is known.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "sluice/query/prepared_form.h"

namespace sluice::query {
namespace {

void prepare_text(benchmark::State& state, std::string_view text) {
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text);
  const Facts facts = parse_facts(text);
  PreparedForm form;
  if (!prepare(text, seen.literals, facts, false, form)) return state.SkipWithError("no form");
  for (auto _ : state) {
    benchmark::DoNotOptimize(prepare(text, seen.literals, facts, false, form));
    benchmark::DoNotOptimize(form.text.data());
  }
}

BENCHMARK_CAPTURE(prepare_text, key, "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;");
BENCHMARK_CAPTURE(prepare_text, strings,
                  "SELECT id, name FROM users WHERE email = 'who@example.com' AND state = 'it''s'");
BENCHMARK_CAPTURE(
    prepare_text, comment,
    "/* trace=00-4bf92f3577b34da6a3ce929d0e0e4736 */ SELECT id FROM users WHERE id IN "
    "(1, 2, 3, 4, 5, 6, 7, 8) -- end");

}  // namespace
}  // namespace sluice::query
