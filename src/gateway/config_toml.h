// TOML text as a tree that remembers where everything stood. The only place that knows the TOML
// library, which takes seconds to compile and throws; nothing of it leaves config_toml.cc.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::gateway {

struct TomlEntry;

struct TomlNode {
  using Array = std::vector<TomlNode>;
  using Table = std::vector<TomlEntry>;
  // monostate: a kind that no key takes (a date or a time).
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Table> value;
  int line = 0, column = 0;

  const Table* table() const { return std::get_if<Table>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  // For messages: "a table", "the number 5", "\"fast\"".
  std::string found() const;
};

struct TomlEntry {
  std::string key;
  int line = 0, column = 0;  // of the key
  TomlNode node;
};

struct TomlError {
  int line = 0, column = 0;
  std::string message;
};

// Tables keep the file's order.
std::expected<TomlNode, TomlError> parse_toml(std::string_view text);

}  // namespace sluice::gateway
