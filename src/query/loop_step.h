// Step: one statement of a scope, and the window of steps that loops are looked for in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/query/fingerprint.h"

namespace sluice::query {

enum class StepRole : std::uint8_t {
  select,  // what loops are made of
  change,  // anything else that does something
  begin,   // of a transaction
  end,
  nothing,  // SAVEPOINT, SET, SELECT 1 and the like; and what failed
};

struct LoopStep {
  Fingerprint statement;
  std::uint64_t session = 0, caller = 0, values = 0;
  std::int64_t arrived = 0, ended = 0;  // nanoseconds
  std::uint64_t rows = 0;
  std::uint32_t at = 0;           // its first identity
  std::uint32_t transaction = 0;  // 0: none that the scope saw begin
  std::uint16_t params = 0, columns = 0, sampled = 0;
  StepRole role = StepRole::select;
  bool pipelined = false;  // sent before the one before had ended

  bool transparent() const { return role != StepRole::select && role != StepRole::change; }
};

struct LoopWindow {
  std::span<const LoopStep> steps;  // by arrival
  std::span<const std::uint64_t> identities;
  std::int64_t round_trip = 0, least_gap = 0;  // of the session, nanoseconds
  bool traced = false;
  std::uint64_t unproven = 0;  // of the same burst, before this window

  std::uint64_t parameter(const LoopStep& step, unsigned n) const {
    return identities[step.at + n];
  }
  std::uint64_t field(const LoopStep& step, unsigned row, unsigned column) const {
    return identities[step.at + step.params + std::size_t{row} * step.columns + column];
  }
};

}  // namespace sluice::query
