// Proof: where the values of a repeated statement come from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/loop_step.h"
#include "sluice/loops.h"

namespace sluice::query {

// The steps of a window with their statements numbered.
struct NumberedSteps {
  const LoopWindow& window;
  std::vector<std::uint32_t> number;  // of each step's statement
  std::vector<std::uint32_t> count;   // of each statement
  std::vector<std::uint32_t> first;   // step of each statement
};
NumberedSteps number_steps(const LoopWindow& window);

struct LoopProof {
  static constexpr std::int32_t kNone = -1;
  std::int32_t source = kNone;         // the statement's number
  unsigned column = 0, parameter = 0;  // from 0
  unsigned matched = 0;                // different values that agree
  unsigned longest = 0;                // ... one behind the other
  bool truncated = false;              // the source had more rows than are known
  std::vector<std::int32_t> from;      // for each occurrence: the source's step, or kNone

  bool found() const { return source != kNone; }
};

// `at`: the occurrences of one statement.
LoopProof prove(const NumberedSteps& steps, std::span<const std::uint32_t> at,
                const LoopOptions& options);

// The statement turns pages: by the last row of its previous result, by OFFSET, or by big full pages.
bool turns_pages(const NumberedSteps& steps, std::span<const std::uint32_t> at);

}  // namespace sluice::query
