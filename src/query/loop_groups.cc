#include "query/loop_groups.h"

#include <algorithm>
#include <utility>

#include "query/loop_table.h"

namespace sluice::query {
namespace {

constexpr std::size_t kMostBetween =
    7;  // different statements between two of one loop: a cycle of 8

// The different statements between two steps; transparent ones don't count. Small.
class Between {
 public:
  explicit Between(const NumberedSteps& steps) : steps_(steps), stamp_(steps.count.size()) {}

  // False: there are more than kMostBetween.
  bool look(std::uint32_t from, std::uint32_t to) {
    ++turn_;
    numbers_.clear();
    changes_ = false;
    for (std::uint32_t i = from + 1; i < to; ++i) {
      const LoopStep& step = steps_.window.steps[i];
      if (step.transparent()) continue;
      changes_ |= step.role == StepRole::change;
      const std::uint32_t number = steps_.number[i];
      if (std::exchange(stamp_[number], turn_) == turn_) continue;
      if (numbers_.size() == kMostBetween) return false;
      numbers_.push_back(number);
    }
    return true;
  }
  bool changes() const { return changes_; }
  const std::vector<std::uint32_t>& numbers() const { return numbers_; }

 private:
  const NumberedSteps& steps_;
  std::vector<std::uint32_t> stamp_;
  std::vector<std::uint32_t> numbers_;
  std::uint32_t turn_ = 0;
  bool changes_ = false;
};

bool belongs(const Pattern& pattern, const Fingerprint& statement) {
  return pattern.statement == statement ||
         std::find(pattern.cycle.begin(), pattern.cycle.end(), statement) != pattern.cycle.end();
}

// Moves what goes on from an earlier window out of `at`: up to a restart or a break.
void split_continued(const NumberedSteps& steps, std::span<const Pattern> known, Between& between,
                     LoopGroup& group) {
  const Fingerprint& statement = steps.window.steps[group.at.front()].statement;
  const auto pattern = std::find_if(known.begin(), known.end(),
                                    [&](const Pattern& p) { return belongs(p, statement); });
  if (pattern == known.end()) return;
  std::uint32_t stop = static_cast<std::uint32_t>(steps.number.size());
  for (std::uint32_t i = 0; i < stop; ++i) {
    if (steps.window.steps[i].statement == pattern->restart) stop = i;
  }
  std::size_t n = 0;
  while (n < group.at.size() && group.at[n] < stop) {
    const bool near = n == 0 ? group.at[n] == 0 || between.look(0, group.at[n])
                             : between.look(group.at[n - 1], group.at[n]);
    if (!near) break;
    ++n;
  }
  if (n == 0) return;
  const auto end = group.at.begin() + static_cast<std::ptrdiff_t>(n);
  group.continued.assign(group.at.begin(), end);
  group.at.erase(group.at.begin(), end);
  group.known = static_cast<std::size_t>(pattern - known.begin());
  group.continued_certain = pattern->certain;
}

bool mostly_pipelined(const LoopWindow& window, std::span<const std::uint32_t> at) {
  std::size_t pipelined = 0;
  for (const std::uint32_t i : at) pipelined += window.steps[i].pipelined;
  return pipelined * 2 >= at.size();
}

}  // namespace

std::vector<LoopGroup> group_steps(const NumberedSteps& steps, std::span<const Pattern> known,
                                   const LoopOptions& options) {
  std::vector<LoopGroup> groups;
  std::vector<std::uint32_t> place(steps.count.size(), UINT32_MAX);
  const auto known_one = [&](std::uint32_t number) {
    return std::any_of(known.begin(), known.end(), [&](const Pattern& p) {
      return belongs(p, steps.window.steps[steps.first[number]].statement);
    });
  };
  for (std::uint32_t i = 0; i < steps.number.size(); ++i) {
    const std::uint32_t number = steps.number[i];
    if (steps.window.steps[i].role != StepRole::select) continue;
    if (place[number] == UINT32_MAX) {
      if (steps.count[number] < options.repeats && !known_one(number)) continue;
      place[number] = static_cast<std::uint32_t>(groups.size());
      LoopGroup& group = groups.emplace_back();
      group.number = number;
      group.at.reserve(steps.count[number]);
    }
    groups[place[number]].at.push_back(i);
  }
  Between between(steps);
  for (LoopGroup& group : groups) {
    if (!known.empty()) split_continued(steps, known, between, group);
    if (group.at.size() < options.repeats || mostly_pipelined(steps.window, group.at)) {
      group.state = LoopState::quiet;
    } else {
      group.distinct = count_values(steps.window, group.at).distinct;
    }
  }
  return groups;
}

ValueCounts count_values(const LoopWindow& window, std::span<const std::uint32_t> at) {
  ValueCounts counts;
  LoopTable times(at.size());
  for (const std::uint32_t i : at) {
    const std::uint64_t values = window.steps[i].values;
    const std::uint32_t n = ++times[values == 0 ? 1 : values];
    counts.distinct += n == 1;
    counts.most = std::max(counts.most, n);
  }
  return counts;
}

std::vector<LoopSpan> spans_by_source(const NumberedSteps& steps, const LoopGroup& group,
                                      const LoopOptions& options) {
  std::vector<LoopSpan> spans;
  const LoopProof& proof = group.proof;
  Between between(steps);
  std::size_t begin = 0, end = 0, matched = 0;
  std::int32_t source = LoopProof::kNone;
  bool truncated = false;
  const auto finish = [&] {
    if (source == LoopProof::kNone || end - begin < options.repeats) return;
    if (matched < options.proof || (!truncated && matched * 3 < (end - begin) * 2)) return;
    const LoopSpan span{begin, end};
    if (count_values(steps.window, group.in(span)).distinct >= options.distinct) {
      spans.push_back(span);
    }
  };
  for (std::size_t k = 0; k < group.at.size(); ++k) {
    const std::int32_t from = proof.from[k];
    const bool broken = k > 0 && !between.look(group.at[k - 1], group.at[k]);
    if (broken || (from != LoopProof::kNone && from != source)) {
      finish();
      source = from;
      begin = end = k;
      matched = 0;
      if (from != LoopProof::kNone) {
        const LoopStep& step = steps.window.steps[static_cast<std::size_t>(from)];
        truncated = step.rows > step.sampled;
      }
    }
    if (source == LoopProof::kNone) continue;
    if (from != LoopProof::kNone) {
      ++matched;
      end = k + 1;
    } else if (truncated) {
      end = k + 1;
    }
  }
  finish();
  return spans;
}

std::vector<LoopSpan> spans_between(const NumberedSteps& steps, const LoopGroup& group,
                                    const LoopOptions& options) {
  std::vector<LoopSpan> spans;
  const auto& from = group.proof.from;
  std::size_t begin = 0;
  while (begin < from.size() && from[begin] == LoopProof::kNone) ++begin;
  const auto finish = [&](std::size_t end) {
    while (end > begin && from[end - 1] == LoopProof::kNone && !group.proof.truncated) --end;
    if (end >= begin + options.repeats) spans.push_back({begin, end});
    begin = end;
  };
  for (std::size_t k = begin + 1; k < from.size(); ++k) {
    bool restarted = false;
    for (std::uint32_t i = group.at[k - 1] + 1; i < group.at[k] && !restarted; ++i) {
      restarted = static_cast<std::int32_t>(steps.number[i]) == group.restart;
    }
    if (!restarted) continue;
    finish(k);
    begin = k;
  }
  finish(from.size());
  return spans;
}

Companions companions_of(const NumberedSteps& steps, const LoopGroup& group) {
  std::vector<std::uint32_t> rounds(steps.count.size());
  Between between(steps);
  for (std::size_t k = 1; k < group.at.size(); ++k) {
    if (!between.look(group.at[k - 1], group.at[k])) continue;
    for (const std::uint32_t number : between.numbers()) ++rounds[number];
  }
  Companions companions;
  for (std::uint32_t number = 0; number < rounds.size(); ++number) {
    if (rounds[number] >= 4 && rounds[number] * 5 >= (group.at.size() - 1) * 3) {
      companions.push_back(number);
    }
  }
  return companions;
}

std::vector<LoopSpan> spans_in_sequence(const NumberedSteps& steps, const LoopGroup& group,
                                        const Companions& companions) {
  std::vector<LoopSpan> spans;
  Between between(steps);
  std::size_t begin = 0;
  for (std::size_t k = 1; k < group.at.size(); ++k) {
    const bool in_sequence =
        between.look(group.at[k - 1], group.at[k]) && !between.changes() &&
        std::all_of(between.numbers().begin(), between.numbers().end(), [&](std::uint32_t number) {
          return std::find(companions.begin(), companions.end(), number) != companions.end();
        });
    if (in_sequence) continue;
    spans.push_back({begin, k});
    begin = k;
  }
  spans.push_back({begin, group.at.size()});
  return spans;
}

bool few_between(const NumberedSteps& steps, std::uint32_t from, std::uint32_t to) {
  return Between(steps).look(from, to);
}

std::size_t changes_between(const NumberedSteps& steps, std::span<const std::uint32_t> at) {
  std::size_t changes = 0;
  for (std::size_t k = 1; k < at.size(); ++k) {
    const auto first = steps.window.steps.begin() + at[k - 1];
    const auto last = steps.window.steps.begin() + at[k];
    changes += std::any_of(first, last,
                           [](const LoopStep& step) { return step.role == StepRole::change; });
  }
  return changes;
}

bool in_lockstep(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  if (std::min(a.size(), b.size()) * 5 < std::max(a.size(), b.size()) * 4) return false;
  std::size_t turns = 0, i = 0, j = 0;
  int last = 0;
  while (i < a.size() || j < b.size()) {
    const bool first = j == b.size() || (i < a.size() && a[i] < b[j]);
    const int now = first ? 1 : 2;
    turns += last != 0 && now != last;
    last = now;
    first ? ++i : ++j;
  }
  return turns * 5 >= (a.size() + b.size() - 1) * 4;
}

std::int64_t pause_before(const LoopWindow& window, std::uint32_t i) {
  if (i == 0) return 0;
  return std::max<std::int64_t>(0, window.steps[i].arrived - window.steps[i - 1].ended);
}

std::int64_t time_of(const LoopWindow& window, const LoopGroup& group) {
  std::int64_t time = 0;
  for (const LoopSpan& span : group.spans) {
    const auto at = group.in(span);
    for (std::size_t k = 0; k < at.size(); ++k) {
      const LoopStep& step = window.steps[at[k]];
      time += step.ended - step.arrived;
      if (k != 0) time += pause_before(window, at[k]);
    }
  }
  return time;
}

}  // namespace sluice::query
