// Entries: counting, copying out, and the table that finds them.
#include "query/entry.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace sluice::query {
namespace {

// A statement's own memory, as far as it can be known before it is parsed: facts name what the text names.
std::size_t bytes_of(const Template& statement) {
  std::size_t bytes = block_size(sizeof(Template) + 16) + heap_of(statement.text());
  if (statement.analysis()) bytes += block_size(sizeof(Analysis));
  return bytes + block_size(sizeof(Facts)) + block_size(statement.text().size());
}

// By its words: the facts may not be there yet. A name that looks so costs a detection, no more.
bool locks_rows(std::string_view text) {
  for (const std::string_view words :
       {" for update", " for no key update", " for share", " for key share", " lock in share mode"})
    if (text.find(words) != std::string_view::npos) return true;
  return false;
}

bool plain_select(const Template& statement) {
  if (statement.dialect() != Dialect::postgres)  // there is no analysis of others
    return statement.text().starts_with("select ") && !locks_rows(statement.text());
  const Analysis* analysis = statement.analysis();
  return analysis && analysis->verb == Verb::select && analysis->statements == 1 &&
         !locks_rows(statement.text());
}

}  // namespace

Entry::Entry(TemplateRef of) : statement(std::move(of)) {
  statement_bytes = static_cast<std::uint32_t>(bytes_of(*statement));
  select = plain_select(*statement);
}

bool Entry::count_state(std::string_view sqlstate) {
  std::array<char, 5> state = {' ', ' ', ' ', ' ', ' '};
  for (std::size_t i = 0; i < std::min(sqlstate.size(), state.size()); ++i) {
    const char c = sqlstate[i];
    state[i] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ? c : '?';
  }
  auto at = std::ranges::find(states, state, &StateCount::state);
  if (at == states.end() && states.size() + 1 >= kMaxStates) {
    state = kOtherStates;
    at = std::ranges::find(states, state, &StateCount::state);
  }
  if (at == states.end()) {
    states.push_back({state, 1});
    return true;
  }
  ++at->count;
  return false;
}

bool Entry::count_other_caller(Origin& origin, Duration took) {
  if (origin.caller_hash == 0) return false;
  for (CallerCount& known : callers) {
    if (known.origin != &origin && known.origin->caller_hash != origin.caller_hash) continue;
    ++known.calls;
    known.total += took;
    return false;
  }
  ++origin.uses;
  if (callers.size() < kMaxCallers) {
    callers.push_back({&origin, 1, took});
    return true;
  }
  CallerCount& least = *std::ranges::min_element(callers, {}, &CallerCount::total);
  --least.origin->uses;
  least = {&origin, 1, took};
  return false;
}

void Entry::put_slowest(std::size_t place, KeptSample sample) {
  put(slowest, place, std::move(sample));
  slowest_least = std::ranges::min(slowest, {}, &KeptSample::took).took;
}

void Entry::clear() {
  tally = {};
  latency = {};
  uniform = {};
  slowest = {};
  slowest_least = {};
  uniform_next = 0;
  states = {};
  for (const CallerCount& known : callers) --known.origin->uses;
  callers = {};
}

std::size_t Entry::heap_bytes() const {
  return block_size(latency.heap_bytes()) + query::heap_bytes(uniform) +
         query::heap_bytes(slowest) + block_size(callers.capacity() * sizeof(CallerCount)) +
         block_size(states.capacity() * sizeof(StateCount));
}

QueryStats Entry::stats() const {
  const Tally& t = tally;
  QueryStats out{.statement = statement,
                 .database = first->database,
                 .user = first->user,
                 .calls = t.calls,
                 .errors = t.errors,
                 .cancelled = t.cancelled,
                 .lost = t.lost,
                 .slow = t.slow,
                 .rows = t.rows,
                 .max_rows = t.max_rows,
                 .bytes = t.bytes,
                 .simple = t.simple,
                 .unnamed = t.unnamed,
                 .prepared = t.prepared,
                 .total = t.total,
                 .queue = t.queue,
                 .pool_wait = t.pool_wait,
                 .server = t.server,
                 .transfer = t.transfer,
                 .max = t.max,
                 .latency = latency.snapshot(t.calls, t.total),
                 .pauses = t.pauses,
                 .pause_total = t.pause_total,
                 .pause_max = t.pause_max,
                 .first_seen = t.first_seen,
                 .last_seen = t.last_seen};
  for (const StateCount& s : states)
    out.states.emplace_back(std::string(s.state.begin(), s.state.end()), s.count);
  for (const CallerCount& c : callers) out.callers.push_back({c.origin->caller, c.calls, c.total});
  for (const KeptSample& s : uniform) out.uniform.push_back(s.shown());
  for (const KeptSample& s : slowest) out.slowest.push_back(s.shown());
  std::ranges::stable_sort(out.states, std::greater{},
                           &std::pair<std::string, std::uint64_t>::second);
  std::ranges::stable_sort(out.callers, std::greater{}, &CallerStats::total);
  std::ranges::stable_sort(out.slowest, std::greater{}, &Sample::took);
  return out;
}

