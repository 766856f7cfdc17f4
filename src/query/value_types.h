// Value types: PostgreSQL's object ids that Sluice can read in binary, and what they hold.
// (Source: PostgreSQL's src/include/catalog/pg_type.dat; formats: the types' send functions.)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sluice/query/workload.h"

namespace sluice::query {

namespace type {
inline constexpr std::uint32_t kBool = 16, kByteArray = 17, kChar = 18, kName = 19, kInt8 = 20,
                               kInt2 = 21, kInt4 = 23, kText = 25, kOid = 26, kJson = 114,
                               kXml = 142, kFloat4 = 700, kFloat8 = 701, kUnknown = 705,
                               kBpchar = 1042, kVarchar = 1043, kNumeric = 1700, kUuid = 2950,
                               kJsonb = 3802;
}  // namespace type

// Big-endian, 2, 4 or 8 bytes. REQUIRES: bytes.size() <= 8.
inline std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Nothing of what isn't an integer, or hasn't the size of its type.
inline std::optional<std::int64_t> binary_integer(const Value& value) {
  const std::size_t size = value.bytes.size();
  switch (value.type) {
    case type::kInt2:
      if (size == 2) return static_cast<std::int16_t>(big_endian(value.bytes));
      break;
    case type::kInt4:
      if (size == 4) return static_cast<std::int32_t>(big_endian(value.bytes));
      break;
    case type::kOid:
      if (size == 4) return static_cast<std::int64_t>(big_endian(value.bytes));
      break;
    case type::kInt8:
      if (size == 8) return static_cast<std::int64_t>(big_endian(value.bytes));
      break;
    default: break;
  }
  return {};
}

// The characters of a type whose binary form is its text. jsonb has its version in front, so far 1.
inline std::optional<std::string_view> binary_text(const Value& value) {
  switch (value.type) {
    case type::kText:
    case type::kVarchar:
    case type::kBpchar:
    case type::kName:
    case type::kChar:
    case type::kJson:
    case type::kXml:
    case type::kUnknown: return value.bytes;
    case type::kJsonb:
      if (!value.bytes.empty() && value.bytes[0] == 1) return value.bytes.substr(1);
      break;
    default: break;
  }
  return {};
}

}  // namespace sluice::query
