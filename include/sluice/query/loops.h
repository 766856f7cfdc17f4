// Loops: queries that one program sends again and again where one would have done.
//
// The detector reads the journal (query/journal.h) of what ended and groups it into scopes: by trace
// where a statement carries one, else by a session's bursts, whose gaps are below max(50 ms, 20 round
// trips). In a scope it looks for a SELECT that came at least 5 times in sequence with at least 5
// different value vectors and that took at least 50 ms or 20 % of the scope. Others go by the number
// alone (Sentry: 5 spans after a source query; prosopite: 2); a gateway sees the values too:
//
//   proven       they are, in order, a column of an earlier result of the scope. Nothing else is needed:
//                at least 3 neighbours agree and most follow the column's order (or all of them do,
//                where a program skips rows), and two thirds of them come from there
//   otherwise    the statements are a loop only if it's plain that one program stood behind them: a trace,
//                one transaction around them all, lockstep with a proven loop, or a short burst at a
//                program's own pace (nine of ten pauses below 5 ms)
//
// A repeated statement that is proven or chained elsewhere counts there: on other connections of the
// same pool, say, that didn't see the source.
//
// Quiet on purpose, because nobody would thank for it:
//   - a stream: more than `stream` statements in one burst that have no proof, no trace and no transaction
//     around them. pgbench, a queue's worker, a cache that is being filled by keys and a connection busy
//     with one request after the other look like that, and a list of keys never stood ready for them.
//     Where it is one statement alone, the detector needn't be told of each: LoopDetector::take_streams()
//   - statements that change data between some of them, unless they are proven: a job that looks and
//     writes row by row does what it was meant to
//   - pages: a value taken from the last row of the statement's previous result (keyset), OFFSETs in steps
//     of the page's size, one big page after the other
//   - statements sent without waiting for the one before (pipelines, executemany): no time to save
//   - polling, health checks, session set-up, cursors, anything but plain SELECTs
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::query {

enum class LoopKind : std::uint8_t {
  proven,       // its parameters are, in order, a column of an earlier result: N+1
  repeated,     // different values, no source seen
  duplicate,    // the same values again and again
  interleaved,  // a cycle of up to 8 different statements
  chained,      // its values come from rows of another loop's statement, or of its own (a tree)
};
std::string_view name_of(LoopKind kind);
std::optional<LoopKind> loop_kind_of(std::string_view name);

struct LoopOptions {
  unsigned repeats = 5, distinct = 5;
  Duration least_time = std::chrono::milliseconds(50);
  double least_share = 0.2;
  unsigned proof = 3;  // consecutive values that agree
  Duration gap = std::chrono::milliseconds(50);
  Duration pace = std::chrono::milliseconds(5);  // a program's own pause, where nothing is proven
  unsigned stream = 200;       // statements of a burst without proof; beyond: quiet
  unsigned max_scopes = 4096;  // under observation at once; beyond: the oldest are judged early
  std::size_t max_bytes = 64u << 20;  // that they hold; likewise
  unsigned max_findings = 1000;       // kept; the least wasteful goes first
  // UTC minus what the journal's clock says, for first_seen and last_seen. Unset: the constructor reads
  // both clocks.
  std::optional<Duration> utc;
};

// One kind of loop, over all times it was seen. Ids are stable: made of kind and statements.
struct Loop {
  std::string id;  // 16 hexadecimal digits
  LoopKind kind = LoopKind::repeated;
  Fingerprint statement;                // B, the repeated one
  std::vector<Fingerprint> cycle;       // interleaved: all of the cycle, B first
  Fingerprint source;                   // A; proven, chained and, where B is proven, interleaved
  std::string source_column;            // of A's result: "id"
  unsigned parameter = 0;               // of B's values, from 1: which one comes from the column
  std::uint64_t bursts = 0, calls = 0;  // times the loop ran; statements in all of them
  std::uint64_t p50 = 0, p95 = 0, max = 0;  // N: statements in one burst, of the whole cycle
  // (N-1) * (round trip + overhead), summed: what one statement instead would have saved. Overhead is the
  // client's own shortest way from an answer to its next statement.
  Duration wasted{};
  std::vector<CallerStats> callers;            // by time, most first; at most 8
  std::int64_t first_seen = 0, last_seen = 0;  // seconds since 1970
};

// A session that asks one and the same SELECT all the time, without loops so far.
struct Stream {
  std::uint64_t client = 0;
  Fingerprint statement;
};

// One thread.
class LoopDetector {
 public:
  explicit LoopDetector(LoopOptions options = {});
  ~LoopDetector();

  // A journal's bytes. Of several workers' journals each statement of a session comes in order.
  void feed(std::string_view journal);
  // Judges the scopes that have been quiet for long enough. Call it every 100 ms or so. A statement is
  // known at its end only, so this takes a second, or twice as long as the slowest so far.
  void tick(Time now);
  void flush();  // judges all, at the end

  // Those found since the last call. Who writes the journal may pass over what follows of them
  // (Recorder::pass_over).
  std::vector<Stream> take_streams();

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