void Entry::restore(const QueryStats& s, Origins& origins) {
  clear();
  tally = {.calls = s.calls,
           .errors = s.errors,
           .cancelled = s.cancelled,
           .lost = s.lost,
           .slow = s.slow,
           .rows = s.rows,
           .max_rows = s.max_rows,
           .bytes = s.bytes,
           .simple = s.simple,
           .unnamed = s.unnamed,
           .prepared = s.prepared,
           .total = s.total,
           .queue = s.queue,
           .pool_wait = s.pool_wait,
           .server = s.server,
           .transfer = s.transfer,
           .max = s.max,
           .pauses = s.pauses,
           .pause_total = s.pause_total,
           .pause_max = s.pause_max,
           .first_seen = s.first_seen,
           .last_seen = s.last_seen};
  latency.restore(s.latency);
  for (const auto& [state, count] : s.states) {
    std::array<char, 5> kept = {' ', ' ', ' ', ' ', ' '};
    std::memcpy(kept.data(), state.data(), std::min(state.size(), kept.size()));
    if (states.size() < kMaxStates) states.push_back({kept, count});
  }
  for (const CallerStats& c : s.callers) {
    if (callers.size() == kMaxCallers) break;
    Origin* origin = origins.find({s.database, s.user, c.caller.application, c.caller.tags});
    ++origin->uses;
    callers.push_back({origin, c.calls, c.total});
  }
  const auto keep = [](Kept& kept, const std::vector<Sample>& samples) {
    for (const Sample& sample : samples)
      if (kept.size() < kKept) put(kept, kept.size(), KeptSample::of(sample));
  };
  keep(uniform, s.uniform);
  keep(slowest, s.slowest);
  if (!slowest.empty()) slowest_least = std::ranges::min(slowest, {}, &KeptSample::took).took;
}

Entry& EntryTable::insert(std::unique_ptr<Entry> entry) {
  if (full()) grow();
  if (free_.empty()) {
    entry->slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    entry->slot = free_.back();
    free_.pop_back();
  }
  Entry& there = *(slots_[entry->slot] = std::move(entry));
  place(there);
  ++size_;
  account();
  return there;
}

void EntryTable::place(Entry& entry) {
  const std::uint64_t low = entry.statement->fingerprint().low;
  std::size_t at = low & mask_;
  while (cells_[at].entry) at = (at + 1) & mask_;
  cells_[at] = {low, &entry};
}

void EntryTable::grow() {
  std::vector<Cell> before =
      std::exchange(cells_, std::vector<Cell>(std::max<std::size_t>(64, 2 * cells_.size())));
  mask_ = cells_.size() - 1;
  for (const Cell& cell : before)
    if (cell.entry) place(*cell.entry);
}

// Those behind move up into the gap, unless that would put them before their own place.
std::unique_ptr<Entry> EntryTable::erase(Entry& entry) {
  std::size_t gap = entry.statement->fingerprint().low & mask_;
  while (cells_[gap].entry != &entry) gap = (gap + 1) & mask_;
  for (std::size_t at = (gap + 1) & mask_; cells_[at].entry; at = (at + 1) & mask_) {
    const std::size_t home = cells_[at].low & mask_;
    if (((at - home) & mask_) < ((at - gap) & mask_)) continue;
    cells_[gap] = cells_[at];
    gap = at;
  }
  cells_[gap] = {};
  --size_;
  free_.push_back(entry.slot);
  account();
  return std::move(slots_[entry.slot]);
}

void EntryTable::account() {
  bytes_ = block_size(cells_.capacity() * sizeof(Cell)) +
           block_size(slots_.capacity() * sizeof(slots_[0])) +
           block_size(free_.capacity() * sizeof(free_[0]));
}

std::size_t EntryTable::growth() const {
  const bool slots = free_.empty() && slots_.size() == slots_.capacity();
  return (full() ? cells_.capacity() * sizeof(Cell) : 0) +
         (slots ? slots_.capacity() * sizeof(slots_[0]) : 0);
}

}  // namespace sluice::query
