// How a window is judged, in this order: statements are numbered and grouped; what an earlier window
// found goes on; values are traced to their sources; what has one is a proven or a chained loop; the
// rest has to convince otherwise; lockstep makes cycles; what takes too little time is dropped.
#include "query/loop_patterns.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "query/loop_groups.h"
#include "query/loop_proof.h"
#include "query/loop_table.h"

namespace sluice::query {
namespace {

constexpr std::size_t kMostMembers = 8;  // of a cycle

class Judge {
 public:
  Judge(const LoopWindow& window, std::span<const Pattern> known, const LoopOptions& options)
      : window_(window),
        known_(known),
        options_(options),
        steps_(number_steps(window)),
        groups_(group_steps(steps_, known, options)) {}

  WindowVerdict judge() {
    WindowVerdict verdict;
    if (!groups_.empty()) {
      trace_sources();
      settle_traced();
      settle_untraced();
      form_cycles();
      drop_cheap();
      report(verdict.patterns);
    }
    verdict.unproven = count_unproven();
    return verdict;
  }

 private:
  LoopGroup* group_of(std::int32_t number) {
    for (LoopGroup& group : groups_) {
      if (static_cast<std::int32_t>(group.number) == number) return &group;
    }
    return nullptr;
  }

  void trace_sources() {
    std::vector<LoopGroup*> candidates;
    std::vector<std::span<const std::uint32_t>> repeated;
    for (LoopGroup& group : groups_) {
      if (group.state != LoopState::undecided || group.distinct < options_.distinct) continue;
      candidates.push_back(&group);
      repeated.push_back(group.at);
    }
    if (candidates.empty()) return;
    const FieldIndex index(steps_, repeated);
    for (LoopGroup* group : candidates) {
      group->proof = index.prove(group->at, options_);
      if (group->proof.source == static_cast<std::int32_t>(group->number) &&
          turns_pages(steps_, group->at)) {
        group->state = LoopState::quiet;
      }
    }
  }

  // ---- those whose values have a source --------------------------------------------------------

  // Sources first: each round decides at least those that wait for nobody.
  void settle_traced() {
    for (bool patient : {true, false}) {
      for (bool progress = true; progress;) {
        progress = false;
        for (LoopGroup& group : groups_) {
          if (group.state != LoopState::undecided || !group.proof.found()) continue;
          const LoopGroup* source = group_of(group.proof.source);
          if (patient && source != nullptr && source != &group && source->waits()) continue;
          progress |= settle(group, source);
        }
      }
    }
  }

  // True: it's decided now.
  bool settle(LoopGroup& group, const LoopGroup* source) {
    if (source == &group || (source != nullptr && source->certain_loop())) {
      return chain(group, *source);
    }
    group.spans = spans_by_source(steps_, group, options_);
    if (group.spans.empty()) {
      group.traced_in_vain = true;
      return false;
    }
    group.state = LoopState::proven;
    group.certain = true;
    group.restart = group.proof.source;
    return true;
  }

  bool chain(LoopGroup& group, const LoopGroup& source) {
    group.restart = &source == &group ? LoopProof::kNone : source.restart;
    group.spans = spans_between(steps_, group, options_);
    if (group.spans.empty()) {
      group.traced_in_vain = true;
      return false;
    }
    group.state = LoopState::chained;
    group.certain = &source == &group || source.certain;
    return true;
  }

  // ---- the others ------------------------------------------------------------------------------

  void settle_untraced() {
    stream_ = window_.unproven + count_unproven() > options_.stream;
    for (bool traced : {false, true}) {
      for (LoopGroup& group : groups_) {
        if (group.state != LoopState::undecided || group.proof.found() != traced) continue;
        const LoopGroup* source = traced ? group_of(group.proof.source) : nullptr;
        if (source != nullptr && source->loop() && chain(group, *source)) continue;
        convince(group);
      }
    }
  }

