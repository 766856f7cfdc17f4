// Loops as recommendations: the words are advice_for()'s, the figures those of every loop around the same
// statement.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "query/recommend_rules.h"

namespace sluice::query {
namespace {

AdviceKind advice_kind(LoopKind kind) {
  return kind == LoopKind::duplicate ? AdviceKind::duplicate_query : AdviceKind::n_plus_one;
}

// How sure one can be of it, and how much can be said.
int rank_of(LoopKind kind) {
  switch (kind) {
    case LoopKind::proven: return 4;
    case LoopKind::chained: return 3;
    case LoopKind::interleaved: return 2;
    case LoopKind::repeated: return 1;
    case LoopKind::duplicate: return 0;
  }
  return 0;
}

// The table that a statement is about; empty: unknown.
std::string table_of(const Template* statement) {
  const Facts* facts = statement != nullptr ? statement->facts() : nullptr;
  if (facts == nullptr || !facts->unanalysed.empty()) return {};
  if (!facts->key_table.empty()) return facts->key_table;
  return facts->reads.size() == 1 ? facts->reads.front() : std::string();
}

std::string title_of(const Loop& loop, const Template* statement, const Template* source) {
  const std::string rows = table_of(statement), owner = table_of(source);
  if (loop.kind == LoopKind::duplicate)
    return rows.empty() ? "Ask the same question once"
                        : fmt::format("Read the same rows of {} once", rows);
  if (!rows.empty() && !owner.empty() && rows != owner)
    return fmt::format("Load {} with their {}", owner, rows);
  if (!rows.empty()) return fmt::format("Load rows of {} together", rows);
  return "Send one statement instead of many";
}

std::string action_of(const Loop& loop, const LoopAdvice& advice) {
  if (loop.kind == LoopKind::duplicate)
    return "Keep the first answer for as long as the request takes, or cache it.";
  if (!advice.sql.empty())
    return "Send the statement below once, with all values, instead of one for each.";
  return "Load all of them with one statement: a join, or a list of the values (= ANY($1)).";
}

std::string caller_words(const Caller& caller) {
  if (caller.tags.empty()) return caller.application;
  return caller.application.empty() ? caller.tags
                                    : fmt::format("{} ({})", caller.application, caller.tags);
}

// All loops of one kind of advice around one statement; `first` is the one that is best known.
struct Group {
  const Loop* first = nullptr;
  std::uint64_t bursts = 0, calls = 0, longest = 0;
  Duration wasted{};

  void add(const Loop& loop) {
    bursts += loop.bursts;
    calls += loop.calls;
    longest = std::max(longest, loop.max);
    wasted += loop.wasted;
    const auto better = [](const Loop& a, const Loop& b) {
      return std::pair(rank_of(a.kind), a.wasted) > std::pair(rank_of(b.kind), b.wasted);
    };
    if (first == nullptr || better(loop, *first)) first = &loop;
  }
};

Recommendation recommendation_of(AdviceKind kind, const Group& group, const Template* statement,
                                 const Template* source) {
  const Loop& loop = *group.first;
  LoopAdvice advice = advice_for(loop, statement, source);
  Recommendation r;
  r.kind = kind;
  r.statement = loop.statement;
  r.id = id_of(kind, loop.statement);
  r.title = title_of(loop, statement, source);
  r.action = action_of(loop, advice);
  r.sentence = std::move(advice.sentence);
  r.sql = std::move(advice.sql);
  r.orm = std::move(advice.orm);
  r.saved = group.wasted;
  r.evidence = {{"loop", std::string(name_of(loop.kind))},
                {"ran", group.bursts == 1 ? "once" : fmt::format("{} times", group.bursts)},
                {"statements", std::to_string(group.calls)},
                {"in one run", fmt::format("median {}, most {}", loop.p50, group.longest)},
                {"wasted", words_of(group.wasted)}};
  if (!loop.source_column.empty())
    r.evidence.emplace_back("values come from", fmt::format("column {}", loop.source_column));
  if (!loop.callers.empty() && !caller_words(loop.callers.front().caller).empty())
    r.evidence.emplace_back("caller", caller_words(loop.callers.front().caller));
  return r;
}

}  // namespace

std::vector<Recommendation> recommend_loops(
    std::span<const Loop> loops, const std::function<TemplateRef(const Fingerprint&)>& find) {
  std::map<std::pair<AdviceKind, Fingerprint>, Group> groups;
  for (const Loop& loop : loops) groups[{advice_kind(loop.kind), loop.statement}].add(loop);
  std::vector<Recommendation> out;
  out.reserve(groups.size());
  for (const auto& [key, group] : groups) {
    const TemplateRef statement = find(key.second);
    const bool sourced = group.first->source != Fingerprint{};
    const TemplateRef source = sourced ? find(group.first->source) : nullptr;
    out.push_back(recommendation_of(key.first, group, statement.get(), source.get()));
  }
  return out;
}

}  // namespace sluice::query
