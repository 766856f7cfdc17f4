// Provenance by identities: the parameters of a statement, in the order of its executions, are held
// against the columns of all earlier results of the window.
//
// First one pass over all results: which fields are somebody's parameter at all. Then the columns that hold
// enough of those are followed in order, because a value may stand in several results and only the latest
// before a statement counts.
#include "query/loop_proof.h"

#include <algorithm>
#include <array>
#include <string>

#include "query/journal.h"
#include "query/loop_table.h"
#include "sluice/query/workload.h"

namespace sluice::query {
namespace {

constexpr unsigned kColumns = EventBody::kMaxColumns;

void want(const LoopWindow& window, std::span<const std::uint32_t> at, unsigned parameter,
          LoopTable& wanted) {
  for (const std::uint32_t i : at) {
    const LoopStep& step = window.steps[i];
    if (parameter >= step.params) continue;
    if (const auto identity = window.parameter(step, parameter)) wanted[identity] = 1;
  }
}

// Follows one column through the window, beside the executions of the statement in question.
class Follower {
 public:
  Follower(const NumberedSteps& steps, std::span<const std::uint32_t> at,
           const FieldIndex::Column& column, unsigned parameter)
      : steps_(steps),
        at_(at),
        column_(column),
        self_(steps.number[at.front()] == column.statement),
        latest_(column.fields.size()),
        asked_(at.size()) {
    proof_.column = column.column;
    proof_.parameter = parameter;
    proof_.from.assign(at.size(), LoopProof::kNone);
  }

  LoopProof follow(const LoopOptions& options) {
    auto field = column_.fields.begin();
    for (std::size_t k = 0; k < at_.size(); ++k) {
      for (; field != column_.fields.end() && field->step < at_[k]; ++field) answer(*field);
      ask(k);
    }
    const unsigned counted = proof_.matched + missed_ + (proof_.truncated ? 0 : missed_since_);
    // A random order rises half of the time, and of few rows three neighbours come up by chance.
    const bool rising = rises_ * 5 >= (std::max(proof_.matched, 1U) - 1) * 3;
    const bool in_a_row = proof_.longest >= options.proof && rising;
    const bool in_order = ordered_ && missed_ == 0 && proof_.matched >= options.repeats;
    if ((in_a_row || in_order) && proof_.matched * 3 >= counted * 2) {
      proof_.source = static_cast<std::int32_t>(column_.statement);
    }
    return std::move(proof_);
  }

 private:
  struct Place {
    std::uint32_t position, step;
  };

  // Values that nobody asks for stand between two places, or none do.
  void answer(const FieldIndex::Field& field) {
    if (field.ordinal != ordinal_ + 1) ++position_;
    ordinal_ = field.ordinal;
    const LoopStep& step = steps_.window.steps[field.step];
    proof_.truncated |= step.rows > step.sampled;
    std::uint32_t& place = latest_[field.identity];
    if (place != 0 && places_[place - 1].step == field.step) return;  // once in a result is enough
    places_.push_back({position_++, field.step});
    place = static_cast<std::uint32_t>(places_.size());
  }

  void ask(std::size_t k) {
    const LoopStep& step = steps_.window.steps[at_[k]];
    if (proof_.parameter >= step.params) return;
    const auto identity = steps_.window.parameter(step, proof_.parameter);
    if (identity == 0) return;
    const std::uint32_t place = latest_.find(identity);
    const bool known =
        place != 0 && steps_.window.steps[places_[place - 1].step].ended <= step.arrived;
    if (known) proof_.from[k] = static_cast<std::int32_t>(places_[place - 1].step);
    std::uint32_t& seen = asked_[identity];
    // Of a value that comes again only its first time tells something, unless another result has it. Its
    // own results have it just because it was asked for.
    if (seen != 0 && self_) return;
    if (seen != 0 && (!known || seen == places_[place - 1].step + 1)) return;
    seen = known ? places_[place - 1].step + 1 : UINT32_MAX;
    if (known) {
      match(places_[place - 1].position);
    } else {
      run_ = 0;
      if (proof_.matched != 0) ++missed_since_;
    }
  }

