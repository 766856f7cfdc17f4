// Statements that fail too often, with what the server's codes mean.
#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "query/recommend_rules.h"

namespace sluice::query {
namespace {

struct State {
  std::string_view code;
  StateWords words;
};

// Those that applications meet. (Source: PostgreSQL 15, appendix A.) In the order of their codes.
constexpr State kStates[] = {
    {"22001", {"value too long for its column", "Check lengths before sending."}},
    {"22003", {"number out of its type's range", "Check ranges, or widen the column."}},
    {"22007", {"invalid date or time", "Send dates as ISO 8601, as parameters."}},
    {"22012", {"division by zero", "Divide by NULLIF(x, 0)."}},
    {"22P02",
     {"text that isn't a value of its type", "Check input before it becomes a parameter."}},
    {"23502", {"a NOT NULL column without a value", "Give it a value, or a default."}},
    {"23503",
     {"foreign key: the row it refers to isn't there",
      "Insert parents first, or delete children first."}},
    {"23505",
     {"unique violation: the key exists already",
      "If that is expected, say INSERT ... ON CONFLICT instead of failing."}},
    {"23514", {"check constraint", "Check the value before sending it."}},
    {"25006", {"read-only transaction", "Send changes to the primary, or leave READ ONLY out."}},
    {"25P02",
     {"the transaction had failed already",
      "Look for the error before it; roll back after an error, or use a savepoint."}},
    {"28P01", {"wrong password", "Check the credentials."}},
    {"3D000", {"no such database", "Check the connection string."}},
    {"40001", {"serialization failure", "Repeat the whole transaction; keep transactions short."}},
    {"40P01", {"deadlock", "Lock rows in the same order everywhere, and repeat the transaction."}},
    {"42501", {"permission denied", "GRANT what is needed, or use another role."}},
    {"42601", {"syntax error", "Look at how the text is put together."}},
    {"42703", {"no such column", "A migration and a program don't match."}},
    {"42804", {"types don't match", "Cast the parameter."}},
    {"42883", {"no such function or operator", "Cast the arguments, or check the search_path."}},
    {"42P01", {"no such table", "A migration or the search_path is missing."}},
    {"53300", {"too many connections", "Lower the pools' sizes, or raise max_connections."}},
    {"55P03",
     {"lock not available", "Wait longer, or take it as a sign that somebody else is at it."}},
    {"57014",
     {"cancelled, by a timeout or by the client",
      "Make it faster, or raise the timeout that fits it."}},
    {"57P01", {"the server was shut down", "Try again; see why it stops."}},
};
static_assert(std::ranges::is_sorted(kStates, {}, &State::code));

constexpr std::size_t kMostStates = 3;

std::string named(std::string_view state) {
  const StateWords words = words_of_state(state);
  return words.meaning.empty() ? std::string(state) : fmt::format("{} ({})", state, words.meaning);
}

using States = std::vector<std::pair<std::string, std::uint64_t>>;

// Cancelled calls are counted apart; here they are errors like others.
States states_of(const QueryStats& q) {
  States states = q.states;
  if (q.cancelled > 0) states.emplace_back("57014", q.cancelled);
  std::ranges::stable_sort(states, std::greater(), [](const auto& state) { return state.second; });
  return states;
}

}  // namespace

StateWords words_of_state(std::string_view sqlstate) {
  const auto* found = std::ranges::lower_bound(kStates, sqlstate, {}, &State::code);
  return found != std::end(kStates) && found->code == sqlstate ? found->words : StateWords{};
}

Advice frequent_errors(const Case& c) {
  const QueryStats& q = c.stats;
  const std::uint64_t failed = q.errors + q.cancelled;
  if (failed < c.options.errors || q.calls == 0) return std::nullopt;
  const double share = static_cast<double>(failed) / static_cast<double>(q.calls);
  if (share < c.options.error_share) return std::nullopt;
  const States states = states_of(q);
  const std::string_view first = states.empty() ? std::string_view() : states.front().first;
  Recommendation r = c.begin(AdviceKind::frequent_errors);
  r.severity = share >= 0.5 ? Severity::critical : Severity::warning;
  r.title = fmt::format("Find out why {} fails", c.subject());
  r.sentence = fmt::format("{} of {} calls failed ({})", failed, q.calls, share_words(share));
  r.sentence += first.empty() ? "." : fmt::format(", most of them with {}.", named(first));
  const StateWords words = words_of_state(first);
  r.action = words.action.empty() ? "Look at the errors in the application's log."
                                  : std::string(words.action);
  r.evidence = {{"calls", std::to_string(q.calls)},
                {"errors", fmt::format("{} ({})", failed, share_words(share))},
                {"bound", fmt::format("{} errors, {}", c.options.errors,
                                      share_words(c.options.error_share))}};
  for (std::size_t i = 0; i < std::min(states.size(), kMostStates); ++i)
    r.evidence.emplace_back(named(states[i].first), fmt::format("{} times", states[i].second));
  r.saved = c.mean() * static_cast<std::int64_t>(failed);
  return r;
}

}  // namespace sluice::query
