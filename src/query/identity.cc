// Identities of values: what lets the loop detector see that a parameter is a column of an earlier row.
//
// A value meets itself in another coat: as a literal in a text, a parameter in binary, a field as text.
// So what is a whole number, a uuid or a truth value is hashed by what it means, the rest by its bytes.
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/hash.h"
#include "query/value_types.h"
#include "sluice/query/workload.h"

namespace sluice::query {
namespace {

// Kinds don't meet each other: each has its own seed.
enum Seed : std::uint64_t { kBytes = 0, kBinary = 1, kUuid = 2, kBool = 3 };
constexpr std::uint64_t kIntegers = 0x9e3779b97f4a7c15;

std::uint64_t not_null(std::uint64_t identity) { return identity == 0 ? 1 : identity; }

// SplitMix64's finaliser, a bijection. (Source: Steele, Lea, Flood: Fast Splittable Pseudorandom
// Number Generators)
std::uint64_t of_integer(std::int64_t value) {
  std::uint64_t x = static_cast<std::uint64_t>(value) + kIntegers;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return not_null(x ^ (x >> 31));
}

// Only as a server writes it: no plus, no zeros in front, no minus zero.
std::optional<std::int64_t> canonical_integer(std::string_view text) {
  if (text.empty() || text.size() > 20) return {};
  const std::string_view digits = text.substr(text[0] == '-' ? 1 : 0);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return {};
  if (digits[0] == '0' && text.size() > 1) return {};
  std::int64_t value = 0;
  if (digits.size() <= 18) {
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') return {};
      value = 10 * value + (digit - '0');
    }
    return digits.size() == text.size() ? value : -value;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// 8-4-4-4-12 hexadecimal digits in any letter case.
std::optional<std::array<char, 16>> uuid_of(std::string_view text) {
  if (text.size() != 36) return {};
  std::array<char, 16> bytes;
  std::size_t filled = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i++] != '-') return {};
      continue;
    }
    const int high = nibble(text[i]), low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes[filled++] = static_cast<char>(high << 4 | low);
    i += 2;
  }
  return bytes;
}

std::uint64_t of_text(std::string_view text) {
  if (const auto integer = canonical_integer(text)) return of_integer(*integer);
  if (const auto uuid = uuid_of(text)) return not_null(hash64({uuid->data(), uuid->size()}, kUuid));
  return not_null(hash64(text, kBytes));
}

std::uint64_t of_bool(bool value) { return not_null(hash64(value ? "t" : "f", kBool)); }

std::optional<bool> bool_of(const Value& value) {
  if (value.form == Value::Form::binary) {
    if (value.bytes.size() != 1) return {};
    return value.bytes[0] != 0;
  }
  if (value.bytes == "t" || value.bytes == "true") return true;
  if (value.bytes == "f" || value.bytes == "false") return false;
  return {};
}

}  // namespace

std::uint64_t identity_of(const Value& value) {
  if (value.form == Value::Form::null) return 0;
  if (value.type == type::kBool) {
    if (const auto truth = bool_of(value)) return of_bool(*truth);
  }
  if (value.form == Value::Form::text) return of_text(value.bytes);
  if (const auto integer = binary_integer(value)) return of_integer(*integer);
  if (value.type == type::kUuid && value.bytes.size() == 16)
    return not_null(hash64(value.bytes, kUuid));
  if (const auto text = binary_text(value)) return of_text(*text);
  return not_null(hash64(value.bytes, kBinary));
}

}  // namespace sluice::query
