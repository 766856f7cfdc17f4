#include "admin/queries.h"

#include <algorithm>
#include <array>

#include "admin/parameters.h"
#include "gateway/query_watch.h"

namespace sluice::admin {
namespace {

using query::QueryStats;

double mean(const QueryStats& q) {
  return q.calls ? static_cast<double>(q.total.count()) / static_cast<double>(q.calls) : 0;
}

struct Order {
  std::string_view name;
  double (*of)(const QueryStats&);
};
constexpr Order kOrders[] = {
    {"total", [](const QueryStats& q) { return static_cast<double>(q.total.count()); }},
    {"calls", [](const QueryStats& q) { return static_cast<double>(q.calls); }},
    {"mean", mean},
    {"max", [](const QueryStats& q) { return static_cast<double>(q.max.count()); }},
    {"p50", [](const QueryStats& q) { return q.latency.quantile(0.5); }},
    {"p95", [](const QueryStats& q) { return q.latency.quantile(0.95); }},
    {"p99", [](const QueryStats& q) { return q.latency.quantile(0.99); }},
    {"errors", [](const QueryStats& q) { return static_cast<double>(q.errors); }},
    {"rows", [](const QueryStats& q) { return static_cast<double>(q.rows); }},
    {"bytes", [](const QueryStats& q) { return static_cast<double>(q.bytes); }},
    {"server", [](const QueryStats& q) { return static_cast<double>(q.server.count()); }},
    {"last_seen", [](const QueryStats& q) { return static_cast<double>(q.last_seen); }},
};
constexpr auto kOrderNames = [] {
  std::array<std::string_view, std::size(kOrders)> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kOrders[i].name;
  return names;
}();
constexpr std::string_view kDirections[] = {"desc", "asc"};
constexpr std::string_view kVerbs[] = {"",       "select", "insert", "update",      "delete",
                                       "merge",  "copy",   "ddl",    "transaction", "utility",
                                       "unknown"};
constexpr std::string_view kLoopKinds[] = {"",          "proven",      "repeated",
                                           "duplicate", "interleaved", "chained"};

Page page_of(Parameters& given) {
  Page page;
  page.limit = given.number("limit", 50, 1, 1000);
  page.offset = given.number("offset", 0, 0, 10'000'000);
  return page;
}

bool has_table(const query::Facts* facts, std::string_view table) {
  if (!facts) return false;
  const auto is = [&](const std::string& t) {
    return t == table || (t.ends_with(table) && t[t.size() - table.size() - 1] == '.');
  };
  return std::ranges::any_of(facts->reads, is) || std::ranges::any_of(facts->writes, is);
}

// The filters of a list, each empty unless it was given.
struct Filter {
  std::string verb, table, database, user, search;
  std::uint64_t min_calls = 0;

  bool lets(const QueryStats& q) const {
    if (q.calls < min_calls) return false;
    if (!database.empty() && q.database != database) return false;
    if (!user.empty() && q.user != user) return false;
    if (!verb.empty() && name_of(q.statement->verb()) != verb) return false;
    if (!table.empty() && !has_table(q.statement->facts(), table)) return false;
    return search.empty() || q.statement->text().contains(search);
  }
};

}  // namespace

Answer QueryApi::list(const Request& request) const {
  Parameters given(request);
  const Page page = page_of(given);
  const std::string sort = given.word("sort", kOrderNames, "total");
  const bool ascending = given.word("order", kDirections, "desc") == "asc";
  const Filter filter{.verb = given.word("verb", kVerbs, ""),
                      .table = given.text("table"),
                      .database = given.text("database"),
                      .user = given.text("user"),
                      .search = given.text("search"),
                      .min_calls = given.number("min_calls", 0, 0, UINT64_MAX)};
  if (auto wrong = given.problem()) return *wrong;
  auto& watch = gateway_.queries();
  std::vector<QueryStats> all = watch.workload().snapshot();
  std::erase_if(all, [&](const QueryStats& q) { return !filter.lets(q); });
  const Order& by = *std::ranges::find(kOrders, sort, &Order::name);
  std::vector<std::pair<double, std::size_t>> ranks;
  for (std::size_t i = 0; i < all.size(); ++i)
    ranks.emplace_back(ascending ? by.of(all[i]) : -by.of(all[i]), i);
  std::ranges::sort(ranks);
  std::vector<QueryStats> sorted;
  for (const auto& [rank, i] : ranks) sorted.push_back(std::move(all[i]));
  return {.body =
              queries_json(sorted, page, watch.workload().totals(), watch.templates().counts())};
}

Answer QueryApi::one(const Request& request) const {
  Parameters given(request);
  if (auto wrong = given.problem()) return *wrong;
  const auto fingerprint = query::Fingerprint::parse(request.rest);
  if (!fingerprint)
    return problem(400, "a fingerprint has 32 hexadecimal digits; /performance/queries lists them");
  auto& watch = gateway_.queries();
  auto found = watch.workload().find(*fingerprint);
  if (!found) return problem(404, "no statement with this fingerprint is known");
  std::vector<query::Loop> loops = watch.loops();
  std::erase_if(loops, [&](const query::Loop& l) {
    return l.statement != *fingerprint && l.source != *fingerprint;
  });
  std::vector<query::SlowQuery> slow = watch.workload().slow_queries();
  std::erase_if(slow, [&](const auto& s) { return s.statement->fingerprint() != *fingerprint; });
  return {.body = query_json(*found, loops, slow, gateway_.sharing(*fingerprint))};
}

Answer QueryApi::slow(const Request& request) const {
  Parameters given(request);
  const Page page = page_of(given);
  if (auto wrong = given.problem()) return *wrong;
  return {.body = slow_json(gateway_.queries().workload().slow_queries(), page,
                            gateway_.config()->query.slow)};
}

Answer QueryApi::loops(const Request& request) const {
  Parameters given(request);
  const Page page = page_of(given);
  const std::string kind = given.word("kind", kLoopKinds, "");
  if (auto wrong = given.problem()) return *wrong;
  auto& watch = gateway_.queries();
  std::vector<query::Loop> all = watch.loops();
  if (!kind.empty())
    std::erase_if(all, [&](const query::Loop& l) { return name_of(l.kind) != kind; });
  return {.body = loops_json(all, page, [&](const auto& f) { return watch.templates().find(f); })};
}

Answer QueryApi::recommendations(const Request& request) const {
  Parameters given(request);
  const Page page = page_of(given);
  if (auto wrong = given.problem()) return *wrong;
  auto& watch = gateway_.queries();
  const auto all = query::recommend(watch.workload().snapshot(), watch.loops(),
                                    [&](const auto& f) { return watch.templates().find(f); });
  return {.body = recommendations_json(all, page)};
}

Answer QueryApi::reset(const Request& request) const {
  Parameters given(request);
  if (auto wrong = given.problem()) return *wrong;
  gateway_.queries().reset();
  return {.body = "{\"status\":\"ok\"}\n"};
}

}  // namespace sluice::admin
