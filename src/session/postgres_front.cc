#include "session/postgres_front.h"

namespace sluice::postgres {

std::optional<Settings::Ref> PostgresRoute::known_settings(const std::string& asked) const {
  std::lock_guard lock(mutex_);
  auto at = learned_.find(asked);
  return at == learned_.end() ? std::nullopt : std::optional(at->second);
}

void PostgresRoute::learn_settings(const std::string& asked, Settings::Ref settings) {
  constexpr std::size_t kMost = 1000;  // application_name may be different for every client
  std::lock_guard lock(mutex_);
  if (learned_.size() >= kMost) learned_.clear();
  learned_[asked] = std::move(settings);
}

FrontMetrics::FrontMetrics(monitor::Registry& registry, const std::string& listener) {
  const monitor::Labels at = {{"listener", listener}};
  auto counter = [&](const char* name, const char* help) {
    return registry.counter(name, help, at);
  };
  clients_accepted =
      counter("sluice_postgres_clients_accepted_total", "Client connections accepted.");
  clients_refused = counter("sluice_postgres_clients_refused_total",
                            "Clients turned away before their first request.");
  login_failures =
      counter("sluice_postgres_login_failures_total", "Clients that couldn't prove who they are.");
  queries =
      counter("sluice_postgres_requests_total", "Requests: simple queries and extended groups.");
  transactions =
      counter("sluice_postgres_transactions_total", "Transactions ended, autocommit included.");
  errors = counter("sluice_postgres_errors_total", "ErrorResponses sent by servers.");
  bytes_received = counter("sluice_postgres_received_bytes_total", "Bytes read from clients.");
  bytes_sent = counter("sluice_postgres_sent_bytes_total", "Bytes written to clients.");
  cancels = counter("sluice_postgres_cancels_total", "Cancel requests that found their client.");
  timeouts =
      counter("sluice_postgres_timeouts_total", "Requests and idle clients ended by a timeout.");
  aborted = counter("sluice_postgres_aborted_total",
                    "Clients gone in the middle of a request or transaction.");
  statements_reused = counter("sluice_postgres_statements_reused_total",
                              "Parse messages that no server had to see.");
  statements_parsed = counter("sluice_postgres_statements_parsed_total",
                              "Named statements parsed on a connection.");
  for (unsigned i = 0; i < static_cast<unsigned>(query::PinCause::kCount); ++i)
    pins[i] = registry.counter(
        "sluice_postgres_pins_total", "Connections kept beyond a transaction, by cause.",
        {{"listener", listener}, {"cause", std::string(name_of(static_cast<query::PinCause>(i)))}});
  query_time = registry.histogram("sluice_postgres_request_seconds",
                                  "From a request's first byte to its last reply.", at);
  wait_time =
      registry.histogram("sluice_postgres_wait_seconds", "Waiting for a server connection.", at);
}

}  // namespace sluice::postgres
