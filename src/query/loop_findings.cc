#include "query/loop_findings.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/hash.h"

namespace sluice::query {
namespace {

constexpr std::size_t kSizes = 256;         // runs that p50 and p95 are of
constexpr std::size_t kMostShapes = 16384;  // statements whose columns' names are known
constexpr std::size_t kMostCallers = 4096;
constexpr std::size_t kCallersOfLoop = 8;
constexpr std::int64_t kSecond = 1'000'000'000;

std::string id_of(const Pattern& pattern) {
  std::vector<Fingerprint> cycle = pattern.cycle;
  std::sort(cycle.begin(), cycle.end());  // where a cycle begins may differ from run to run
  std::string what(name_of(pattern.kind));
  for (const Fingerprint& statement : cycle) what += statement.text();
  if (cycle.empty()) what += pattern.statement.text();
  what += pattern.source.text();
  return Hash128{0, hash64(what)}.text().substr(16);
}

bool is_sure(LoopKind kind) { return kind == LoopKind::proven || kind == LoopKind::chained; }

std::uint64_t quantile(const std::vector<std::uint64_t>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

}  // namespace

void LoopFindings::Finding::ran(std::uint64_t calls) {
  ++loop.bursts;
  loop.calls += calls;
  loop.max = std::max(loop.max, calls);
  remember_size(calls);
}

void LoopFindings::Finding::remember_size(std::uint64_t calls) {
  if (sizes.size() < kSizes) {
    sizes.push_back(calls);
  } else {
    sizes[next_size++ % kSizes] = calls;
  }
}

Loop LoopFindings::Finding::summary() const {
  Loop summary = loop;
  std::vector<std::uint64_t> sorted = sizes;
  std::sort(sorted.begin(), sorted.end());
  summary.p50 = quantile(sorted, 0.5);
  summary.p95 = quantile(sorted, 0.95);
  return summary;
}

void LoopFindings::learn_shape(const Fingerprint& statement, std::vector<std::string> columns) {
  if (shapes_.size() >= kMostShapes && !shapes_.contains(statement)) shapes_.erase(shapes_.begin());
  shapes_[statement] = std::move(columns);
}

void LoopFindings::learn_caller(std::uint64_t caller, Caller who) {
  if (callers_.size() >= kMostCallers && !callers_.contains(caller))
    callers_.erase(callers_.begin());
  callers_[caller] = std::move(who);
}

void LoopFindings::add(const Pattern& pattern, std::int64_t utc) {
  if (pattern.runs.empty()) return;
  Finding& finding = place_of(pattern);
  Loop& loop = finding.loop;
  for (const LoopRun& run : pattern.runs) {
    finding.ran(run.calls);
    loop.wasted += Duration(run.overhead);
    const std::int64_t first = (run.first + utc) / kSecond;
    loop.first_seen = loop.first_seen == 0 ? first : std::min(loop.first_seen, first);
    loop.last_seen = std::max(loop.last_seen, (run.last + utc) / kSecond);
  }
  for (const LoopCaller& counted : pattern.callers) {
    const auto known = callers_.find(counted.caller);
    count_caller({.caller = known == callers_.end() ? Caller{} : known->second,
                  .calls = counted.calls,
                  .total = Duration(counted.took)},
                 loop);
  }
}

LoopFindings::Finding& LoopFindings::place_of(const Pattern& pattern) {
  if (pattern.kind == LoopKind::repeated) {
    const auto sure = sure_.find(pattern.statement);
    if (sure != sure_.end()) return findings_.at(sure->second);
    return finding_of(pattern);
  }
  Finding& finding = finding_of(pattern);
  if (is_sure(pattern.kind)) absorb(pattern.statement, finding);
  return finding;
}

// A repeated finding becomes part of one that knows more.
void LoopFindings::absorb(const Fingerprint& statement, Finding& into) {
  const auto unsure = unsure_.find(statement);
  if (unsure == unsure_.end()) return;
  const std::string id = unsure->second;
  const Finding& from = findings_.at(id);
  into.loop.bursts += from.loop.bursts;
  into.loop.calls += from.loop.calls;
  into.loop.max = std::max(into.loop.max, from.loop.max);
  into.loop.wasted += from.loop.wasted;
  if (into.loop.first_seen == 0) into.loop.first_seen = from.loop.first_seen;
  into.loop.first_seen = std::min(into.loop.first_seen, from.loop.first_seen);
  into.loop.last_seen = std::max(into.loop.last_seen, from.loop.last_seen);
  for (const std::uint64_t size : from.sizes) into.remember_size(size);
  for (const CallerStats& caller : from.loop.callers) count_caller(caller, into.loop);
  forget(id);
}

void LoopFindings::remember(const Loop& loop) {
  if (is_sure(loop.kind)) sure_[loop.statement] = loop.id;
  if (loop.kind == LoopKind::repeated) unsure_[loop.statement] = loop.id;
}

void LoopFindings::forget(const std::string& id) {
  const auto it = findings_.find(id);
  if (it == findings_.end()) return;
  for (auto* index : {&sure_, &unsure_}) {
    const auto known = index->find(it->second.loop.statement);
    if (known != index->end() && known->second == id) index->erase(known);
  }
  findings_.erase(it);
}

void LoopFindings::clear() {
  findings_.clear();
  sure_.clear();
  unsure_.clear();
}

LoopFindings::Finding& LoopFindings::finding_of(const Pattern& pattern) {
  const std::string id = id_of(pattern);
  const auto it = findings_.find(id);
  if (it != findings_.end()) return it->second;
  if (findings_.size() >= most_) forget_least();
  Finding& finding = findings_[id];
  Loop& loop = finding.loop;
  loop.id = id;
  loop.kind = pattern.kind;
  loop.statement = pattern.statement;
  loop.cycle = pattern.cycle;
  remember(loop);
  if (pattern.parameter == 0) return finding;
  loop.source = pattern.source;
  loop.source_column = column_name(pattern);
  loop.parameter = pattern.parameter;
  return finding;
}

void LoopFindings::forget_least() {
  const auto least = std::min_element(
      findings_.begin(), findings_.end(),
      [](const auto& a, const auto& b) { return a.second.loop.wasted < b.second.loop.wasted; });
  if (least != findings_.end()) forget(std::string(least->first));
}

std::string LoopFindings::column_name(const Pattern& pattern) const {
  const auto shape = shapes_.find(pattern.source);
  if (shape == shapes_.end() || pattern.column >= shape->second.size()) {
    return "column " + std::to_string(pattern.column + 1);
  }
  return shape->second[pattern.column];
}

void LoopFindings::count_caller(const CallerStats& counted, Loop& loop) {
  auto it = std::find_if(loop.callers.begin(), loop.callers.end(),
                         [&](const CallerStats& stats) { return stats.caller == counted.caller; });
  if (it == loop.callers.end()) {
    if (loop.callers.size() == kCallersOfLoop) loop.callers.pop_back();  // the least
    it = loop.callers.insert(loop.callers.end(), {.caller = counted.caller});
  }
  it->calls += counted.calls;
  it->total += counted.total;
  std::stable_sort(loop.callers.begin(), loop.callers.end(),
                   [](const CallerStats& a, const CallerStats& b) { return a.total > b.total; });
}

std::vector<Loop> LoopFindings::all() const {
  std::vector<Loop> loops;
  loops.reserve(findings_.size());
  for (const auto& [id, finding] : findings_) loops.push_back(finding.summary());
  std::sort(loops.begin(), loops.end(), [](const Loop& a, const Loop& b) {
    return a.wasted != b.wasted ? a.wasted > b.wasted : a.id < b.id;
  });
  return loops;
}

// Of the runs before, only p50, p95 and max are known: so many of each stand for them.
void LoopFindings::restore(std::vector<Loop> loops) {
  for (Loop& loop : loops) {
    if (findings_.size() >= most_) forget_least();
    Finding finding;
    const std::uint64_t runs = std::min<std::uint64_t>(loop.bursts, 20);
    for (std::uint64_t i = 0; i < runs; ++i) {
      finding.sizes.push_back(i + 1 < runs || runs == 1 ? loop.p50 : loop.p95);
    }
    finding.loop = std::move(loop);
    remember(finding.loop);
    std::string id = finding.loop.id;
    findings_.insert_or_assign(std::move(id), std::move(finding));
  }
}

}  // namespace sluice::query
