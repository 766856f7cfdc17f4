// Statements as JSON. Durations in milliseconds, points in time as RFC 3339.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "admin/queries.h"

namespace sluice::admin {
namespace {

using Json = nlohmann::ordered_json;
using query::QueryStats;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

double ms(Duration d) {
  return std::round(static_cast<double>(d.count()) / 1e3) / 1e3;  // whole microseconds
}
double ms_of(double seconds) { return std::round(seconds * 1e6) / 1e3; }

std::string instant(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

double per(std::uint64_t calls, double what) {
  return calls ? std::round(what / static_cast<double>(calls) * 1e3) / 1e3 : 0;
}

// What is known of a statement, with every figure that has a name.
Json stats_json(const QueryStats& q) {
  const query::Template& t = *q.statement;
  const query::Facts* facts = t.facts();
  Json json = {
      {"fingerprint", t.fingerprint().text()},
      {"query", t.text()},
      {"verb", name_of(t.verb())},
      {"reads", facts ? facts->reads : std::vector<std::string>{}},
      {"writes", facts ? facts->writes : std::vector<std::string>{}},
      {"unanalysed", facts ? Json(facts->unanalysed) : Json("not parsed yet")},
      {"database", q.database},
      {"user", q.user},
      {"calls", q.calls},
      {"errors", q.errors},
      {"cancelled", q.cancelled},
      {"slow", q.slow},
      {"rows", q.rows},
      {"rows_per_call", per(q.calls, static_cast<double>(q.rows))},
      {"max_rows", q.max_rows},
      {"bytes", q.bytes},
      {"manner", {{"simple", q.simple}, {"unnamed", q.unnamed}, {"prepared", q.prepared}}},
      {"total_ms", ms(q.total)},
      {"mean_ms", per(q.calls, ms(q.total))},
      {"p50_ms", ms_of(q.latency.quantile(0.5))},
      {"p95_ms", ms_of(q.latency.quantile(0.95))},
      {"p99_ms", ms_of(q.latency.quantile(0.99))},
      {"max_ms", ms(q.max)},
      {"time_ms",
       {{"queue", ms(q.queue)},
        {"pool_wait", ms(q.pool_wait)},
        {"server", ms(q.server)},
        {"transfer", ms(q.transfer)}}},
      {"first_seen", instant(q.first_seen)},
      {"last_seen", instant(q.last_seen)},
  };
  if (facts && facts->unanalysed.empty()) json["unanalysed"] = nullptr;
  return json;
}

Json callers_json(const std::vector<query::CallerStats>& callers) {
  Json all = Json::array();
  for (const auto& c : callers)
    all.push_back({{"application", c.caller.application},
                   {"tags", c.caller.tags},
                   {"calls", c.calls},
                   {"total_ms", ms(c.total)}});
  return all;
}

Json samples_json(const std::vector<query::Sample>& samples) {
  Json all = Json::array();
  for (const auto& s : samples)
    all.push_back({{"values", s.values}, {"took_ms", ms(s.took)}, {"at", instant(s.at)}});
  return all;
}

Json facts_json(const query::Facts& f) {
  return {{"statements", f.statements},
          {"functions", f.functions},
          {"volatility", name_of(f.volatility)},
          {"parameters", f.parameters},
          {"where", f.where},
          {"limit", f.limit},
          {"order_by", f.order_by},
          {"locks_rows", f.locks_rows}};
}

Json histogram_json(const query::HistogramSnapshot& h) {
  Json all = Json::array();
  for (std::size_t i = 0; i < h.buckets.size(); ++i)
    if (h.buckets[i])
      all.push_back(
          {{"up_to_ms", ms_of(monitor::upper_bound(h.schema, h.first + static_cast<int>(i)))},
           {"count", h.buckets[i]}});
  return all;
}

Json slow_json(const query::SlowQuery& s) {
  Json json = {{"id", s.id},
               {"fingerprint", s.statement->fingerprint().text()},
               {"query", s.statement->text()},
               {"values", s.sample.values},
               {"at", instant(s.sample.at)},
               {"took_ms", ms(s.sample.took)},
               {"time_ms",
                {{"queue", ms(s.queue)},
                 {"pool_wait", ms(s.pool_wait)},
                 {"server", ms(s.server)},
                 {"transfer", ms(s.transfer)}}},
               {"rows", s.rows},
               {"bytes", s.bytes},
               {"sqlstate", s.state.empty() ? Json() : Json(s.state)},
               {"database", s.database},
               {"user", s.user},
               {"application", s.caller.application},
               {"tags", s.caller.tags}};
  if (!s.plan.empty()) {
    Json plan = Json::parse(s.plan, nullptr, false);
    json["plan"] = plan.is_discarded() ? Json(s.plan) : std::move(plan);
  }
  return json;
}

// Whether it shares connections in a pool, and why not.
Json sharing_json(const gateway::SharingView& s) {
  const bool shares = s.alone == batch::Alone::no;
  return {{"listener", s.listener},
          {"database", s.database},
          {"user", s.user},
          {"shares", shares},
          {"reason", shares ? Json() : Json(batch::name_of(s.alone))}};
}

Json statement_json(const query::Fingerprint& f, const query::TemplateRef& t) {
  return {{"fingerprint", f.text()}, {"query", t ? Json(t->text()) : Json()}};
}

Json loop_json(const query::Loop& l, const FindTemplate& find) {
  const query::TemplateRef statement = find(l.statement);
  const bool sourced = l.source != query::Fingerprint{};
  const query::TemplateRef source = sourced ? find(l.source) : nullptr;
  const query::LoopAdvice advice = advice_for(l, statement.get(), source.get());
  Json json = {{"id", l.id},
               {"kind", name_of(l.kind)},
               {"statement", statement_json(l.statement, statement)},
               {"source", nullptr},
               {"bursts", l.bursts},
               {"calls", l.calls},
               {"n", {{"p50", l.p50}, {"p95", l.p95}, {"max", l.max}}},
               {"wasted_ms", ms(l.wasted)},
               {"sentence", advice.sentence},
               {"sql", advice.sql},
               {"orm", advice.orm},
               {"callers", callers_json(l.callers)},
               {"first_seen", instant(l.first_seen)},
               {"last_seen", instant(l.last_seen)}};
  if (sourced) {
    json["source"] = statement_json(l.source, source);
    json["source"]["column"] = l.source_column;
    json["source"]["parameter"] = l.parameter;
  }
  if (!l.cycle.empty()) {
    json["cycle"] = Json::array();
    for (const auto& f : l.cycle) json["cycle"].push_back(statement_json(f, find(f)));
  }
  return json;
}

// The part of a list that a page shows, each through `show`.
template <class T, class Show>
Json page_json(std::span<const T> all, Page page, Show&& show) {
  Json items = Json::array();
  const std::size_t end = std::min(all.size(), page.offset + page.limit);
  for (std::size_t i = page.offset; i < end; ++i) items.push_back(show(all[i]));
  return {{"count", all.size()},
          {"offset", page.offset},
          {"limit", page.limit},
          {"next_offset", end < all.size() ? Json(end) : Json()},
          {"items", std::move(items)}};
}

}  // namespace

std::string queries_json(std::span<const QueryStats> stats, Page page,
                         const query::Workload::Totals& totals,
                         const query::Templates::Counts& counts) {
  Json json = page_json(stats, page, stats_json);
  Json reasons = Json::object();
  for (const auto& [reason, n] : totals.unanalysed_by) reasons[reason] = n;
  json["totals"] = {{"calls", totals.calls},
                    {"errors", totals.errors},
                    {"rows", totals.rows},
                    {"fingerprints", totals.fingerprints},
                    {"bytes", totals.bytes},
                    {"forgotten", totals.forgotten},
                    {"forgotten_ms", ms(totals.forgotten_time)},
                    {"unanalysed", totals.unanalysed},
                    {"unanalysed_by", std::move(reasons)},
                    {"events_lost", totals.journal_lost},
                    {"templates", counts.templates},
                    {"parsed", counts.parsed},
                    {"unparsed", counts.unanalysed},
                    {"parse_queue", counts.queued}};
  return text_of(json);
}

std::string query_json(const QueryStats& q, std::span<const query::Loop> loops,
                       std::span<const query::SlowQuery> slow,
                       std::span<const gateway::SharingView> sharing) {
  Json json = stats_json(q);
  Json states = Json::object();
  for (const auto& [state, n] : q.states) states[state] = n;
  json["sqlstates"] = std::move(states);
  json["lost"] = q.lost;
  json["pauses"] = {
      {"count", q.pauses}, {"total_ms", ms(q.pause_total)}, {"max_ms", ms(q.pause_max)}};
  json["callers"] = callers_json(q.callers);
  json["samples"] = {{"uniform", samples_json(q.uniform)}, {"slowest", samples_json(q.slowest)}};
  if (const query::Facts* facts = q.statement->facts(); facts && facts->unanalysed.empty())
    json["facts"] = facts_json(*facts);
  json["latency"] = {{"relative_error", 0.044}, {"buckets", histogram_json(q.latency)}};
  json["loops"] = Json::array();
  for (const auto& l : loops)
    json["loops"].push_back({{"id", l.id}, {"kind", name_of(l.kind)}, {"wasted_ms", ms(l.wasted)}});
  json["slow_queries"] = Json::array();
  for (const auto& s : slow) json["slow_queries"].push_back(slow_json(s));
  json["sharing"] = Json::array();
  for (const auto& s : sharing) json["sharing"].push_back(sharing_json(s));
  return text_of(json);
}

std::string slow_json(std::span<const query::SlowQuery> slow, Page page, Duration threshold) {
  Json json = page_json(slow, page, [](const query::SlowQuery& s) { return slow_json(s); });
  json["threshold_ms"] = ms(threshold);
  return text_of(json);
}

std::string loops_json(std::span<const query::Loop> loops, Page page, const FindTemplate& find) {
  Json json = page_json(loops, page, [&](const query::Loop& l) { return loop_json(l, find); });
  Duration wasted{};
  for (const auto& l : loops) wasted += l.wasted;
  json["wasted_ms"] = ms(wasted);
  return text_of(json);
}

std::string recommendations_json(std::span<const query::Recommendation> all, Page page) {
  return text_of(page_json(all, page, [](const query::Recommendation& r) {
    Json evidence = Json::object();
    for (const auto& [name, value] : r.evidence) evidence[name] = value;
    return Json{{"id", r.id},
                {"kind", name_of(r.kind)},
                {"severity", name_of(r.severity)},
                {"title", r.title},
                {"sentence", r.sentence},
                {"action", r.action},
                {"sql", r.sql},
                {"orm", r.orm},
                {"fingerprint", r.statement.text()},
                {"saved_ms", ms(r.saved)},
                {"evidence", std::move(evidence)}};
  }));
}

}  // namespace sluice::admin
