// What stands behind Recorder and Run.
//
// Who touches what: the worker reads all of its own without a lock, for nobody else changes it; whatever
// another thread may read, the worker changes under `mutex`, once for each statement that ends. Reset and
// new options are asked for (Shared::version, reset_wanted) and done by the worker at its next statement.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/comment_tags.h"
#include "query/entry.h"
#include "query/journal_writer.h"
#include "query/redaction.h"
#include "query/slow_log.h"
#include "query/streams.h"
#include "query/worker_lock.h"
#include "sluice/query/workload.h"

namespace sluice::query {

using OptionsRef = std::shared_ptr<const WorkloadOptions>;

// What all workers of a workload have together. Thread-safe.
class Shared {
 public:
  Shared(WorkloadOptions options, unsigned workers);

  unsigned workers() const { return workers_; }
  // Rises with each change: options, a reset.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  OptionsRef options() const;
  void configure(WorkloadOptions options);
  void something_changed() { version_.fetch_add(1, std::memory_order_acq_rel); }

  SlowLog slow;

 private:
  const unsigned workers_;
  std::atomic<std::uint64_t> version_ = 1;
  mutable std::mutex mutex_;
  OptionsRef options_;
};

// The wall clock's seconds of a steady time, read once a second.
class WallClock {
 public:
  std::int64_t seconds(Time at) {
    if (at < from_ || at >= until_) find(at);
    return second_;
  }

 private:
  void find(Time at);

  Time from_{}, until_{};  // second_'s
  std::int64_t second_ = 0;
  Time read_at_{};
  std::int64_t then_ = 0;  // nanoseconds since 1970 at read_at_; 0: not read yet
};

struct Run::State {
  static constexpr std::size_t kMaxValueBytes = 1024;
  struct Stored {
    std::uint32_t type = 0;
    std::uint16_t at = 0, size = 0;
    Value::Form form = Value::Form::text;
    bool cut = false;
  };

  Recorder::State* recorder = nullptr;
  Entry* entry = nullptr;            // null: there was no room for it
  Origin* origin = nullptr;          // used
  Streams::Place* passed = nullptr;  // its session's, where the journal isn't told
  Manner manner = Manner::simple;
  bool finished = false, has_sent = false, has_first = false, wants_fields = false,
       new_shape = false;
  Time arrived{}, sent{}, first{};
  Duration pool_wait{};
  std::uint64_t client = 0, trace = 0;
  std::uint64_t rows = 0, bytes = 0;

  std::uint32_t value_count = 0, literals = 0, stored = 0, used = 0, params = 0;
  std::uint64_t values = 0;  // identity of all together
  std::array<std::uint64_t, EventBody::kMaxParams> identities;
  std::array<Stored, kMaxShownValues> kept;
  std::array<char, kMaxValueBytes> raw;

  std::uint32_t columns = 0, sampled_rows = 0;
  std::array<Columns::Kind, Run::kMostColumns> kinds;  // of the columns, if they were told
  static_assert(Run::kMostColumns == EventBody::kMaxColumns);
  std::uint32_t known_kinds = 0;
  std::uint64_t shape = 0;
  std::string names;                  // of a shape that the journal hasn't seen
  std::vector<std::uint64_t> fields;  // sampled_rows * columns

  void reset();
  void keep(std::span<const Value> values, bool identify);
  std::string packed_values(const Template& statement, const WorkloadOptions& options) const;
};

// Which samples are kept of an execution, and where.
struct Keeping {
  std::optional<std::size_t> uniform, slowest;
  bool slow = false;
  bool any() const { return uniform || slowest || slow; }
};

struct Recorder::State {
  State(Shared& shared, std::uint64_t seed);
  ~State();

  // The worker's.
  RunRef begin(const Start& start);
  void record(Run::State& run, const Finish& finish);
  void record_forgotten(const Finish& finish, std::uint64_t rows_now, Duration took);
  void give_back(Run* run);
  void catch_up();  // with options and resets
  void choose(Entry& entry, Duration took, bool drawn, Keeping& keeping);
  Entry* enter(const TemplateRef& statement, Origin& origin);
  inline Origin& origin_of(const Start& start);
  Origin& look_up(const Start& start);
  void restore(const QueryStats& stats);  // before traffic, on any thread

  // REQUIRES: the lock.
  void forget_some();          // a step of it, when there is too much
  void remove(Entry& entry);   // its statement goes to `graveyard`
  void recount(Entry& entry);  // its memory, after it grew
  std::size_t bytes() const { return entry_bytes + table.bytes() + origins.bytes(); }
  void clear();
  inline Streams::Place* passed_over(const Start& start);
  void tell_skipped(std::uint64_t client, const Streams::Place& place);
  void write_event(Run::State& run, const EventBody& body);

  Shared& shared;

  // The worker's alone.
  std::uint64_t version = 0;
  OptionsRef options;
  std::size_t max_bytes = 0, high_bytes = 0;  // from high_bytes on it forgets
  bool journals = false;
  Duration slow{};  // from this on a statement is slow
  WallClock clock;
  Dice dice;
  std::vector<std::unique_ptr<Run>> idle;
  CommentTags tags;                    // of the statement that begins
  std::vector<TemplateRef> graveyard;  // let go outside of the lock
  std::size_t hand = 0;                // the slot where forgetting goes on
  Duration threshold{};                // forget what has no more total time than this
  std::size_t round_left = 0;          // slots to look at until the threshold is chosen anew
  std::size_t fruitless = 0;           // slots looked at since the last one forgotten

  Streams streams;

  // Changed by the worker under the lock.
  mutable WorkerLock mutex;
  bool reset_wanted = false;  // set by others: what is here counts as gone
  EntryTable table;
  Origins origins;
  JournalWriter journal;
  std::size_t entry_bytes = 0;
  std::uint64_t calls = 0, errors = 0, rows = 0;
  std::uint64_t forgotten = 0;
  Duration forgotten_time{};
  std::uint64_t unanalysed = 0;
  std::vector<std::pair<std::string, std::uint64_t>> unanalysed_by;
};

}  // namespace sluice::query
