// Forgetting: how a recorder stays below its share of max_bytes.
//
// From 31/32 of it on, a hand walks over the slots, a few at each statement, and forgets the entries whose total
// time is among the lowest 5 % of a random sample. So no statement waits for a sweep over all of them. An
// entry with runs under way stays.
#include <algorithm>
#include <array>
#include <utility>

#include "query/recorder_state.h"

namespace sluice::query {
namespace {

constexpr std::size_t kLooks = 64, kGone = 16;  // slots looked at, entries forgotten, in one step
constexpr std::size_t kSampled = 512;
constexpr std::size_t kShare = 20;     // the lowest one of so many goes
constexpr std::size_t kMaxSteps = 16;  // to make room for one entry

// The total time that one of `share` entries, or fewer, doesn't exceed, as a sample says.
Duration low_total(const EntryTable& table, std::size_t share, Dice& dice) {
  std::array<Duration, kSampled> totals;
  std::size_t found = 0;
  const auto& slots = table.slots();
  for (std::size_t i = 0; i < kSampled; ++i) {
    const Entry* entry = slots[dice.below(slots.size())].get();
    if (entry && entry->running == 0) totals[found++] = entry->tally.total;
  }
  if (found == 0) return Duration::zero();
  const auto low = totals.begin() + static_cast<std::ptrdiff_t>(found / share);
  std::nth_element(totals.begin(), low, totals.begin() + static_cast<std::ptrdiff_t>(found));
  return *low;
}

}  // namespace

void Recorder::State::remove(Entry& entry) {
  const std::unique_ptr<Entry> gone = table.erase(entry);
  entry_bytes -= block_size(sizeof(Entry)) + gone->statement_bytes + gone->heap;
  gone->clear();
  --gone->first->uses;
  graveyard.push_back(std::move(gone->statement));
}

void Recorder::State::recount(Entry& entry) {
  entry_bytes -= entry.heap;
  entry.heap = static_cast<std::uint32_t>(entry.heap_bytes());
  entry_bytes += entry.heap;
}

void Recorder::State::forget_some() {
  const auto& slots = table.slots();
  if (slots.empty()) return;
  std::size_t gone = 0;
  for (std::size_t i = 0; i < kLooks && gone < kGone && bytes() > high_bytes; ++i) {
    if (round_left == 0) {
      // nothing found for long: the sample was unlucky, be less choosy
      const std::size_t share = fruitless > kSampled ? 2 : kShare;
      threshold = low_total(table, share, dice);
      round_left = std::max<std::size_t>(kLooks, slots.size() / 2);
    }
    --round_left;
    hand = hand + 1 < slots.size() ? hand + 1 : 0;
    Entry* entry = slots[hand].get();
    if (!entry || entry->running > 0 || entry->tally.total > threshold) {
      if (++fruitless % kSampled == 0) round_left = 0;
      continue;
    }
    fruitless = 0;
    ++gone;
    ++forgotten;
    forgotten_time += entry->tally.total;
    remove(*entry);
  }
}

Entry* Recorder::State::enter(const TemplateRef& statement, Origin& origin) {
  auto entry = std::make_unique<Entry>(statement);
  Entry* there = nullptr;
  {
    const std::lock_guard lock(mutex);
    const std::size_t needed = block_size(sizeof(Entry)) + entry->statement_bytes + table.growth();
    // two statements out for each one in, on average: room is made before it is needed
    for (std::size_t step = 0; step < kMaxSteps; ++step) {
      if (bytes() > high_bytes) forget_some();
      if (bytes() + needed <= max_bytes) break;
    }
    if (bytes() + needed <= max_bytes) {
      entry->first = &origin;
      ++origin.uses;
      entry_bytes += block_size(sizeof(Entry)) + entry->statement_bytes;
      there = &table.insert(std::move(entry));
    }
  }
  graveyard.clear();
  return there;
}

void Recorder::State::restore(const QueryStats& stats) {
  Origin* origin = nullptr;
  {
    const std::lock_guard lock(mutex);
    origin = origins.find({stats.database, stats.user, {}, {}});
    ++origin->uses;
  }
  Entry* entry = table.find(stats.statement->fingerprint());
  if (!entry) entry = enter(stats.statement, *origin);
  const std::lock_guard lock(mutex);
  --origin->uses;
  calls += stats.calls;
  errors += stats.errors;
  rows += stats.rows;
  if (entry) {
    entry->restore(stats, origins);
    recount(*entry);
  } else {
    ++forgotten;
    forgotten_time += stats.total;
  }
}

// Runs under way keep their entries; what they count before they end belongs to the time after.
void Recorder::State::clear() {
  for (std::size_t i = 0; i < table.slots().size(); ++i) {
    Entry* entry = table.slots()[i].get();
    if (!entry) continue;
    if (entry->running == 0) {
      remove(*entry);
    } else {
      entry->clear();
      recount(*entry);
    }
  }
  calls = errors = rows = forgotten = unanalysed = 0;
  forgotten_time = {};
  unanalysed_by.clear();
  journal.forget_lost();
  hand = round_left = fruitless = 0;
}

}  // namespace sluice::query
