#include "query/loop_scope.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace sluice::query {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
// A burst that doesn't end is judged as one after so long.
constexpr std::int64_t kLongestBurst = 30'000 * kMillisecond;
constexpr std::int64_t kLongestGap = 500 * kMillisecond;
constexpr std::size_t kTailSteps = 64;   // of a full window that the next one may begin with
constexpr std::size_t kMostOpen = 64;    // loops found in one scope and not yet told
constexpr std::size_t kSmallSteps = 32;  // room that an idle session keeps

// Follows the low end of what it's told: down at once, up slowly.
void follow_low(std::int64_t& low, std::int64_t value) {
  constexpr int kSlowness = 8;  // an eighth bit: 1/256 of the distance
  low = low == 0 || value < low ? value : low + ((value - low) >> kSlowness);
}

}  // namespace

// ---- roles -------------------------------------------------------------------------------------

StepRoles::StepRoles() {
  Normaliser normaliser;
  const auto add = [&](StepRole role, std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) {
      for (const Dialect dialect : {Dialect::postgres, Dialect::mysql}) {
        known_.push_back({normaliser.read(text, dialect).fingerprint, role});
        known_.push_back({normaliser.read(std::string(text) + ";", dialect).fingerprint, role});
      }
    }
  };
  for (const std::string begin :
       {"begin", "begin transaction", "begin work", "start transaction"}) {
    for (const std::string_view level :
         {"", " read only", " read write", " isolation level read committed",
          " isolation level repeatable read", " isolation level serializable",
          " isolation level repeatable read read only",
          " isolation level serializable read only deferrable"}) {
      add(StepRole::begin, {begin + std::string(level)});
    }
  }
  add(StepRole::end, {"commit", "rollback", "end", "abort", "commit transaction",
                      "rollback transaction", "end transaction", "commit work", "rollback work"});
  // What pools and drivers ask to see whether somebody is there, or to clean up.
  add(StepRole::nothing, {"select 1",
                          "select 1 as one",
                          "select",
                          "",
                          "select true",
                          "select 'x'",
                          "select 1 + 1",
                          "select 1+1",
                          "select 1+1 as result",
                          "select 1 from dual",
                          "select version()",
                          "select pg_catalog.version()",
                          "select now()",
                          "select current_timestamp",
                          "select current_schema()",
                          "select current_schema",
                          "select current_database()",
                          "select current_user",
                          "select pg_is_in_recovery()",
                          "select pg_backend_pid()",
                          "select pg_advisory_unlock_all()",
                          "select pg_advisory_unlock_all(); close all; unlisten *; reset all",
                          "select txid_current()"});
  std::sort(known_.begin(), known_.end(),
            [](const Known& a, const Known& b) { return a.statement < b.statement; });
  for (const Known& known : known_) maybe_.set(known.statement.low % kBits);
}

StepRole StepRoles::of(const EventBody& event) const {
  if (event.failed) return StepRole::nothing;
  if (maybe_.test(event.statement.low % kBits)) {
    const auto it = std::lower_bound(known_.begin(), known_.end(), event.statement,
                                     [](const Known& known, const Fingerprint& statement) {
                                       return known.statement < statement;
                                     });
    if (it != known_.end() && it->statement == event.statement) return it->role;
  }
  if (event.select) return StepRole::select;
  // SAVEPOINT with a name of its own, SET, DEALLOCATE: no values, no rows.
  const bool says_nothing = event.values == 0 && event.rows == 0 && event.columns == 0;
  return says_nothing ? StepRole::nothing : StepRole::change;
}

// ---- pace --------------------------------------------------------------------------------------

void SessionPace::statement(std::int64_t took) {
  follow_low(round_trip, std::max<std::int64_t>(took, 1));
}

void SessionPace::pause(std::int64_t gap) { follow_low(least_gap, std::max<std::int64_t>(gap, 1)); }

std::int64_t SessionPace::burst_gap(const LoopOptions& options) const {
  return std::clamp(20 * round_trip, options.gap.count(),
                    std::max(kLongestGap, options.gap.count()));
}

