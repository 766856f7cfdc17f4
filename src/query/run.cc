// Run: one statement under way. What it carries is copied, for the bytes of a request are gone long
// before its end, and nothing is made of them unless a sample is kept.
#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "query/recorder_state.h"

namespace sluice::query {
namespace {

// Order counts: (1, 2) isn't (2, 1).
std::uint64_t together(std::uint64_t all, std::uint64_t one) {
  const std::uint64_t mixed = (all ^ one) * 0x9fb21c651e98df25;  // odd, of XXH3's avalanche
  const std::uint64_t turned = (mixed ^ (mixed >> 35)) + 0x165667919e3779f9;
  return turned == 0 ? 1 : turned;
}

// Values are small, most of them.
void copy(char* to, const char* from, std::size_t size) {
  const auto ends = [&](auto word) {
    std::memcpy(&word, from, sizeof word);
    auto last = word;
    std::memcpy(&last, from + size - sizeof word, sizeof word);
    std::memcpy(to, &word, sizeof word);
    std::memcpy(to + size - sizeof word, &last, sizeof word);
  };
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    ends(std::uint64_t{});
  } else if (size >= 4) {
    ends(std::uint32_t{});
  } else if (size >= 2) {
    ends(std::uint16_t{});
  } else if (size == 1) {
    *to = *from;
  }
}

}  // namespace

void Run::State::reset() {
  entry = nullptr;
  origin = nullptr;
  passed = nullptr;
  finished = has_sent = has_first = wants_fields = new_shape = false;
  rows = bytes = values = shape = 0;
  value_count = stored = used = params = 0;
  columns = sampled_rows = known_kinds = 0;
  names.clear();
  fields.clear();
}

void Run::State::keep(std::span<const Value> given, bool identify) {
  value_count = static_cast<std::uint32_t>(given.size());
  if (identify) {
    for (const Value& value : given) {
      const std::uint64_t identity = identity_of(value);
      if (params < identities.size()) identities[params++] = identity;
      values = together(values, identity);
    }
  }
  for (const Value& value : given.first(std::min(given.size(), kept.size()))) {
    // one byte more than is shown, so that what is cut can be seen to be
    const std::size_t most = std::min(raw.size() - used, kMaxShownBytes + 1);
    const std::size_t size =
        value.form == Value::Form::null ? 0 : std::min(value.bytes.size(), most);
    copy(raw.data() + used, value.bytes.data(), size);
    kept[stored++] = {.type = value.type,
                      .at = static_cast<std::uint16_t>(used),
                      .size = static_cast<std::uint16_t>(size),
                      .form = value.form,
                      .cut = value.form != Value::Form::null && size < value.bytes.size()};
    used += static_cast<std::uint32_t>(size);
  }
}

std::string Run::State::packed_values(const Template& statement,
                                      const WorkloadOptions& options) const {
  std::array<KeptValue, kMaxShownValues> shown;
  for (std::size_t i = 0; i < stored; ++i) {
    const Stored& value = kept[i];
    shown[i] = {{{raw.data() + value.at, value.size}, value.type, value.form}, value.cut};
  }
  const KeptValues execution{{shown.data(), stored}, literals, value_count - stored};
  return pack_values(statement, execution, options);
}

Run::Run() : state_(std::make_unique<State>()) {}
Run::~Run() = default;

void Run::pool_wait(Duration waited) { state_->pool_wait = waited; }

void Run::sent(Time at) {
  State& s = *state_;
  if (s.has_sent) return;
  s.has_sent = true;
  s.sent = at;
}

bool Run::knows_columns(std::uint64_t description) {
  State& s = *state_;
  if (!s.wants_fields) return true;
  const Columns& last = s.entry->columns;
  if (last.description != description || last.shape != s.entry->shape) return false;
  s.columns = s.known_kinds = last.count;
  s.kinds = last.kinds;
  s.shape = last.shape;
  s.new_shape = false;
  return true;
}

void Run::columns(std::span<const Column> columns, std::uint64_t description) {
  State& s = *state_;
  if (!s.wants_fields || s.sampled_rows > 0) return;
  s.columns =
      static_cast<std::uint32_t>(std::min<std::size_t>(columns.size(), EventBody::kMaxColumns));
  std::uint64_t hash = s.columns;
  s.known_kinds = s.columns;
  for (std::size_t i = 0; i < s.columns; ++i) {
    s.kinds[i] = {columns[i].type, columns[i].form};
    hash = hash64(columns[i].name, hash);
  }
  s.shape = hash | 1U;
  s.entry->columns = {description, s.shape, s.columns, s.kinds};
  s.names.clear();
  s.new_shape = s.shape != s.entry->shape;
  if (!s.new_shape) return;
  constexpr std::size_t kMaxName = 256;  // PostgreSQL cuts at 63
  for (const Column& column : columns.first(s.columns)) {
    const std::string_view name = column.name.substr(0, kMaxName);
    s.names.append(name.substr(0, name.find('\0')));
    s.names.push_back('\0');
  }
}

bool Run::wants_columns() const { return state_->wants_fields && state_->sampled_rows == 0; }

bool Run::row(std::size_t bytes, Time at) {
  State& s = *state_;
  if (!s.has_first) {
    s.has_first = true;
    s.first = at;
  }
  ++s.rows;
  s.bytes += bytes;
  return s.wants_fields && s.sampled_rows < EventBody::kMaxRows;
}

void Run::fields(std::span<const Value> fields) {
  State& s = *state_;
  if (!s.wants_fields || s.sampled_rows >= EventBody::kMaxRows) return;
  if (s.columns == 0)  // nobody named them
    s.columns =
        static_cast<std::uint32_t>(std::min<std::size_t>(fields.size(), EventBody::kMaxColumns));
  if (s.columns == 0) return;
  for (std::size_t i = 0; i < s.columns; ++i) {
    Value field = i < fields.size() ? fields[i] : Value{.form = Value::Form::null};
    if (i < s.known_kinds && field.form != Value::Form::null) {
      field.type = s.kinds[i].type;
      field.form = s.kinds[i].form;
    }
    s.fields.push_back(identity_of(field));
  }
  ++s.sampled_rows;
}

void Run::finish(const Finish& finish) {
  State& s = *state_;
  if (s.finished) return;
  s.finished = true;
  s.recorder->record(s, finish);
}

void RunReturn::operator()(Run* run) const { run->state_->recorder->give_back(run); }

}  // namespace sluice::query
