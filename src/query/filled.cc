// filled(): a statement with the values of one execution, to be shown or explained.
#include "query/facts_postgres.h"
#include "sluice/query/workload.h"

namespace sluice::query {
namespace {

std::size_t slot_size(std::string_view text, const SlotPlace& slot) {
  if (slot.parameter > 0) {
    std::size_t end = slot.at + 1;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    return end - slot.at;
  }
  switch (slot.kind) {
    case Literal::Kind::number: return 1;  // 0
    case Literal::Kind::string: return 2;  // ''
    default: return 3;                     // b''
  }
}

bool is_exact(std::string_view value) {
  return value != "(redacted)" && !value.ends_with("...'") && !value.starts_with("(");
}

// A number that stands for a text has to look like one; a parameter's type is the server's to find.
std::string fitting(const SlotPlace& slot, const std::string& value) {
  const bool bare =
      !value.starts_with('\'') && value != "null" && value != "true" && value != "false";
  const bool text = slot.parameter > 0 || slot.kind != Literal::Kind::number;
  return bare && text ? "'" + value + "'" : value;
}

}  // namespace

std::optional<std::string> filled(std::string_view normalised, const Sample& sample) {
  const Example example = example_with_slots(normalised);
  std::size_t literals = 0;
  for (const SlotPlace& slot : example.slots) literals += slot.parameter == 0;
  std::string out;
  std::size_t from = 0, literal = 0;
  for (const SlotPlace& slot : example.slots) {
    const std::size_t i = slot.parameter > 0 ? literals + slot.parameter - 1 : literal++;
    if (i >= sample.values.size() || !is_exact(sample.values[i])) return std::nullopt;
    out.append(example.text, from, slot.at - from).append(fitting(slot, sample.values[i]));
    from = slot.at + slot_size(example.text, slot);
  }
  return out.append(example.text, from, std::string::npos);
}

}  // namespace sluice::query
