// Which values are secret, and how the others look.
#include "query/redaction.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "query/clean_text.h"
#include "query/value_types.h"

namespace sluice::query {
namespace {

constexpr std::string_view kRedacted = "(redacted)";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number as SQL writes it, without blanks: 1, -1.5, 1e-9, .5
bool numeric(std::string_view text) {
  std::size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  std::size_t digits = 0;
  for (; i < text.size() && is_digit(text[i]); ++i) ++digits;
  if (i < text.size() && text[i] == '.') ++i;
  for (; i < text.size() && is_digit(text[i]); ++i) ++digits;
  if (digits == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (i == text.size()) return false;
    while (i < text.size() && is_digit(text[i])) ++i;
  }
  return i == text.size();
}

bool number_type(std::uint32_t oid) {
  switch (oid) {
    case type::kInt2:
    case type::kInt4:
    case type::kInt8:
    case type::kOid:
    case type::kFloat4:
    case type::kFloat8:
    case type::kNumeric: return true;
    default: return false;
  }
}

std::string quoted_text(std::string_view text, bool cut) {
  std::string shown = clean(text, kMaxShownBytes);
  cut = cut || shown.size() < text.size();
  for (std::size_t at = 0; (at = shown.find('\'', at)) != std::string::npos; at += 2)
    shown.insert(at, 1, '\'');
  return fmt::format("'{}{}'", shown, cut ? "..." : "");
}

std::string hex_text(std::string_view bytes, bool cut) {
  constexpr std::size_t kMost = (kMaxShownBytes - 2) / 2;
  std::string shown = "'\\x";
  for (const char c : bytes.substr(0, kMost))
    fmt::format_to(std::back_inserter(shown), "{:02x}", static_cast<unsigned char>(c));
  return shown + (cut || bytes.size() > kMost ? "...'" : "'");
}

std::string uuid_text(std::string_view bytes) {
  std::string shown = "'";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) shown += '-';
    fmt::format_to(std::back_inserter(shown), "{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return shown + "'";
}

template <class Float>
std::string float_text(Float value) {
  std::array<char, 64> room;
  const auto end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
  return {room.data(), end};
}

std::string readable_binary(const Value& value, bool cut) {
  const std::string_view bytes = value.bytes;
  if (const auto integer = binary_integer(value)) return std::to_string(*integer);
  if (const auto text = binary_text(value)) return quoted_text(*text, cut);
  if (value.type == type::kBool && bytes.size() == 1) return bytes[0] != 0 ? "true" : "false";
  if (value.type == type::kFloat4 && bytes.size() == 4)
    return float_text(std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(bytes))));
  if (value.type == type::kFloat8 && bytes.size() == 8)
    return float_text(std::bit_cast<double>(big_endian(bytes)));
  if (value.type == type::kUuid && bytes.size() == 16) return uuid_text(bytes);
  return hex_text(bytes, cut);
}

std::string readable_text(const Value& value, bool cut) {
  if (value.type == type::kBool) {
    if (value.bytes == "t" || value.bytes == "true") return "true";
    if (value.bytes == "f" || value.bytes == "false") return "false";
  }
  const bool may_be_number = value.type == 0 || number_type(value.type);
  if (may_be_number && !cut && value.bytes.size() <= kMaxShownBytes && numeric(value.bytes))
    return std::string(value.bytes);
  return quoted_text(value.bytes, cut);
}

// A letter-case-blind find; `part` is short.
bool contains(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(a) == lower(b);
  };
  return !part.empty() && std::ranges::search(text, part, same).begin() != text.end();
}

// For each literal's slot in a normalised text: is it a number's?
std::vector<bool> number_slots(std::string_view normalised) {
  std::vector<bool> numbers;
  for (std::size_t i = 0; i < normalised.size(); ++i) {
    const char c = normalised[i];
    if (c == '"') {
      i = normalised.find('"', i + 1);
      if (i == std::string_view::npos) return {};
    } else if (c == '\\') {
      ++i;
    } else if (c == '?') {
      numbers.push_back(i == 0 || normalised[i - 1] != '\'');
    }
  }
  return numbers;
}

