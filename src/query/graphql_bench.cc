// What reading a GraphQL request costs: it is paid on every request.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "sluice/query/graphql.h"

namespace sluice::query::graphql {
namespace {

constexpr std::string_view kSmall =
    "query User($id: ID!) { user(id: $id) { id name email avatar(size: 64) } }";

constexpr std::string_view kTypical = R"(
  query Feed($first: Int = 20, $after: String, $team: ID!) {
    viewer { id name avatar(size: 64) ...Badges }
    team(id: $team) {
      name
      posts(first: $first, after: $after, order: {by: CREATED_AT, direction: DESC}, kinds: ["news", "question"]) {
        pageInfo { endCursor hasNextPage }
        edges { cursor node { ...Post author { id name ...Badges } } }
      }
    }
  }
  fragment Post on Post { id title body(format: HTML, limit: 500) createdAt likes: reactions(kind: LIKE) { count } }
  fragment Badges on User { badges(first: 3) @include(if: true) { id label } }
)";

Document must(std::string_view text, benchmark::State& state) {
  Result<Document> document = parse(text);
  if (document) return std::move(*document);
  state.SkipWithError(document.error().detail.c_str());
  return {.operations = {Operation{}}, .fragments = {}};
}

void done(benchmark::State& state, std::string_view text) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetLabel(std::to_string(text.size()) + " bytes");
}

void read(benchmark::State& state, std::string_view text) {
  must(text, state);
  for (auto _ : state) benchmark::DoNotOptimize(parse(text));
  done(state, text);
}

void shape(benchmark::State& state, std::string_view text) {
  const Document document = must(text, state);
  for (auto _ : state) benchmark::DoNotOptimize(normalise(document, document.operations[0]));
  done(state, text);
}

void graphql_parse_small(benchmark::State& state) { read(state, kSmall); }
void graphql_parse_typical(benchmark::State& state) { read(state, kTypical); }
void graphql_parse_1_mb_string(benchmark::State& state) {
  read(state, "{ a(b: \"" + std::string(1'000'000, 'x') + "\") }");
}
void graphql_parse_deepest(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "{a";
  read(state, text + std::string(200, '}'));
}
void graphql_normalise_small(benchmark::State& state) { shape(state, kSmall); }
void graphql_normalise_typical(benchmark::State& state) { shape(state, kTypical); }

BENCHMARK(graphql_parse_small);
BENCHMARK(graphql_parse_typical);
BENCHMARK(graphql_parse_1_mb_string);
BENCHMARK(graphql_parse_deepest);
BENCHMARK(graphql_normalise_small);
BENCHMARK(graphql_normalise_typical);

}  // namespace
}  // namespace sluice::query::graphql
