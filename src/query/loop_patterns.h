// Patterns: the loops of one window, and how sure they are. See sluice/query/loops.h for the rules.
//
// A pure function of the window. Provenance is in loop_proof.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/loop_step.h"
#include "sluice/query/loops.h"

namespace sluice::query {

// One time that a loop ran.
struct LoopRun {
  std::uint64_t calls = 0;
  std::int64_t overhead = 0;  // nanoseconds that each statement but the first would have saved
  std::int64_t first = 0, last = 0;  // arrivals
  bool continues = false;            // what an earlier window began
  std::uint32_t end = 0;             // step behind its last one, in its window
};

struct LoopCaller {
  std::uint64_t caller = 0, calls = 0;
  std::int64_t took = 0;
};

struct Pattern {
  LoopKind kind = LoopKind::repeated;
  Fingerprint statement;
  std::vector<Fingerprint> cycle;
  Fingerprint source;
  unsigned column = 0;     // of the source's result, from 0
  unsigned parameter = 0;  // from 1; 0: no source
  Fingerprint restart;     // a statement that begins a new run; zero: none
  bool certain = false;    // whatever else the burst brings
  bool active = false;     // its last run may go on in the next window
  std::vector<LoopRun> runs;
  std::vector<LoopCaller> callers;

  bool same_loop(const Pattern& other) const;
};

struct WindowVerdict {
  std::vector<Pattern> patterns;
  std::uint64_t unproven = 0;  // SELECTs of the window that no certain pattern explains
};

// `known`: found earlier in the same scope; what of them is here is counted without a new proof.
WindowVerdict find_patterns(const LoopWindow& window, std::span<const Pattern> known,
                            const LoopOptions& options);

}  // namespace sluice::query
