// Redaction: values as a person may read them, and which of them nobody should.
//
// Done only when a sample is kept, so a few times for each fingerprint: a statement's way costs nothing.
// What can't be told apart is redacted: a string of a statement that isn't parsed (yet), or of one
// that sets passwords (utility, ddl).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::query {

inline constexpr std::size_t kMaxShownValues = 32, kMaxShownBytes = 256;

// A value as SQL would have it: 42, 'it''s', true, null, '\x00ff'. At most kMaxShownBytes of it, then "...".
std::string readable(const Value& value, bool cut = false);

struct KeptValue {
  Value value;
  bool cut = false;  // there was more of it
};

// One execution's values: literals in the order of the text, then parameters.
struct KeptValues {
  std::span<const KeptValue> values;
  std::size_t literals = 0;  // how many of all are literals
  std::size_t more = 0;      // values that weren't kept
};
// They, redacted, in one block.
std::string pack_values(const Template& statement, const KeptValues& kept,
                        const WorkloadOptions& options);
// The same of values that are readable and redacted already.
std::string pack_texts(std::span<const std::string> texts);
std::vector<std::string> unpack_values(std::string_view packed);

}  // namespace sluice::query
