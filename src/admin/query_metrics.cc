#include "admin/query_metrics.h"

#include <algorithm>

namespace sluice::admin {
namespace {

using monitor::FamilySnapshot;
using monitor::Labels;
using monitor::MetricType;
using monitor::Sample;
using monitor::Unit;
using query::QueryStats;

Labels labels_of(const QueryStats& q) {
  return {{"database", q.database},
          {"fingerprint", q.statement->fingerprint().text()},
          {"verb", std::string(name_of(q.statement->verb()))}};
}

template <class Value>
FamilySnapshot family(std::string name, std::string help, MetricType type, Unit unit,
                      std::span<const QueryStats> top, Value&& value) {
  FamilySnapshot all{.name = std::move(name), .help = std::move(help), .type = type, .unit = unit};
  for (const QueryStats& q : top) all.samples.push_back({labels_of(q), value(q)});
  std::ranges::sort(all.samples, {}, &Sample::labels);
  return all;
}

FamilySnapshot single(std::string name, std::string help, MetricType type, double value) {
  FamilySnapshot one{.name = std::move(name), .help = std::move(help), .type = type};
  one.samples.push_back({Labels{}, value});
  return one;
}

}  // namespace

std::vector<FamilySnapshot> query_families(std::span<const QueryStats> top,
                                           const query::Workload::Totals& totals,
                                           const query::Templates::Counts& counts) {
  const auto number = [](auto n) { return static_cast<double>(n); };
  std::vector<FamilySnapshot> all;
  if (!top.empty()) {
    all.push_back(family("sluice_query_calls_total", "Executions of a statement.",
                         MetricType::counter, Unit::plain, top,
                         [](const QueryStats& q) { return q.calls; }));
    all.push_back(family("sluice_query_errors_total", "Executions that ended with an error.",
                         MetricType::counter, Unit::plain, top,
                         [](const QueryStats& q) { return q.errors; }));
    all.push_back(family("sluice_query_rows_total", "Rows that a statement returned or changed.",
                         MetricType::counter, Unit::plain, top,
                         [](const QueryStats& q) { return q.rows; }));
    all.push_back(family(
        "sluice_query_seconds", "Time of an execution, from its arrival to its end.",
        MetricType::histogram, Unit::seconds, top, [](const QueryStats& q) { return q.latency; }));
  }
  all.push_back(single("sluice_queries_fingerprints", "Statements with statistics.",
                       MetricType::gauge, number(totals.fingerprints)));
  all.push_back(single("sluice_queries_statistics_bytes", "Memory of their statistics.",
                       MetricType::gauge, number(totals.bytes)));
  all.push_back(single("sluice_queries_forgotten_total", "Statements forgotten for lack of memory.",
                       MetricType::counter, number(totals.forgotten)));
  all.push_back(single("sluice_queries_unanalysed_total", "Texts that have no fingerprint.",
                       MetricType::counter, number(totals.unanalysed)));
  all.push_back(single("sluice_queries_events_lost_total", "Executions the loop detector missed.",
                       MetricType::counter, number(totals.journal_lost)));
  all.push_back(single("sluice_queries_parsed_total", "Statements that went through the parser.",
                       MetricType::counter, number(counts.parsed)));
  all.push_back(single("sluice_queries_unparsed_total", "Statements that the parser refused.",
                       MetricType::counter, number(counts.unanalysed)));
  return all;
}

}  // namespace sluice::admin