  void convince(LoopGroup& group) {
    group.state = LoopState::quiet;
    if (turns_pages(steps_, group.at) || changes_between(steps_, group.at) > 1) return;
    const Companions companions = companions_of(steps_, group);
    for (const LoopSpan& span : spans_in_sequence(steps_, group, companions)) {
      const std::optional<LoopState> kind = kind_of(group, span);
      if (!kind) continue;
      const bool certain = window_.traced || one_transaction(group, span) || has_proven(companions);
      if (!certain && (stream_ || !at_own_pace(group, span))) continue;
      // Of both kinds the one that says more is kept.
      if (group.state == LoopState::repeated && *kind != LoopState::repeated) continue;
      if (group.state != *kind) group.spans.clear();
      group.certain = certain && (group.spans.empty() || group.certain);
      group.state = *kind;
      group.spans.push_back(span);
    }
  }

  std::optional<LoopState> kind_of(const LoopGroup& group, const LoopSpan& span) const {
    if (span.size() < options_.repeats) return std::nullopt;
    const ValueCounts counts = count_values(window_, group.in(span));
    if (counts.distinct >= options_.distinct) return LoopState::repeated;
    if (counts.most >= options_.repeats) return LoopState::duplicate;
    return std::nullopt;
  }

  bool one_transaction(const LoopGroup& group, const LoopSpan& span) const {
    const auto at = group.in(span);
    const std::uint32_t transaction = window_.steps[at.front()].transaction;
    return transaction != 0 && std::all_of(at.begin(), at.end(), [&](std::uint32_t i) {
             return window_.steps[i].transaction == transaction;
           });
  }

  bool has_proven(const Companions& companions) {
    return std::any_of(companions.begin(), companions.end(), [&](std::uint32_t number) {
      const LoopGroup* group = group_of(static_cast<std::int32_t>(number));
      return group != nullptr && group->certain_loop();
    });
  }

  // The longest pause of each round. One in ten may be longer, and one of eight or more.
  bool at_own_pace(const LoopGroup& group, const LoopSpan& span) const {
    const auto at = group.in(span);
    std::vector<std::int64_t> pauses;
    for (std::size_t k = 1; k < at.size(); ++k) {
      std::int64_t longest = 0;
      for (std::uint32_t i = at[k - 1] + 1; i <= at[k]; ++i) {
        longest = std::max(longest, pause_before(window_, i));
      }
      pauses.push_back(longest);
    }
    const std::size_t longer = std::max<std::size_t>(pauses.size() / 10, pauses.size() >= 8);
    const auto high = pauses.end() - 1 - static_cast<std::ptrdiff_t>(longer);
    std::nth_element(pauses.begin(), high, pauses.end());
    return *high <= options_.pace.count();
  }

  // ---- all -------------------------------------------------------------------------------------

  void form_cycles() {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      LoopGroup& group = groups_[i];
      if (group.state != LoopState::proven && group.state != LoopState::repeated) continue;
      for (std::size_t lead = 0; lead < i; ++lead) {
        LoopGroup& first = groups_[lead];
        if (first.members.empty() || first.members.size() >= kMostMembers) continue;
        if (!in_lockstep(group.at, first.at)) continue;
        first.members.push_back(i);
        group.lead = lead;
        break;
      }
      if (group.lead == LoopGroup::kNobody) group.members.push_back(i);
    }
  }

