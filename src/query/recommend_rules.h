// The rules behind recommend(): each looks at one statement, or one loop, and says what to do or nothing.
//
// What `saved` means, by kind. It is there to put the costliest first, so it would rather say too little:
//   n_plus_one, duplicate_query   Loop::wasted, of all loops around the statement
//   missing_where, unbounded_result, missing_limit_sorted
//                                 of the time that rows took to come, the part beyond the bound. What the
//                                 server would save isn't counted: that takes an index
//   idle_in_transaction, held_transaction
//                                 time for which a server connection was held without work
//   not_prepared                  100 us for each text parsed anew, at most a fifth of the server's time
//   frequent_errors               mean time of a call, for each error
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/recommend.h"

namespace sluice::query {

// The same as long as the problem is: of kind and statement.
std::string id_of(AdviceKind kind, const Fingerprint& statement);
// "1.5 s", "230 ms", "12 min".
std::string words_of(Duration duration);
std::string share_words(double share);  // "12.5 %"

// One statement with what the rules ask of it.
struct Case {
  const QueryStats& stats;
  const Facts* facts;  // null: not parsed, or it can't be
  Verb verb;           // facts or not; unknown where nobody knows
  const AdviceOptions& options;

  Case(const QueryStats& q, const AdviceOptions& o);
  std::uint64_t answered() const;  // calls that neither failed nor were cancelled
  double mean_rows() const;
  Duration mean() const;
  // "users", "users and 2 more tables", or "this statement".
  std::string subject() const;
  // Kind, statement and id are set.
  Recommendation begin(AdviceKind kind) const;
};

using Advice = std::optional<Recommendation>;

Advice missing_where(const Case& c);
Advice missing_limit_sorted(const Case& c);
Advice unbounded_result(const Case& c);
Advice idle_in_transaction(const Case& c);
Advice held_transaction(const Case& c);
Advice not_prepared(const Case& c);
Advice frequent_errors(const Case& c);

// What an SQLSTATE means, for those that applications meet; empty of others.
struct StateWords {
  std::string_view meaning, action;
};
StateWords words_of_state(std::string_view sqlstate);

// One for each statement and kind of advice, however many loops it stands in.
std::vector<Recommendation> recommend_loops(
    std::span<const Loop> loops, const std::function<TemplateRef(const Fingerprint&)>& find);

}  // namespace sluice::query
