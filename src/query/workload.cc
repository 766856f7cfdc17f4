// Workload: the workers' parts together, for those who read. They walk each worker's slots a few at a time, so
// that a worker never waits for more than some tens of microseconds.
#include "sluice/query/workload.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "query/recorder_state.h"

namespace sluice::query {

Shared::Shared(WorkloadOptions options, unsigned workers)
    : workers_(std::max(1U, workers)),
      options_(std::make_shared<const WorkloadOptions>(std::move(options))) {}

OptionsRef Shared::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

void Shared::configure(WorkloadOptions options) {
  {
    const std::lock_guard lock(mutex_);
    options_ = std::make_shared<const WorkloadOptions>(std::move(options));
  }
  something_changed();
}

struct Workload::State {
  State(WorkloadOptions options, unsigned workers) : shared(std::move(options), workers) {}

  // Calls visit(entry) for all of one worker, `step` slots at each hold of its lock.
  template <class Visit>
  void walk(const Recorder& recorder, std::size_t step, Visit visit) const {
    const Recorder::State& r = *recorder.state_;
    for (std::size_t at = 0;;) {
      const std::lock_guard lock(r.mutex);
      const auto& slots = r.table.slots();
      if (r.reset_wanted || at >= slots.size()) return;
      const std::size_t end = std::min(slots.size(), at + kLooked);
      for (std::size_t visited = 0; at < end && visited < step; ++at)
        if (slots[at] && visit(*slots[at])) ++visited;
    }
  }

  std::unordered_set<Fingerprint> costliest(std::size_t most) const;

  static constexpr std::size_t kLooked = 256, kCopied = 8;  // entries at each hold of a lock

  Shared shared;
  std::vector<std::unique_ptr<Recorder>> recorders;
};

Workload::Workload(WorkloadOptions options, unsigned workers, Templates&)
    : state_(std::make_unique<State>(std::move(options), workers)) {
  constexpr std::uint64_t kSeed = 0x2545f4914f6cdd1d;
  for (unsigned i = 0; i < state_->shared.workers(); ++i) {
    auto state = std::make_unique<Recorder::State>(state_->shared, kSeed + i);
    state_->recorders.emplace_back(new Recorder(std::move(state)));
  }
}
Workload::~Workload() = default;

Recorder& Workload::recorder(unsigned worker) {
  return *state_->recorders[worker % state_->recorders.size()];
}

void Workload::configure(WorkloadOptions options) { state_->shared.configure(std::move(options)); }

std::unordered_set<Fingerprint> Workload::State::costliest(std::size_t most) const {
  std::unordered_map<Fingerprint, Duration> totals;
  for (const auto& recorder : recorders) {
    walk(*recorder, kLooked, [&](const Entry& entry) {
      totals[entry.statement->fingerprint()] += entry.tally.total;
      return true;
    });
  }
  std::vector<std::pair<Duration, Fingerprint>> order;
  order.reserve(totals.size());
  for (const auto& [fingerprint, total] : totals) order.emplace_back(total, fingerprint);
  most = std::min(most, order.size());
  std::ranges::nth_element(order, order.begin() + static_cast<std::ptrdiff_t>(most),
                           std::greater{});
  std::unordered_set<Fingerprint> chosen;
  for (std::size_t i = 0; i < most; ++i) chosen.insert(order[i].second);
  return chosen;
}

std::vector<QueryStats> Workload::snapshot(std::size_t most) const {
  std::unordered_set<Fingerprint> chosen;
  const bool all = most == SIZE_MAX;
  if (!all) chosen = state_->costliest(most);
  std::unordered_map<Fingerprint, std::size_t> place;
  std::vector<QueryStats> merged;
  std::vector<QueryStats> copies;
  for (const auto& recorder : state_->recorders) {
    copies.clear();
    state_->walk(*recorder, State::kCopied, [&](const Entry& entry) {
      if (!all && !chosen.contains(entry.statement->fingerprint())) return false;
      copies.push_back(entry.stats());
      return true;
    });
    for (QueryStats& copy : copies) {
      const auto [at, fresh] = place.try_emplace(copy.statement->fingerprint(), merged.size());
      if (fresh) {
        merged.push_back(std::move(copy));
      } else {
        merged[at->second].merge(copy);
      }
    }
  }
  return merged;
}

std::optional<QueryStats> Workload::find(const Fingerprint& fingerprint) const {
  std::optional<QueryStats> found;
  for (const auto& recorder : state_->recorders) {
    const Recorder::State& r = *recorder->state_;
    std::optional<QueryStats> one;
    {
      const std::lock_guard lock(r.mutex);
      const Entry* entry = r.reset_wanted ? nullptr : r.table.find(fingerprint);
      if (entry) one = entry->stats();
    }
    if (!one) continue;
    if (found) {
      found->merge(*one);
    } else {
      found = std::move(one);
    }
  }
  return found;
}

std::vector<SlowQuery> Workload::slow_queries() const { return state_->shared.slow.newest_first(); }

void Workload::explained(std::uint64_t slow_id, std::string plan) {
  state_->shared.slow.explained(slow_id, std::move(plan));
}

void Workload::on_slow(std::function<void(const SlowQuery&)> hook) {
  state_->shared.slow.hook(std::move(hook));
}

// The costliest first, so that what doesn't fit is the least of them.
void Workload::restore(std::vector<QueryStats> stats, std::vector<SlowQuery> slow) {
  std::ranges::sort(stats, std::greater{}, &QueryStats::total);
  for (const QueryStats& one : stats) {
    if (!one.statement) continue;
    const Fingerprint& fingerprint = one.statement->fingerprint();
    auto& recorder = *state_->recorders[fingerprint.high % state_->recorders.size()];
    recorder.state_->restore(one);
  }
  state_->shared.slow.restore(std::move(slow), state_->shared.options()->slow_samples);
}

void Workload::reset() {
  for (const auto& recorder : state_->recorders) {
    const std::lock_guard lock(recorder->state_->mutex);
    recorder->state_->reset_wanted = true;
  }
  state_->shared.slow.clear();
  state_->shared.something_changed();
}

Workload::Totals Workload::totals() const {
  Totals totals;
  std::unordered_set<Fingerprint> fingerprints;
  for (const auto& recorder : state_->recorders) {
    state_->walk(*recorder, State::kLooked, [&](const Entry& entry) {
      return fingerprints.insert(entry.statement->fingerprint()), true;
    });
    const Recorder::State& r = *recorder->state_;
    const std::lock_guard lock(r.mutex);
    totals.bytes += r.bytes();
    if (r.reset_wanted) continue;
    totals.calls += r.calls;
    totals.errors += r.errors;
    totals.rows += r.rows;
    totals.forgotten += r.forgotten;
    totals.forgotten_time += r.forgotten_time;
    totals.unanalysed += r.unanalysed;
    totals.journal_lost += r.journal.lost();
    for (const auto& [reason, count] : r.unanalysed_by) {
      const auto known = std::ranges::find(totals.unanalysed_by, reason,
                                           &std::pair<std::string, std::uint64_t>::first);
      if (known == totals.unanalysed_by.end()) {
        totals.unanalysed_by.emplace_back(reason, count);
      } else {
        known->second += count;
      }
    }
  }
  totals.fingerprints = fingerprints.size();
  return totals;
}

}  // namespace sluice::query
