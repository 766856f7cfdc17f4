// All JSON that the admin side writes.
#include <map>

#include <nlohmann/json.hpp>

#include "admin/api.h"
#include "admin/http.h"

namespace sluice::admin {
namespace {

using Json = nlohmann::ordered_json;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// Bytes that aren't UTF-8 (a server's message in another encoding) don't make an answer impossible.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view title_of(unsigned status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Content Too Large";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Error";
  }
}

using PinCounts = std::map<std::string, unsigned>;

PinCounts pins_of(const gateway::PoolView& pool, const std::vector<gateway::ClientView>& clients) {
  PinCounts counts;
  for (const auto& client : clients) {
    const auto& c = client.snapshot;
    if (client.listener != pool.listener || c.database != pool.database || c.user != pool.user)
      continue;
    for (unsigned i = 0; i < static_cast<unsigned>(query::PinCause::kCount); ++i)
      if (c.pins & query::bit(static_cast<query::PinCause>(i)))
        ++counts[std::string(name_of(static_cast<query::PinCause>(i)))];
  }
  return counts;
}

// What shares connections, and why the rest doesn't.
Json multiplex_json(const gateway::PoolView& pool) {
  const batch::SharingTotals& s = pool.sharing;
  Json reasons = Json::array();
  for (std::size_t i = 1; i < s.alone.size(); ++i)
    if (s.alone[i] > 0)
      reasons.push_back(
          {{"reason", batch::name_of(static_cast<batch::Alone>(i))}, {"statements", s.alone[i]}});
  return {{"mode", name_of(pool.multiplex)},
          {"statements", s.statements},
          {"share", s.share()},
          {"lanes", s.lanes},
          {"in_flight", s.under_way},
          {"waiting", s.waiting},
          {"depth", s.depth},
          {"latency_seconds", seconds(s.latency)},
          {"stalls", s.stalls},
          {"rescues", s.rescues},
          {"reruns", s.reruns},
          {"orphans", s.orphans},
          {"cancelled_locally", s.cancelled},
          {"prepared", pool.prepared},
          {"reverted", pool.reverted},
          {"reasons", reasons}};
}

Json pool_json(const gateway::PoolView& pool, const PinCounts& pins) {
  const PoolStats& s = pool.stats;
  return {
      {"listener", pool.listener},
      {"database", pool.database},
      {"user", pool.user},
      {"server", pool.server},
      {"server_database", pool.server_database},
      {"mode", name_of(pool.mode)},
      {"paused", pool.paused},
      {"min", pool.min},
      {"max", pool.max},
      {"connections",
       {{"total", s.total},
        {"idle", s.idle},
        {"leased", s.leased},
        {"connecting", s.connecting},
        {"opened", s.opened},
        {"closed", s.closed},
        {"failed", s.connect_failures},
        {"moved", s.moved}}},
      {"clients",
       {{"active", pool.clients_active},
        {"waiting", pool.clients_waiting},
        {"idle", pool.clients_idle}}},
      {"leases",
       {{"given", s.acquired},
        {"waited", s.waited},
        {"timed_out", s.timed_out},
        {"waiting", s.waiting},
        {"leaked", s.leaks},
        {"wait_seconds", seconds(s.wait_total)},
        {"longest_wait_seconds", seconds(s.wait_longest)},
        {"oldest_wait_seconds", seconds(s.oldest_wait)}}},
      {"multiplex", multiplex_json(pool)},
      {"pins", pins},
      {"generation", s.generation},
      {"last_error", pool.last_error},
  };
}

Json totals_json(const gateway::Totals& t) {
  return {{"listener", t.listener},
          {"database", t.database},
          {"requests", t.requests},
          {"transactions", t.transactions},
          {"bytes_received", t.received},
          {"bytes_sent", t.sent},
          {"request_seconds", seconds(t.request_time)},
          {"wait_seconds", seconds(t.wait_time)}};
}

}  // namespace

Answer problem(unsigned status, std::string_view detail) {
  const Json body = {
      {"type", "about:blank"}, {"title", title_of(status)}, {"status", status}, {"detail", detail}};
  return {.status = status, .content_type = "application/problem+json", .body = text_of(body)};
}

std::string health_json(Health health, const std::vector<gateway::Component>& components,
                        Duration uptime, bool with_details) {
  Json list = Json::array();
  for (const auto& component : components) {
    Json one = {{"name", component.name}, {"ready", component.ready}};
    if (with_details) one["detail"] = component.detail;
    if (with_details || !component.name.starts_with("pool ")) list.push_back(std::move(one));
  }
  return text_of(
      {{"status", name_of(health)},
       {"version", SLUICE_VERSION},
       {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
       {"components", list}});
}

std::string pools_json(const std::vector<gateway::PoolView>& pools,
                       const std::vector<gateway::ClientView>& clients,
                       const std::vector<gateway::Totals>& totals,
                       const std::vector<gateway::ServerView>& servers) {
  Json body = {{"clients", clients.size()},
               {"connections", servers.size()},
               {"pools", Json::array()},
               {"totals", Json::array()}};
  for (const auto& pool : pools) body["pools"].push_back(pool_json(pool, pins_of(pool, clients)));
  for (const auto& total : totals) body["totals"].push_back(totals_json(total));
  return text_of(body);
}

}  // namespace sluice::admin
