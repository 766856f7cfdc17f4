// Scope: the statements of one trace or of one session's burst, as the loop detector remembers them.
//
// Bounded: at most kMaxSteps statements and kMaxIdentities identities; who holds a full one judges it and
// goes on with an empty one. What has been found by then goes on, too (Scope::open).
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "query/journal.h"
#include "query/loop_patterns.h"
#include "query/loop_step.h"
#include "sluice/query/loops.h"

namespace sluice::query {

// Tells statements apart that mean nothing to a loop, by their fingerprints. Immutable.
class StepRoles {
 public:
  StepRoles();
  StepRole of(const EventBody& event) const;

 private:
  struct Known {
    Fingerprint statement;
    StepRole role;
  };
  static constexpr std::size_t kBits = 4096;
  std::vector<Known> known_;  // sorted
  std::bitset<kBits> maybe_;  // by the low bits of a fingerprint: most are none of them
};

// How fast a session is, from its own fast statements.
struct SessionPace {
  std::int64_t round_trip = 0;  // nanoseconds, of the statements that are over soonest; 0: unknown
  std::int64_t least_gap = 0;  // from an answer to the next statement, where the client is quickest

  void statement(std::int64_t took);
  void pause(std::int64_t gap);
  // What ends a burst: max(50 ms, 20 round trips), half a second at most.
  std::int64_t burst_gap(const LoopOptions& options) const;
};

class Scope {
 public:
  static constexpr std::size_t kMaxSteps = 512;
  static constexpr std::size_t kStreamSteps = 208;  // more than LoopOptions::stream
  static constexpr std::size_t kMaxIdentities = 64 * 1024 / sizeof(std::uint64_t);
  static constexpr unsigned kThinRows = 16;  // kept of a result once half of the room is used

  Scope(std::uint64_t key, bool traced) : key_(key), traced_(traced) {}

  // True: this event comes so late that what is here is a burst of its own.
  bool ends_before(const EventBody& event, const LoopOptions& options) const;
  bool has_room(const EventBody& event) const;
  // `identities`: its values and fields, as the journal has them.
  void add(const EventBody& event, StepRole role, const std::uint64_t* identities);

  // A session's statements that nobody told of.
  void add_skipped(const SkippedBody& skipped);
  // Long enough for one, and nothing but one and the same SELECT in this window: worth a look for streams.
  bool looks_like_stream() const {
    return alike_ >= kStreamSteps && alike_ == steps_.size() && !traced_ && transaction_ == 0 &&
           open_.empty();
  }
  // REQUIRES: it looked like one and was judged just now. Its burst has no loops so far and wouldn't be told of any without a proof.
  bool is_stream(const LoopOptions& options) const {
    return open_.empty() && unproven_ > options.stream;
  }

  // Looks for loops. `over`: nothing follows. What is certain and finished goes to `found`; what may go
  // on remains open. Empty afterwards but for what the next window needs.
  void judge(const LoopOptions& options, bool over, std::vector<Pattern>& found);

  std::uint64_t key() const { return key_; }
  bool traced() const { return traced_; }
  bool empty() const { return steps_.empty() && open_.empty(); }
  std::int64_t last_end() const { return last_end_; }
  std::int64_t slowest() const { return slowest_; }
  std::size_t bytes() const;

 private:
  LoopWindow window();
  void mark_pipelined();
  void merge(std::vector<Pattern> patterns);
  void close(const LoopOptions& options, std::vector<Pattern>& found);
  void pause(std::vector<Pattern>& found);
  std::size_t tail(const LoopOptions& options, std::span<const Pattern> patterns) const;
  void keep_from(std::size_t first);

  std::uint64_t key_;
  bool traced_;
  bool unsorted_ = false;  // sessions of a trace end their statements in any order
  SessionPace pace_;
  std::vector<LoopStep> steps_;
  std::vector<std::uint64_t> identities_;
  std::vector<Pattern>
      open_;  // of earlier windows; their last runs may go on, or they aren't certain
  std::uint64_t unproven_ = 0;  // statements of earlier windows that nothing explains
  std::uint64_t last_session_ = 0;
  std::size_t alike_ = 0;  // first steps that are one and the same SELECT
  std::int64_t began_ = 0, last_end_ = 0, slowest_ = 0;
  std::uint32_t transaction_ = 0,
                transactions_ = 0;  // the one that is open, of those seen to begin
};

}  // namespace sluice::query
