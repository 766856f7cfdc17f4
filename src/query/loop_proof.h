// Proof: where the values of a repeated statement come from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/loop_step.h"
#include "sluice/query/loops.h"

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

// Which fields of a window's results are parameters of some repeated statement: all that a proof needs.
// Found in one pass, because a window holds thousands of fields and dozens of repeated statements.
class FieldIndex {
 public:
  // `repeated`: the occurrences of each statement that may be a loop.
  FieldIndex(const NumberedSteps& steps, std::span<const std::span<const std::uint32_t>> repeated);

  // Of one of them.
  LoopProof prove(std::span<const std::uint32_t> at, const LoopOptions& options) const;

  struct Field {
    std::uint64_t identity;
    std::uint32_t step;
    std::uint32_t ordinal;  // in its column over all results; unknown rows count as one
  };
  // A column over all results of its statement.
  struct Column {
    std::uint32_t statement;
    unsigned column;
    std::vector<Field> fields;
  };

 private:
  const NumberedSteps& steps_;
  std::vector<Column> columns_;
};

// The statement turns pages: by the last row of its previous result, by OFFSET, or by big full pages.
bool turns_pages(const NumberedSteps& steps, std::span<const std::uint32_t> at);

}  // namespace sluice::query
