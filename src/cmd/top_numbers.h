// What happened between two looks at a running gateway.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/api_views.h"
#include "sluice/time.h"

namespace sluice::cmd {

struct TopSample {
  StatementsView statements;
  PoolsView pools;
  Time at{};
};

// One statement in the interval. A statement without calls in it has no row.
struct TopRow {
  std::string query;
  double calls = 0, errors = 0;  // per second
  double mean_ms = 0, rows_per_call = 0;
  double share = 0;  // of the time that all statements took in the interval, 0..1
  double p99_ms =
      0;  // over all that is known of it: an interval's can't be told from two quantiles
};

struct TopNumbers {
  std::optional<double> seconds;  // the interval; none: there is only one sample
  double requests = 0, transactions = 0, errors = 0;  // per second
  double busy = 0;  // statements under way on average: time that they took per time that passed
  PoolsView pools;  // what is counted of sharing: in the interval, if there is one
  std::vector<TopRow> rows;
};

enum class TopOrder : unsigned char { time, calls, mean, errors };
std::string_view name_of(TopOrder order);  // "time"
std::optional<TopOrder> top_order_of(std::string_view name);

// Counts that fell began anew in between (a restart, a reset): all of them are the interval's.
TopNumbers top_numbers(const TopSample& before, const TopSample& after, TopOrder order);
// Of the first sample: the pools, no rates.
TopNumbers top_numbers(const TopSample& first);

}  // namespace sluice::cmd
