// Groups: the occurrences of one SELECT in a window, and the stretches of them that are runs of a loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "query/loop_patterns.h"
#include "query/loop_proof.h"
#include "query/loop_step.h"

namespace sluice::query {

enum class LoopState : std::uint8_t { undecided, quiet, proven, chained, repeated, duplicate };

// Occurrences [from, to) of a group: one run of its loop.
struct LoopSpan {
  std::size_t from = 0, to = 0;
  std::size_t size() const { return to - from; }
};

struct LoopGroup {
  static constexpr std::size_t kNobody = SIZE_MAX;

  std::uint32_t number = 0;              // the statement's
  std::vector<std::uint32_t> at;         // steps, without those in `continued`
  std::vector<std::uint32_t> continued;  // steps that go on with a run of an earlier window
  std::size_t known = kNobody;           // the pattern that they belong to
  bool continued_certain = false;
  unsigned distinct = 0;  // value vectors
  LoopState state = LoopState::undecided;
  bool certain = false;
  bool traced_in_vain = false;  // its values have a source, but no run of it is long enough
  LoopProof proof;
  std::int32_t restart = LoopProof::kNone;  // number of the statement that begins a new run
  std::vector<LoopSpan> spans;
  std::vector<std::size_t> members;  // of the cycle that it leads, itself included
  std::size_t lead = kNobody;        // of the cycle that it belongs to

  std::span<const std::uint32_t> in(const LoopSpan& span) const {
    return std::span(at).subspan(span.from, span.size());
  }
  bool loop() const { return state != LoopState::undecided && state != LoopState::quiet; }
  bool certain_loop() const { return (loop() && certain) || continued_certain; }
  bool waits() const { return state == LoopState::undecided && proof.found() && !traced_in_vain; }
};

// Those SELECTs that came often enough, by their first occurrence.
std::vector<LoopGroup> group_steps(const NumberedSteps& steps, std::span<const Pattern> known,
                                   const LoopOptions& options);

struct ValueCounts {
  unsigned distinct = 0,
           most = 0;  // different value vectors; executions with the most frequent one
};
ValueCounts count_values(const LoopWindow& window, std::span<const std::uint32_t> at);

// Runs of a proven loop: one for each execution of its source that is long enough.
std::vector<LoopSpan> spans_by_source(const NumberedSteps& steps, const LoopGroup& group,
                                      const LoopOptions& options);
// Runs of a chained one: between executions of `group.restart`.
std::vector<LoopSpan> spans_between(const NumberedSteps& steps, const LoopGroup& group,
                                    const LoopOptions& options);

// Numbers of the statements that come along in most rounds.
using Companions = std::vector<std::uint32_t>;
Companions companions_of(const NumberedSteps& steps, const LoopGroup& group);
// Stretches with nothing between two occurrences but companions and what means nothing.
std::vector<LoopSpan> spans_in_sequence(const NumberedSteps& steps, const LoopGroup& group,
                                        const Companions& companions);

// At most as many different statements as a cycle's others.
bool few_between(const NumberedSteps& steps, std::uint32_t from, std::uint32_t to);

// How many times data was changed between two occurrences.
std::size_t changes_between(const NumberedSteps& steps, std::span<const std::uint32_t> at);

// Two statements that take turns.
bool in_lockstep(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

// From the answer before a step to the step, not below zero.
std::int64_t pause_before(const LoopWindow& window, std::uint32_t i);
// What a group's runs took, pauses between the statements included.
std::int64_t time_of(const LoopWindow& window, const LoopGroup& group);

}  // namespace sluice::query