// Says of each value of one execution whether it may be shown.
class Judge {
 public:
  Judge(const Template& statement, const KeptValues& kept, const WorkloadOptions& options)
      : options_(options), literals_(kept.literals), secret_(kept.values.size() + kept.more) {
    all_ = options.redact == WorkloadOptions::Redact::all;
    if (options.redact != WorkloadOptions::Redact::automatic) return;
    const Facts* facts = statement.facts();
    const bool known = facts && facts->unanalysed.empty();
    strings_ = !known || facts->verb == Verb::utility || facts->verb == Verb::ddl ||
               facts->verb == Verb::unknown || facts->statements > 1;
    if (known) find_secrets(*facts);
    if (strings_) numbers_ = number_slots(statement.text());
  }

  bool hides(std::size_t i, const Value& value) const {
    if (all_) return true;
    if (value.form == Value::Form::null) return false;
    return secret_[i] || (strings_ && !is_number(i, value));
  }

 private:
  bool secret(std::string_view column) const {
    return std::ranges::any_of(options_.secret_columns,
                               [&](const auto& part) { return contains(column, part); });
  }

  // The slots of the parser and the values of the lexer should agree; if not, one secret literal could be
  // any of them.
  void find_secrets(const Facts& facts) {
    std::size_t literals = 0;
    bool any = false;
    for (const Slot& slot : facts.slots) {
      const std::size_t at = slot.parameter == 0 ? literals++ : literals_ + slot.parameter - 1;
      if (!secret(slot.column)) continue;
      any = any || slot.parameter == 0;
      if (at < secret_.size()) secret_[at] = true;
    }
    if (!any || literals == literals_) return;
    std::fill_n(secret_.begin(), std::min(literals_, secret_.size()), true);
  }

  bool is_number(std::size_t i, const Value& value) const {
    if (number_type(value.type) || value.type == type::kBool) return true;
    if (value.form != Value::Form::text || value.type != 0) return false;
    return i < literals_ && numbers_.size() == literals_ && numbers_[i] && numeric(value.bytes);
  }

  const WorkloadOptions& options_;
  const std::size_t literals_;
  bool all_ = false, strings_ = false;
  std::vector<bool> secret_, numbers_;
};

void pack(std::string& packed, std::string_view text) {
  const auto size = static_cast<std::uint16_t>(std::min<std::size_t>(text.size(), UINT16_MAX));
  packed.append(reinterpret_cast<const char*>(&size), sizeof size);
  packed.append(text.substr(0, size));
}

}  // namespace

std::string readable(const Value& value, bool cut) {
  switch (value.form) {
    case Value::Form::null: return "null";
    case Value::Form::binary: return readable_binary(value, cut);
    case Value::Form::text: break;
  }
  return readable_text(value, cut);
}

std::string pack_values(const Template& statement, const KeptValues& kept,
                        const WorkloadOptions& options) {
  const Judge judge(statement, kept, options);
  std::string packed;
  for (std::size_t i = 0; i < kept.values.size(); ++i) {
    const KeptValue& one = kept.values[i];
    pack(packed, judge.hides(i, one.value) ? kRedacted : readable(one.value, one.cut));
  }
  if (kept.more > 0) pack(packed, fmt::format("({} more)", kept.more));
  packed.shrink_to_fit();
  return packed;
}

std::string pack_texts(std::span<const std::string> texts) {
  std::string packed;
  for (const std::string& text : texts) pack(packed, text);
  packed.shrink_to_fit();
  return packed;
}

std::vector<std::string> unpack_values(std::string_view packed) {
  std::vector<std::string> texts;
  std::uint16_t size = 0;
  while (packed.size() >= sizeof size) {
    std::memcpy(&size, packed.data(), sizeof size);
    texts.emplace_back(packed.substr(sizeof size, size));
    packed.remove_prefix(std::min(packed.size(), sizeof size + size));
  }
  return texts;
}

}  // namespace sluice::query
