#include "cmd/api_views.h"

#include <nlohmann/json.hpp>

namespace sluice::cmd {
namespace {

using Json = nlohmann::ordered_json;

const Json& at(const Json& json, std::string_view key) {
  static const Json nothing;
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() ? *found : nothing;
}
std::string text(const Json& json, std::string_view key) {
  const Json& value = at(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
double number(const Json& json, std::string_view key) {
  const Json& value = at(json, key);
  return value.is_number() ? value.get<double>() : 0;
}
std::uint64_t count(const Json& json, std::string_view key) {
  const Json& value = at(json, key);
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  return 0;
}
bool yes(const Json& json, std::string_view key) {
  const Json& value = at(json, key);
  return value.is_boolean() && value.get<bool>();
}

// Each item of an array; nothing of what isn't one.
template <class Read>
auto each(const Json& array, Read&& read) {
  std::vector<decltype(read(array))> out;
  if (!array.is_array()) return out;
  out.reserve(array.size());
  for (const Json& item : array) out.push_back(read(item));
  return out;
}

Result<Json> parsed(std::string_view bytes) {
  Json json = Json::parse(bytes, nullptr, false);
  if (!json.is_object()) return fail(Code::protocol_violation, "the answer isn't JSON");
  return json;
}

// What `read` makes of a whole answer.
template <class View, class Read>
Result<View> view(std::string_view bytes, Read&& read) {
  auto json = parsed(bytes);
  if (!json) return std::unexpected(json.error());
  View out;
  read(*json, out);
  return out;
}

template <class List, class Read>
void read_list(const Json& json, List& out, Read&& read) {
  out.count = count(json, "count");
  out.items = each(at(json, "items"), read);
}

TimeSplit split_of(const Json& json) {
  return {number(json, "queue"), number(json, "pool_wait"), number(json, "server"),
          number(json, "transfer")};
}

StatementRow statement(const Json& j) {
  StatementRow row{.fingerprint = text(j, "fingerprint"),
                   .query = text(j, "query"),
                   .verb = text(j, "verb"),
                   .database = text(j, "database"),
                   .user = text(j, "user"),
                   .unanalysed = text(j, "unanalysed")};
  row.calls = count(j, "calls");
  row.errors = count(j, "errors");
  row.cancelled = count(j, "cancelled");
  row.rows = count(j, "rows");
  row.max_rows = count(j, "max_rows");
  row.total_ms = number(j, "total_ms");
  row.mean_ms = number(j, "mean_ms");
  row.p50_ms = number(j, "p50_ms");
  row.p95_ms = number(j, "p95_ms");
  row.p99_ms = number(j, "p99_ms");
  row.max_ms = number(j, "max_ms");
  row.time = split_of(at(j, "time_ms"));
  return row;
}

PoolRow pool(const Json& j) {
  PoolRow row{.listener = text(j, "listener"),
              .database = text(j, "database"),
              .user = text(j, "user"),
              .server = text(j, "server"),
              .mode = text(j, "mode"),
              .last_error = text(j, "last_error"),
              .paused = yes(j, "paused")};
  row.max = count(j, "max");
  const Json& connections = at(j, "connections");
  row.total = count(connections, "total");
  row.idle = count(connections, "idle");
  row.leased = count(connections, "leased");
  const Json& clients = at(j, "clients");
  row.clients_active = count(clients, "active");
  row.clients_waiting = count(clients, "waiting");
  row.clients_idle = count(clients, "idle");
  const Json& multiplex = at(j, "multiplex");
  row.shared = count(multiplex, "statements");
  for (const std::uint64_t n : each(at(multiplex, "reasons"),
                                    [](const Json& r) { return count(r, "statements"); }))
    row.alone += n;
  row.lanes = count(multiplex, "lanes");
  row.depth = count(multiplex, "depth");
  row.stalls = count(multiplex, "stalls");
  return row;
}

std::string string_of(const Json& json) {
  return json.is_string() ? json.get<std::string>() : std::string();
}

SlowRow slow(const Json& j) {
  SlowRow row{.fingerprint = text(j, "fingerprint"),
              .query = text(j, "query"),
              .at = text(j, "at"),
              .sqlstate = text(j, "sqlstate"),
              .database = text(j, "database"),
              .user = text(j, "user"),
              .application = text(j, "application"),
              .tags = text(j, "tags")};
  row.values = each(at(j, "values"), string_of);
  row.took_ms = number(j, "took_ms");
  row.time = split_of(at(j, "time_ms"));
  row.rows = count(j, "rows");
  return row;
}

std::string caller(const Json& j) {
  const std::string application = text(j, "application"), tags = text(j, "tags");
  if (application.empty() || tags.empty()) return application + tags;
  return application + " (" + tags + ")";
}

LoopRow loop(const Json& j) {
  LoopRow row{.id = text(j, "id"),
              .kind = text(j, "kind"),
              .query = text(at(j, "statement"), "query"),
              .source = text(at(j, "source"), "query"),
              .column = text(at(j, "source"), "column"),
              .sentence = text(j, "sentence"),
              .sql = text(j, "sql"),
              .orm = text(j, "orm"),
              .last_seen = text(j, "last_seen")};
  row.bursts = count(j, "bursts");
  row.calls = count(j, "calls");
  const Json& n = at(j, "n");
  row.p50 = count(n, "p50");
  row.p95 = count(n, "p95");
  row.max = count(n, "max");
  row.wasted_ms = number(j, "wasted_ms");
  row.callers = each(at(j, "callers"), caller);
  return row;
}

AdviceRow advice(const Json& j) {
  AdviceRow row{.id = text(j, "id"),
                .kind = text(j, "kind"),
                .severity = text(j, "severity"),
                .title = text(j, "title"),
                .sentence = text(j, "sentence"),
                .action = text(j, "action"),
                .sql = text(j, "sql"),
                .orm = text(j, "orm"),
                .fingerprint = text(j, "fingerprint"),
                .saved_ms = number(j, "saved_ms")};
  if (const Json& evidence = at(j, "evidence"); evidence.is_object())
    for (const auto& [name, value] : evidence.items())
      row.evidence.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  return row;
}

ComponentRow component(const Json& j) {
  return {.name = text(j, "name"), .detail = text(j, "detail"), .ready = yes(j, "ready")};
}

}  // namespace

Result<StatementsView> read_statements(std::string_view json) {
  return view<StatementsView>(json, [](const Json& j, StatementsView& out) {
    out.items = each(at(j, "items"), statement);
    out.count = count(j, "count");
    const Json& totals = at(j, "totals");
    out.calls = count(totals, "calls");
    out.errors = count(totals, "errors");
    out.rows = count(totals, "rows");
    out.forgotten = count(totals, "forgotten");
    out.unanalysed = count(totals, "unanalysed");
  });
}

Result<PoolsView> read_pools(std::string_view json) {
  return view<PoolsView>(json, [](const Json& j, PoolsView& out) {
    out.clients = count(j, "clients");
    out.connections = count(j, "connections");
    out.items = each(at(j, "pools"), pool);
    for (const auto& [requests, transactions] : each(at(j, "totals"), [](const Json& t) {
           return std::pair(count(t, "requests"), count(t, "transactions"));
         })) {
      out.requests += requests;
      out.transactions += transactions;
    }
  });
}

Result<SlowView> read_slow(std::string_view json) {
  return view<SlowView>(json, [](const Json& j, SlowView& out) {
    read_list(j, out, slow);
    out.threshold_ms = number(j, "threshold_ms");
  });
}

Result<LoopsView> read_loops(std::string_view json) {
  return view<LoopsView>(json, [](const Json& j, LoopsView& out) {
    read_list(j, out, loop);
    out.wasted_ms = number(j, "wasted_ms");
  });
}

Result<Listing<AdviceRow>> read_advice(std::string_view json) {
  return view<Listing<AdviceRow>>(
      json, [](const Json& j, Listing<AdviceRow>& out) { read_list(j, out, advice); });
}

Result<HealthView> read_health(std::string_view json) {
  return view<HealthView>(json, [](const Json& j, HealthView& out) {
    out.status = text(j, "status");
    out.version = text(j, "version");
    out.uptime_seconds = count(j, "uptime_seconds");
    out.components = each(at(j, "components"), component);
  });
}

}  // namespace sluice::cmd
