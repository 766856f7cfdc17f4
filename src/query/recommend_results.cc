// Results that are larger than anybody reads: no WHERE, no LIMIT, all of them sorted.
#include <fmt/format.h>

#include "query/recommend_rules.h"

namespace sluice::query {
namespace {

// One SELECT that says nothing of how many rows it wants, from a table or several.
bool unlimited(const Case& c) {
  return c.facts != nullptr && c.facts->statements == 1 && c.verb == Verb::select &&
         !c.facts->limit && c.answered() > 0 && !c.facts->reads.empty();
}

// Of the time until the last row, the part for those beyond `bound`.
Duration beyond(const Case& c, std::uint64_t bound) {
  const double mean = c.mean_rows();
  if (mean <= static_cast<double>(bound)) return Duration::zero();
  const double share = 1 - static_cast<double>(bound) / mean;
  return Duration(static_cast<std::int64_t>(share * static_cast<double>(c.stats.transfer.count())));
}

void add_figures(const Case& c, Recommendation& r) {
  const auto& q = c.stats;
  r.evidence = {{"calls", std::to_string(q.calls)},
                {"mean", fmt::format("{:.0f} rows", c.mean_rows())},
                {"largest", fmt::format("{} rows", q.max_rows)},
                {"bytes", fmt::format("{:.1f} KB a call", static_cast<double>(q.bytes) / 1024 /
                                                              static_cast<double>(q.calls))},
                {"transfer", words_of(q.transfer)}};
}

std::string with_limit(const Case& c) {
  std::string text = c.stats.statement->text();
  while (text.ends_with(';') || text.ends_with(' ')) text.pop_back();
  return text + " limit 100";
}

}  // namespace

Advice missing_where(const Case& c) {
  if (!unlimited(c) || c.facts->where || c.facts->aggregate) return std::nullopt;
  if (c.mean_rows() < static_cast<double>(c.options.big_table_rows)) return std::nullopt;
  Recommendation r = c.begin(AdviceKind::missing_where);
  r.title = fmt::format("Read only what is needed of {}", c.subject());
  r.sentence = fmt::format(
      "The whole of {} is read each time: {:.0f} rows a call, as it has neither WHERE nor LIMIT. "
      "It "
      "takes longer with every row that is added.",
      c.subject(), c.mean_rows());
  r.action =
      c.facts->order_by
          ? "Add a WHERE for the rows that are used, or a LIMIT and ask page by page: no more "
            "than a page has to be sorted then."
          : "Add a WHERE for the rows that are used, or a LIMIT and ask page by page. Count and "
            "add up in SQL where only that is wanted.";
  add_figures(c, r);
  r.evidence.emplace_back("bound", fmt::format("{} rows", c.options.big_table_rows));
  r.saved = beyond(c, c.options.big_table_rows);
  return r;
}

Advice missing_limit_sorted(const Case& c) {
  if (!unlimited(c) || !c.facts->order_by) return std::nullopt;
  if (c.mean_rows() < static_cast<double>(c.options.big_table_rows)) return std::nullopt;
  Recommendation r = c.begin(AdviceKind::missing_limit_sorted);
  r.title = fmt::format("Ask for a page of {}, not for all of it in order", c.subject());
  r.sentence = fmt::format(
      "{:.0f} rows a call are sorted and sent, since there is an ORDER BY without a LIMIT.",
      c.mean_rows());
  r.action =
      "Add a LIMIT, and for the next page a WHERE that begins after the last row (ORDER BY id with "
      "WHERE id > last). If all rows are needed in no order, leave the ORDER BY out.";
  r.sql = with_limit(c);
  add_figures(c, r);
  r.evidence.emplace_back("bound", fmt::format("{} rows", c.options.big_table_rows));
  r.saved = beyond(c, c.options.big_table_rows);
  return r;
}

Advice unbounded_result(const Case& c) {
  if (!unlimited(c) || c.stats.max_rows < c.options.many_rows) return std::nullopt;
  Recommendation r = c.begin(AdviceKind::unbounded_result);
  r.title = fmt::format("Bound the result from {}", c.subject());
  r.sentence = fmt::format(
      "It has no LIMIT, and one answer had {} rows ({:.0f} on average). The program has to hold "
      "them "
      "all, and the connection is busy for as long.",
      c.stats.max_rows, c.mean_rows());
  r.action =
      "Add a LIMIT and ask page by page, or read it with a cursor (fetch size) where all rows are "
      "needed.";
  r.sql = with_limit(c);
  add_figures(c, r);
  r.evidence.emplace_back("bound", fmt::format("{} rows", c.options.many_rows));
  r.saved = beyond(c, c.options.many_rows);
  return r;
}

}  // namespace sluice::query