// ---- scope -------------------------------------------------------------------------------------

bool Scope::ends_before(const EventBody& event, const LoopOptions& options) const {
  return !traced_ && (!steps_.empty() || unproven_ > 0) &&
         event.arrived - last_end_ >= pace_.burst_gap(options);
}

bool Scope::has_room(const EventBody& event) const {
  const std::size_t fields =
      event.params + std::size_t{event.sampled_rows} * std::size_t{event.columns};
  return steps_.size() < kMaxSteps && identities_.size() + fields <= kMaxIdentities;
}

void Scope::add(const EventBody& event, StepRole role, const std::uint64_t* identities) {
  const bool thin = identities_.size() > kMaxIdentities / 2;
  const auto sampled =
      thin ? std::min<std::uint16_t>(event.sampled_rows, kThinRows) : event.sampled_rows;
  const std::int64_t ended = event.arrived + event.took;
  LoopStep& step = steps_.emplace_back();
  step.statement = event.statement;
  step.session = event.client;
  step.caller = event.caller;
  step.values = event.values;
  step.arrived = event.arrived;
  step.ended = ended;
  step.rows = event.rows;
  step.at = static_cast<std::uint32_t>(identities_.size());
  step.params = event.params;
  step.columns = event.columns;
  step.sampled = event.columns == 0 ? std::uint16_t{0} : sampled;
  step.role = role;
  const std::size_t fields = event.params + std::size_t{step.sampled} * event.columns;
  identities_.insert(identities_.end(), identities, identities + fields);

  const bool first = steps_.size() == 1;
  if (alike_ + 1 == steps_.size() && role == StepRole::select &&
      event.statement == steps_.front().statement)
    ++alike_;
  const bool same_session = !first && last_session_ == event.client;
  step.pipelined = same_session && event.arrived < last_end_;
  if (!step.pipelined) pace_.statement(event.took);
  if (same_session && !step.pipelined) pace_.pause(event.arrived - last_end_);
  if (!first && event.arrived < steps_[steps_.size() - 2].arrived) unsorted_ = true;
  if (role == StepRole::begin) transaction_ = ++transactions_;
  step.transaction = transaction_;
  if (role == StepRole::end) transaction_ = 0;
  if (began_ == 0) began_ = event.arrived;
  last_session_ = event.client;
  last_end_ = first ? ended : std::max(last_end_, ended);
  slowest_ = std::max(slowest_, event.took);
}

void Scope::add_skipped(const SkippedBody& skipped) {
  unproven_ += skipped.statements;
  last_end_ = std::max(last_end_, skipped.ended);
}

LoopWindow Scope::window() {
  if (traced_) mark_pipelined();
  return {.steps = steps_,
          .identities = identities_,
          .round_trip = pace_.round_trip,
          .least_gap = pace_.least_gap,
          .traced = traced_,
          .unproven = unproven_};
}

// Sessions of a trace run beside each other: only within one a statement can be sent too early.
void Scope::mark_pipelined() {
  if (unsorted_) {
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const LoopStep& a, const LoopStep& b) { return a.arrived < b.arrived; });
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> sessions;  // and when they were free again
  for (LoopStep& step : steps_) {
    const auto it = std::find_if(sessions.begin(), sessions.end(),
                                 [&](const auto& s) { return s.first == step.session; });
    step.pipelined = it != sessions.end() && step.arrived < it->second;
    if (it == sessions.end()) {
      sessions.emplace_back(step.session, step.ended);
    } else {
      it->second = std::max(it->second, step.ended);
    }
  }
}

void Scope::judge(const LoopOptions& options, bool over, std::vector<Pattern>& found) {
  const bool worth = steps_.size() >= options.repeats || !open_.empty();
  const bool last = over || (!steps_.empty() && last_end_ - began_ > kLongestBurst);
  std::size_t kept = steps_.size();
  if (worth) {
    WindowVerdict verdict = find_patterns(window(), open_, options);
    unproven_ += verdict.unproven;
    if (!last) kept = tail(options, verdict.patterns);
    merge(std::move(verdict.patterns));
  }
  if (last) {
    close(options, found);
  } else {
    pause(found);
  }
  keep_from(kept);
}