  void match(std::uint32_t position) {
    missed_ += std::exchange(missed_since_, 0);
    run_ = run_ != 0 && position == last_ + 1 ? run_ + 1 : 1;
    if (proof_.matched != 0) {
      rises_ += position > last_;
      ordered_ = ordered_ && position > last_;
    }
    last_ = position;
    ++proof_.matched;
    proof_.longest = std::max(proof_.longest, run_);
  }

  const NumberedSteps& steps_;
  std::span<const std::uint32_t> at_;
  const FieldIndex::Column& column_;
  bool self_;         // it's a column of the statement's own results
  LoopTable latest_;  // identity -> its place, from 1
  LoopTable asked_;   // identity -> 1 + the step of the source that had it
  std::vector<Place> places_;
  LoopProof proof_;
  std::uint32_t ordinal_ = 0, position_ = 0, last_ = 0;
  unsigned run_ = 0, rises_ = 0, missed_ = 0, missed_since_ = 0;
  bool ordered_ = true;
};

// Of two columns that explain a statement: who explains more of it, a single result rather than many,
// another statement's rather than its own, the longer row of neighbours, the later result.
bool better(const NumberedSteps& steps, std::uint32_t self, const LoopProof& a,
            const LoopProof& b) {
  if (!b.found()) return true;
  if (a.matched != b.matched) return a.matched > b.matched;
  const auto source_a = static_cast<std::uint32_t>(a.source);
  const auto source_b = static_cast<std::uint32_t>(b.source);
  if (source_a == source_b) return a.longest > b.longest;
  if ((source_a == self) != (source_b == self)) return source_b == self;
  if (steps.count[source_a] != steps.count[source_b]) {
    return steps.count[source_a] < steps.count[source_b];
  }
  if (a.longest != b.longest) return a.longest > b.longest;
  return steps.first[source_a] > steps.first[source_b];
}

// Each value is a field of the last row of the statement's previous result.
bool follows_last_row(const LoopWindow& window, std::span<const std::uint32_t> at,
                      unsigned parameter, unsigned column) {
  std::size_t agree = 0, asked = 0;
  for (std::size_t k = 1; k < at.size(); ++k) {
    const LoopStep& before = window.steps[at[k - 1]];
    const LoopStep& step = window.steps[at[k]];
    if (parameter >= step.params || column >= before.columns || before.sampled == 0) continue;
    ++asked;
    const std::uint64_t value = window.parameter(step, parameter);
    if (parameter < before.params && value == window.parameter(before, parameter)) continue;
    agree += value == window.field(before, before.sampled - 1u, column);
  }
  return asked >= 2 && agree * 5 >= asked * 4 && asked * 5 >= (at.size() - 1) * 4;
}

std::uint64_t identity_of_number(std::uint64_t number) {
  const std::string text = std::to_string(number);
  return identity_of({.bytes = text});
}

// Values 0, s, 2s ... where s is how many rows a page has, or one less for those who look whether there is
// a next one; from any of the first pages on.
bool steps_by_rows(const LoopWindow& window, std::span<const std::uint32_t> at,
                   unsigned parameter) {
  constexpr std::uint64_t kFirstPages = 4;
  std::uint64_t page = 0;
  for (const std::uint32_t i : at) page = std::max(page, window.steps[i].rows);
  for (const std::uint64_t size : {page, page - 1}) {
    if (page < 2 || size == 0) continue;
    for (std::uint64_t start = 0; start < kFirstPages; ++start) {
      std::size_t agree = 0;
      for (std::size_t k = 0; k < std::min<std::size_t>(at.size(), 8); ++k) {
        const LoopStep& step = window.steps[at[k]];
        if (parameter >= step.params) return false;
        const auto wanted = identity_of_number((start + k) * size);
        if (window.parameter(step, parameter) != wanted) break;
        ++agree;
      }
      if (agree >= std::min<std::size_t>(at.size(), 8)) return true;
    }
  }
  return false;
}

// Full pages, each too big to be known to its last row.
bool big_pages(const LoopWindow& window, std::span<const std::uint32_t> at) {
  const LoopStep& first = window.steps[at.front()];
  if (first.rows <= first.sampled || first.sampled == 0) return false;
  return std::all_of(at.begin(), at.end() - 1,
                     [&](std::uint32_t i) { return window.steps[i].rows == first.rows; });
}

}  // namespace

NumberedSteps number_steps(const LoopWindow& window) {
  NumberedSteps steps{.window = window, .number = {}, .count = {}, .first = {}};
  steps.number.reserve(window.steps.size());
  LoopTable numbers(64);
  for (std::uint32_t i = 0; i < window.steps.size(); ++i) {
    std::uint32_t& number = numbers[window.steps[i].statement.low | 1];
    if (number == 0) {
      steps.count.push_back(0);
      steps.first.push_back(i);
      number = static_cast<std::uint32_t>(steps.count.size());
    }
    steps.number.push_back(number - 1);
    ++steps.count[number - 1];
  }
  return steps;
}

FieldIndex::FieldIndex(const NumberedSteps& steps,
                       std::span<const std::span<const std::uint32_t>> repeated)
    : steps_(steps) {
  const LoopWindow& window = steps.window;
  std::size_t most = 0;
  for (const auto& at : repeated) most += at.size();
  LoopTable wanted(most);
  for (const auto& at : repeated) {
    const unsigned params = window.steps[at.front()].params;
    for (unsigned parameter = 0; parameter < params; ++parameter)
      want(window, at, parameter, wanted);
  }
  std::vector<std::uint32_t> place(steps.count.size() * kColumns);  // in columns_, from 1
  std::vector<std::uint32_t> ordinal(place.size());
  for (std::uint32_t i = 0; i < window.steps.size(); ++i) {
    const LoopStep& step = window.steps[i];
    const std::size_t first = std::size_t{steps.number[i]} * kColumns;
    for (unsigned row = 0; row < step.sampled; ++row) {
      for (unsigned column = 0; column < step.columns; ++column) {
        const auto identity = window.field(step, row, column);
        if (identity == 0) continue;  // a null is no value to ask for
        const std::uint32_t n = ++ordinal[first + column];
        if (wanted.find(identity) == 0) continue;
        std::uint32_t& at = place[first + column];
        if (at == 0) {
          columns_.push_back({.statement = steps.number[i], .column = column, .fields = {}});
          at = static_cast<std::uint32_t>(columns_.size());
        }
        columns_[at - 1].fields.push_back({.identity = identity, .step = i, .ordinal = n});
      }
    }
    if (step.rows <= step.sampled) continue;
    for (unsigned column = 0; column < step.columns; ++column) ++ordinal[first + column];
  }
}

LoopProof FieldIndex::prove(std::span<const std::uint32_t> at, const LoopOptions& options) const {
  LoopProof best;
  const unsigned params = steps_.window.steps[at.front()].params;
  for (unsigned parameter = 0; parameter < params; ++parameter) {
    LoopTable wanted(at.size());
    want(steps_.window, at, parameter, wanted);
    if (wanted.size() < options.proof) continue;
    for (const Column& column : columns_) {
      const auto hits =
          std::count_if(column.fields.begin(), column.fields.end(),
                        [&](const Field& field) { return wanted.find(field.identity) != 0; });
      if (hits < options.proof) continue;
      LoopProof proof = Follower(steps_, at, column, parameter).follow(options);
      if (proof.found() && better(steps_, steps_.number[at.front()], proof, best)) {
        best = std::move(proof);
      }
    }
  }
  return best;
}

bool turns_pages(const NumberedSteps& steps, std::span<const std::uint32_t> at) {
  const LoopWindow& window = steps.window;
  const LoopStep& first = window.steps[at.front()];
  if (at.size() < 3) return false;
  if (big_pages(window, at)) return true;
  for (unsigned parameter = 0; parameter < first.params; ++parameter) {
    for (unsigned column = 0; column < first.columns; ++column) {
      if (follows_last_row(window, at, parameter, column)) return true;
    }
    if (steps_by_rows(window, at, parameter)) return true;
  }
  return false;
}

}  // namespace sluice::query
