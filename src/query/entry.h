// Entry: what one worker knows of one statement, and the table of them.
//
// A new entry takes about 760 bytes with its share of the table (the statement itself is counted beside it,
// in `statement_bytes`); samples, callers and SQLSTATEs come when there are any. The worker alone changes
// an entry, under its recorder's lock; others read it under that lock.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "query/block_size.h"
#include "query/latency.h"
#include "query/origins.h"
#include "query/reservoir.h"
#include "sluice/query/workload.h"

namespace sluice::query {

// What QueryStats counts, without what takes memory of its own.
struct Tally {
  std::uint64_t calls = 0, errors = 0, cancelled = 0, lost = 0, slow = 0;
  std::uint64_t rows = 0, max_rows = 0, bytes = 0;
  std::uint64_t simple = 0, unnamed = 0, prepared = 0;
  Duration total{}, queue{}, pool_wait{}, server{}, transfer{}, max{};
  std::uint64_t pauses = 0;
  Duration pause_total{}, pause_max{};
  std::int64_t first_seen = 0, last_seen = 0;
};

// A result's columns as they were described last.
struct Columns {
  struct Kind {
    std::uint32_t type = 0;
    Value::Form form = Value::Form::text;
  };
  std::uint64_t description = 0;  // 0: not yet
  std::uint64_t shape = 0;
  std::uint32_t count = 0;
  std::array<Kind, Run::kMostColumns> kinds;
};

struct Entry {
  static constexpr std::size_t kMaxCallers = 8, kMaxStates = 16;

  struct CallerCount {
    Origin* origin;  // used; its caller counts
    std::uint64_t calls;
    Duration total;
  };
  struct StateCount {
    std::array<char, 5> state;
    std::uint64_t count;
  };

  TemplateRef statement;
  Origin* first = nullptr;  // who sent it first; used
  Tally tally;
  Latency latency;
  Kept uniform, slowest;
  Duration slowest_least{};        // the shortest of `slowest`
  std::uint64_t uniform_next = 0;  // the execution that goes to `uniform` next; 0: not drawn yet
  std::vector<CallerCount> callers;
  std::vector<StateCount> states;  // the last may be kOtherStates
  std::uint64_t shape = 0;         // of its result's columns, as the journal was told; 0: not yet
  Columns columns;                 // the worker's alone
  std::uint32_t slot = 0;          // in the table
  std::uint32_t running = 0;       // runs that point here: it can't be forgotten
  std::uint32_t statement_bytes = 0;
  std::uint32_t heap = 0;  // as counted last
  bool select = false;     // plain SELECT that locks no rows

  static constexpr std::array<char, 5> kOtherStates = {'o', 't', 'h', 'e', 'r'};

  explicit Entry(TemplateRef statement);
  // These say whether it took memory for it. Of callers beyond kMaxCallers the one with the least time
  // makes room.
  bool count_state(std::string_view sqlstate);
  bool count_caller(Origin& origin, Duration took) {
    if (callers.empty() || callers.front().origin != &origin)
      return count_other_caller(origin, took);
    ++callers.front().calls;
    callers.front().total += took;
    return false;
  }
  bool count_other_caller(Origin& origin, Duration took);
  void put_slowest(std::size_t place, KeptSample sample);
  void clear();  // everything but the statement, who sent it first, and its place
  std::size_t heap_bytes() const;
  QueryStats stats() const;
  // In place of what is there. Origins are found in `origins`.
  void restore(const QueryStats& stats, Origins& origins);
};

// Open addressing by Fingerprint::low, linear probing, at most 5/8 full. The slots give an order that readers
// can walk in steps while entries come and go.
class EntryTable {
 public:
  Entry* find(const Fingerprint& fingerprint) const {
    if (cells_.empty()) return nullptr;
    for (std::size_t at = fingerprint.low & mask_;; at = (at + 1) & mask_) {
      const Cell& cell = cells_[at];
      if (!cell.entry) return nullptr;
      if (cell.low == fingerprint.low && cell.entry->statement->fingerprint() == fingerprint)
        return cell.entry;
    }
  }
  // REQUIRES: there is none of its fingerprint.
  Entry& insert(std::unique_ptr<Entry> entry);
  std::unique_ptr<Entry> erase(Entry& entry);

  // slots()[i] is null where an entry was forgotten.
  const std::vector<std::unique_ptr<Entry>>& slots() const { return slots_; }
  std::size_t size() const { return size_; }
  // Without entries: cells and slots; and what the next insert() adds to it.
  std::size_t bytes() const { return bytes_; }
  std::size_t growth() const;

 private:
  struct Cell {
    std::uint64_t low = 0;
    Entry* entry = nullptr;
  };
  bool full() const { return 8 * (size_ + 1) > 5 * cells_.size(); }
  void grow();
  void account();
  void place(Entry& entry);

  std::vector<Cell> cells_;
  std::size_t mask_ = 0, size_ = 0, bytes_ = 0;
  std::vector<std::unique_ptr<Entry>> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace sluice::query