  // Whose family takes too little of the window's time isn't worth a word.
  void drop_cheap() {
    std::vector<std::int64_t> time(groups_.size());
    std::vector<std::size_t> family(groups_.size());
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      family[i] = family_of(i);
      if (groups_[i].loop()) time[family[i]] += time_of(window_, groups_[i]);
    }
    const std::int64_t whole = window_.steps.back().ended - window_.steps.front().arrived;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const std::int64_t spent = time[family[i]];
      if (spent >= options_.least_time.count()) continue;
      if (static_cast<double>(spent) >= options_.least_share * static_cast<double>(whole)) continue;
      groups_[i].state = LoopState::quiet;
    }
  }

  std::size_t family_of(std::size_t i) {
    for (std::size_t hops = 0; hops < groups_.size(); ++hops) {
      const LoopGroup& group = groups_[i];
      if (group.lead != LoopGroup::kNobody) {
        i = group.lead;
      } else if (group.state == LoopState::chained &&
                 group.proof.source != static_cast<std::int32_t>(group.number)) {
        const LoopGroup* source = group_of(group.proof.source);
        if (source == nullptr) return i;
        i = static_cast<std::size_t>(source - groups_.data());
      } else {
        return i;
      }
    }
    return i;
  }

  void report(std::vector<Pattern>& out) {
    for (std::size_t known = 0; known < known_.size(); ++known) report_continued(known, out);
    for (LoopGroup& group : groups_) {
      if (!group.loop() || group.lead != LoopGroup::kNobody) continue;
      out.push_back(group.members.size() > 1 ? cycle_of(group) : single(group));
    }
    for (Pattern& pattern : out) pattern.active = goes_on(pattern);
  }

  void report_continued(std::size_t known, std::vector<Pattern>& out) {
    Pattern pattern = known_[known];
    pattern.runs.assign(1, {.continues = true});
    pattern.callers.clear();
    for (const LoopGroup& group : groups_) {
      if (group.known != known || group.continued.empty()) continue;
      count(group.continued, pattern.runs.front(), pattern.callers);
    }
    if (pattern.runs.front().calls != 0) out.push_back(std::move(pattern));
  }

  // Nothing behind its last run says that it's over.
  bool goes_on(const Pattern& pattern) const {
    const std::uint32_t end = pattern.runs.back().end;
    for (std::size_t i = end; i < window_.steps.size(); ++i) {
      if (window_.steps[i].statement == pattern.restart) return false;
    }
    return few_between(steps_, end == 0 ? 0 : end - 1,
                       static_cast<std::uint32_t>(window_.steps.size()));
  }

  Pattern single(const LoopGroup& group) {
    Pattern pattern;
    describe(group, pattern);
    pattern.certain = group.certain;
    for (const LoopSpan& span : group.spans) {
      LoopRun& run = pattern.runs.emplace_back();
      count(group.in(span), run, pattern.callers);
      run.overhead = static_cast<std::int64_t>(run.calls - 1) * overhead();
    }
    return pattern;
  }

  void describe(const LoopGroup& group, Pattern& pattern) {
    pattern.kind = kind(group.state);
    pattern.statement = statement(group.number);
    if (group.state != LoopState::proven && group.state != LoopState::chained) return;
    pattern.source = statement(static_cast<std::uint32_t>(group.proof.source));
    pattern.column = group.proof.column;
    pattern.parameter = group.proof.parameter + 1;
    if (group.restart != LoopProof::kNone) {
      pattern.restart = statement(static_cast<std::uint32_t>(group.restart));
    }
  }

  // The first proven member leads; where none is, the first.
  Pattern cycle_of(const LoopGroup& first) {
    const auto& members = first.members;
    const auto proven = std::find_if(members.begin(), members.end(), [&](std::size_t i) {
      return groups_[i].state == LoopState::proven;
    });
    const std::size_t lead = proven == members.end() ? members.front() : *proven;
    Pattern pattern;
    describe(groups_[lead], pattern);
    pattern.kind = LoopKind::interleaved;
    pattern.certain = groups_[lead].certain;
    const auto turn = std::find(members.begin(), members.end(), lead) - members.begin();
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto at = (static_cast<std::size_t>(turn) + i) % members.size();
      pattern.cycle.push_back(statement(groups_[members[at]].number));
    }
    const auto& spans = groups_[lead].spans;
    for (std::size_t s = 0; s < spans.size(); ++s) {
      count_round(groups_[lead], s, members, pattern);
    }
    return pattern;
  }

  // One run of a cycle: the lead's, and what the others did meanwhile.
  void count_round(const LoopGroup& lead, std::size_t s, const std::vector<std::size_t>& members,
                   Pattern& pattern) {
    const auto own = lead.in(lead.spans[s]);
    const std::uint32_t begin = own.front();
    const std::uint32_t end =
        s + 1 < lead.spans.size() ? lead.in(lead.spans[s + 1]).front() : UINT32_MAX;
    LoopRun& run = pattern.runs.emplace_back();
    count(own, run, pattern.callers);
    for (const std::size_t i : members) {
      const LoopGroup& member = groups_[i];
      if (&member == &lead) continue;
      const auto from = std::lower_bound(member.at.begin(), member.at.end(), begin);
      const auto to = std::lower_bound(from, member.at.end(), end);
      const auto most =
          std::min<std::ptrdiff_t>(to - from, static_cast<std::ptrdiff_t>(own.size()));
      count({from, from + most}, run, pattern.callers);
    }
    run.overhead =
        static_cast<std::int64_t>(run.calls - std::min<std::size_t>(run.calls, members.size())) *
        overhead();
  }

  void count(std::span<const std::uint32_t> at, LoopRun& run,
             std::vector<LoopCaller>& callers) const {
    for (const std::uint32_t i : at) {
      const LoopStep& step = window_.steps[i];
      if (run.calls++ == 0) run.first = step.arrived;
      run.first = std::min(run.first, step.arrived);
      run.last = std::max(run.last, step.arrived);
      run.end = std::max(run.end, i + 1);
      if (run.continues) run.overhead += overhead();
      tally(callers, step);
    }
  }

  static void tally(std::vector<LoopCaller>& callers, const LoopStep& step) {
    constexpr std::size_t kMostCallers = 8;
    auto it = std::find_if(callers.begin(), callers.end(),
                           [&](const LoopCaller& c) { return c.caller == step.caller; });
    if (it == callers.end()) {
      if (callers.size() == kMostCallers) return;
      it = callers.insert(callers.end(), {.caller = step.caller});
    }
    ++it->calls;
    it->took += step.ended - step.arrived;
  }

  std::int64_t overhead() const { return window_.round_trip + window_.least_gap; }

  Fingerprint statement(std::uint32_t number) const {
    return window_.steps[steps_.first[number]].statement;
  }

  static LoopKind kind(LoopState state) {
    switch (state) {
      case LoopState::proven: return LoopKind::proven;
      case LoopState::chained: return LoopKind::chained;
      case LoopState::duplicate: return LoopKind::duplicate;
      default: return LoopKind::repeated;
    }
  }

  std::uint64_t count_unproven() const {
    std::uint64_t selects = 0;
    for (const LoopStep& step : window_.steps) selects += step.role == StepRole::select;
    std::uint64_t explained = 0;
    for (const LoopGroup& group : groups_) {
      if (group.continued_certain) explained += group.continued.size();
      if (group.loop() && group.certain) explained += group.at.size();
    }
    return selects - std::min(selects, explained);
  }

  const LoopWindow& window_;
  std::span<const Pattern> known_;
  const LoopOptions& options_;
  NumberedSteps steps_;
  std::vector<LoopGroup> groups_;  // by their first occurrence
  bool stream_ = false;
};

}  // namespace

bool Pattern::same_loop(const Pattern& other) const {
  return kind == other.kind && statement == other.statement && cycle == other.cycle &&
         source == other.source && column == other.column && parameter == other.parameter;
}

WindowVerdict find_patterns(const LoopWindow& window, std::span<const Pattern> known,
                            const LoopOptions& options) {
  if (window.steps.empty()) return {};
  return Judge(window, known, options).judge();
}

}  // namespace sluice::query
