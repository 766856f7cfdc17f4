// QueryStats: two views of one statement made one. Counts, times and histograms add up exactly.
#include <algorithm>
#include <iterator>
#include <utility>

#include "query/entry.h"
#include "query/reservoir.h"
#include "sluice/query/workload.h"

namespace sluice::query {
namespace {

using States = std::vector<std::pair<std::string, std::uint64_t>>;

void merge_states(States& into, const States& other) {
  for (const auto& [state, count] : other) {
    const auto known = std::ranges::find(into, state, &States::value_type::first);
    if (known == into.end()) {
      into.emplace_back(state, count);
    } else {
      known->second += count;
    }
  }
  std::ranges::stable_sort(into, std::greater{}, &States::value_type::second);
}

void merge_callers(std::vector<CallerStats>& into, const std::vector<CallerStats>& other) {
  for (const CallerStats& one : other) {
    const auto known = std::ranges::find(into, one.caller, &CallerStats::caller);
    if (known == into.end()) {
      into.push_back(one);
    } else {
      known->calls += one.calls;
      known->total += one.total;
    }
  }
  std::ranges::stable_sort(into, std::greater{}, &CallerStats::total);
  if (into.size() > Entry::kMaxCallers) into.resize(Entry::kMaxCallers);
}

// 0 is: never.
std::int64_t earlier(std::int64_t a, std::int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

}  // namespace

void QueryStats::merge(const QueryStats& other) {
  Dice dice(calls * 0x9e3779b97f4a7c15 + other.calls);
  uniform = merge_uniform(std::move(uniform), calls, other.uniform, other.calls, dice);
  slowest = merge_slowest(std::move(slowest), other.slowest);
  if (first_seen == 0 || (other.first_seen != 0 && other.first_seen < first_seen)) {
    database = other.database;
    user = other.user;
  }
  for (const auto field :
       {&QueryStats::calls, &QueryStats::errors, &QueryStats::cancelled, &QueryStats::lost,
        &QueryStats::slow, &QueryStats::rows, &QueryStats::bytes, &QueryStats::simple,
        &QueryStats::unnamed, &QueryStats::prepared, &QueryStats::pauses})
    this->*field += other.*field;
  for (const auto field : {&QueryStats::total, &QueryStats::queue, &QueryStats::pool_wait,
                           &QueryStats::server, &QueryStats::transfer, &QueryStats::pause_total})
    this->*field += other.*field;
  max_rows = std::max(max_rows, other.max_rows);
  max = std::max(max, other.max);
  pause_max = std::max(pause_max, other.pause_max);
  latency.merge(other.latency);
  merge_states(states, other.states);
  merge_callers(callers, other.callers);
  first_seen = earlier(first_seen, other.first_seen);
  last_seen = std::max(last_seen, other.last_seen);
}

}  // namespace sluice::query
