// Recommendations: what is known of the statements, said as what to do about it, in plain words.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/query/loops.h"
#include "sluice/query/workload.h"

namespace sluice::query {

enum class AdviceKind : std::uint8_t {
  n_plus_one,            // a proven, repeated, interleaved or chained loop
  duplicate_query,       // the same question again and again: cache it
  missing_where,         // SELECT without WHERE that returns many rows
  unbounded_result,      // no LIMIT, and results that grow large
  missing_limit_sorted,  // ORDER BY without LIMIT over many rows
  idle_in_transaction,   // a client left a transaction open for long
  held_transaction,      // think time inside transactions, again and again
  not_prepared,          // parsed anew thousands of times
  frequent_errors,
};
std::string_view name_of(AdviceKind kind);  // "n_plus_one"

enum class Severity : std::uint8_t { info, warning, critical };
std::string_view name_of(Severity severity);

struct Recommendation {
  std::string
      id;  // 16 hexadecimal digits, made of kind and statement: the same as long as the problem is
  AdviceKind kind = AdviceKind::n_plus_one;
  Severity severity = Severity::info;
  std::string title;     // "Load reviews with their books"
  std::string sentence;  // what happens, what it costs
  std::string action;    // what to do
  std::string sql;       // a statement to use instead, or empty
  std::string orm;       // a hint for the caller's ORM, or empty
  std::vector<std::pair<std::string, std::string>> evidence;  // "calls": "1200", with units
  Fingerprint statement;
  Duration saved{};  // an estimate of what following it would have saved, for sorting
};

// Bounds of the rules; each is a fact of the evidence too.
struct AdviceOptions {
  std::uint64_t least_calls = 20;
  std::uint64_t many_rows = 10'000;      // of one result
  std::uint64_t big_table_rows = 1'000;  // returned without a WHERE
  Duration idle_in_transaction = std::chrono::seconds(10);
  Duration think_time = std::chrono::milliseconds(50);  // mean, inside transactions
  std::uint64_t parsed_anew = 1'000;
  double error_share = 0.05;
  std::uint64_t errors = 20;
};

// By what they would save, most first. `find` gives the template of a fingerprint, or null.
std::vector<Recommendation> recommend(std::span<const QueryStats> stats,
                                      std::span<const Loop> loops,
                                      const std::function<TemplateRef(const Fingerprint&)>& find,
                                      const AdviceOptions& options = {});

}  // namespace sluice::query
