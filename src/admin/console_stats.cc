// SHOW STATS and its relatives. Time spent in a transaction is the time that its requests took: the
// client's own pauses in between aren't in it.
#include <functional>

#include "admin/console_tables.h"

namespace sluice::admin {
namespace {

constexpr std::uint32_t kNumeric = 1700;

struct Measure {
  const char* total;  // as SHOW STATS calls it
  const char* average;
  const char* plain;                          // as SHOW STATS_TOTALS and STATS_AVERAGES do
  const char *in_totals, *average_in_totals;  // as SHOW TOTALS does
  std::uint64_t Amounts::* amount;
};

constexpr Measure kMeasures[] = {
    {"total_xact_count", "avg_xact_count", "xact_count", "total_xact_count", "avg_xact_count",
     &Amounts::transactions},
    {"total_query_count", "avg_query_count", "query_count", "total_query_count", "avg_query_count",
     &Amounts::requests},
    {"total_received", "avg_recv", "bytes_received", "total_client_bytes", "avg_client_bytes",
     &Amounts::received},
    {"total_sent", "avg_sent", "bytes_sent", "total_server_bytes", "avg_server_bytes",
     &Amounts::sent},
    {"total_xact_time", "avg_xact_time", "xact_time", "total_xact_time", "avg_xact_time",
     &Amounts::request_us},
    {"total_query_time", "avg_query_time", "query_time", "total_query_time", "avg_query_time",
     &Amounts::request_us},
    {"total_wait_time", "avg_wait_time", "wait_time", "total_wait_time", "avg_wait_time",
     &Amounts::wait_us},
};

using Part = Amounts DatabaseRates::*;

void add_columns(ConsoleReply& reply, std::span<const DatabaseRates> rates,
                 const char* Measure::* name, Part part) {
  for (const Measure& measure : kMeasures) reply.fields.push_back({measure.*name, kNumeric});
  for (std::size_t i = 0; i < rates.size(); ++i)
    for (const Measure& measure : kMeasures)
      reply.rows[i].push_back(std::to_string((rates[i].*part).*measure.amount));
}

ConsoleReply named_rows(std::span<const DatabaseRates> rates) {
  ConsoleReply reply;
  reply.fields = {{"database"}};
  for (const DatabaseRates& row : rates) reply.rows.push_back({row.database});
  return reply;
}

}  // namespace

ConsoleReply stats_table(std::span<const DatabaseRates> rates) {
  ConsoleReply reply = named_rows(rates);
  add_columns(reply, rates, &Measure::total, &DatabaseRates::total);
  add_columns(reply, rates, &Measure::average, &DatabaseRates::average);
  return reply;
}

ConsoleReply stats_totals_table(std::span<const DatabaseRates> rates) {
  ConsoleReply reply = named_rows(rates);
  add_columns(reply, rates, &Measure::plain, &DatabaseRates::total);
  return reply;
}

ConsoleReply stats_averages_table(std::span<const DatabaseRates> rates) {
  ConsoleReply reply = named_rows(rates);
  add_columns(reply, rates, &Measure::plain, &DatabaseRates::average);
  return reply;
}

ConsoleReply totals_table(std::span<const DatabaseRates> rates) {
  ConsoleReply reply;
  reply.fields = {{"name"}, {"value", kNumeric}};
  auto add = [&](const char* Measure::* name, Part part) {
    for (const Measure& measure : kMeasures) {
      std::uint64_t sum = 0;
      for (const DatabaseRates& row : rates) sum += (row.*part).*measure.amount;
      reply.rows.push_back({measure.*name, std::to_string(sum)});
    }
  };
  add(&Measure::in_totals, &DatabaseRates::total);
  add(&Measure::average_in_totals, &DatabaseRates::average);
  return reply;
}

}  // namespace sluice::admin