void Scope::merge(std::vector<Pattern> patterns) {
  for (Pattern& pattern : open_) pattern.active = false;
  for (Pattern& pattern : patterns) {
    const auto it = std::find_if(open_.begin(), open_.end(),
                                 [&](const Pattern& open) { return open.same_loop(pattern); });
    if (it == open_.end()) {
      if (open_.size() < kMostOpen) open_.push_back(std::move(pattern));
      continue;
    }
    it->active = pattern.active;
    it->certain |= pattern.certain;
    for (LoopRun& run : pattern.runs) {
      if (!run.continues || it->runs.empty()) {
        it->runs.push_back(run);
        continue;
      }
      it->runs.back().calls += run.calls;
      it->runs.back().overhead += run.overhead;
      it->runs.back().last = run.last;
    }
    it->callers.insert(it->callers.end(), pattern.callers.begin(), pattern.callers.end());
  }
}

// The burst is over: what isn't certain depends on how much else there was.
void Scope::close(const LoopOptions& options, std::vector<Pattern>& found) {
  const bool stream = unproven_ > options.stream;
  for (Pattern& pattern : open_) {
    if (pattern.runs.empty()) continue;
    if (pattern.certain || !stream) found.push_back(std::move(pattern));
  }
  open_.clear();
  unproven_ = 0;
  began_ = 0;
  transaction_ = 0;
}

// It goes on: what is certain and finished needn't wait.
void Scope::pause(std::vector<Pattern>& found) {
  std::vector<Pattern> open;
  for (Pattern& pattern : open_) {
    if (!pattern.certain) {
      open.push_back(std::move(pattern));
      continue;
    }
    if (!pattern.active) {
      if (!pattern.runs.empty()) found.push_back(std::move(pattern));
      continue;
    }
    Pattern rest = pattern;
    rest.runs.assign(1, pattern.runs.back());
    rest.callers.clear();
    pattern.runs.pop_back();
    found.push_back(std::move(pattern));
    open.push_back(std::move(rest));
  }
  open_ = std::move(open);
}

// A result near the end whose rows may be looped over in the next window: where that begins.
std::size_t Scope::tail(const LoopOptions& options, std::span<const Pattern> patterns) const {
  if (steps_.size() < kMaxSteps) return steps_.size();  // it was its identities that filled it
  std::size_t first = steps_.size() - kTailSteps;
  for (const Pattern& pattern : patterns) {
    first = std::max<std::size_t>(first, pattern.runs.back().end);
  }
  while (first < steps_.size() && steps_[first].sampled < options.proof) ++first;
  return first;
}

void Scope::keep_from(std::size_t first) {
  if (first >= steps_.size()) {
    steps_.clear();
    identities_.clear();
    if (began_ == 0 && steps_.capacity() > kSmallSteps) {
      steps_ = {};
      identities_ = {};
    }
  } else {
    std::vector<std::uint64_t> identities;
    for (std::size_t i = first; i < steps_.size(); ++i) {
      LoopStep& step = steps_[i];
      const auto from = identities_.begin() + step.at;
      const auto size = step.params + std::ptrdiff_t{step.sampled} * step.columns;
      step.at = static_cast<std::uint32_t>(identities.size());
      identities.insert(identities.end(), from, from + size);
    }
    steps_.erase(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(first));
    identities_ = std::move(identities);
  }
  unsorted_ = false;
  alike_ = 0;
}

std::size_t Scope::bytes() const {
  return sizeof(*this) + steps_.capacity() * sizeof(LoopStep) +
         identities_.capacity() * sizeof(std::uint64_t) + open_.capacity() * sizeof(Pattern);
}

}  // namespace sluice::query
