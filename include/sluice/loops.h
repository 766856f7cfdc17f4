// Loops: queries that one program sends again and again where one would have done.
//
// The detector reads the journal (query/journal.h) of what ended and groups it: by trace where a statement
// carries one, else by a session's bursts, whose gaps are below max(50 ms, 20 round trips). In such a scope it looks for a
// SELECT that came at least 5 times with at least 5 different value vectors, and that took at least 50 ms or
// 20 % of the scope. See ProvedBy for how sure it is. Others: Sentry wants 5 spans after a source query, prosopite 2, both
// without seeing values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/workload.h"

namespace sluice::query {

enum class LoopKind : std::uint8_t {
  proven,       // its parameters are, in order, a column of an earlier result: N+1
  repeated,     // different values, no source seen
  duplicate,    // the same values again and again
  interleaved,  // a cycle of up to 8 different statements
  chained,      // its values come from rows of another loop's statement
};
std::string_view name_of(LoopKind kind);

struct LoopOptions {
  unsigned repeats = 5, distinct = 5;
  Duration least_time = std::chrono::milliseconds(50);
  double least_share = 0.2;
  unsigned proof = 3;  // consecutive values that agree
  Duration gap = std::chrono::milliseconds(50);
  unsigned max_scopes = 4096;     // under observation at once; beyond: the oldest is judged early
  unsigned max_findings = 1000;   // kept; the least wasteful goes first
};

// One kind of loop, over all times it was seen. Ids are stable: made of kind and statements.
struct Loop {
  std::string id;  // 16 hexadecimal digits
  LoopKind kind = LoopKind::repeated;
  Fingerprint statement;                 // B, the repeated one
  std::vector<Fingerprint> cycle;        // interleaved: all of the cycle, B first
  Fingerprint source;                    // A; proven and chained
  std::string source_column;             // of A's result: "id"
  unsigned parameter = 0;                // of B's values, from 1: which one comes from the column
  std::uint64_t bursts = 0, calls = 0;   // times the loop ran; statements in all of them
  std::uint64_t p50 = 0, p95 = 0, max = 0;  // N: statements in one burst
  // (N-1) * (round trip + overhead), summed: what one statement instead would have saved.
  Duration wasted{};
  std::vector<CallerStats> callers;
  std::int64_t first_seen = 0, last_seen = 0;
};

// One thread.
class LoopDetector {
 public:
  explicit LoopDetector(LoopOptions options = {});
  ~LoopDetector();

  // A journal's bytes. Of several workers' journals each statement of a session comes in order.
  void feed(std::string_view journal);
  // Judges the scopes that have been quiet for long enough. Call it every 100 ms or so.
  void tick(Time now);
  void flush();  // judges all, at the end

  std::vector<Loop> findings() const;  // by waste, most first
  void restore(std::vector<Loop> findings);
  std::uint64_t events() const;
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What to do about a loop, in words and SQL. Templates may be null where they aren't known any more.
struct LoopAdvice {
  std::string sentence;  // "Each row of A is followed by a query for ..."
  std::string sql;       // one statement instead of N; empty: none can be said
  std::string orm;       // by the caller's tags: select_related, selectinload, include, ...
};
LoopAdvice advice_for(const Loop& loop, const Template* statement, const Template* source);

}  // namespace sluice::query
