#include "gateway/config_toml.h"

#include <algorithm>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace sluice::gateway {
namespace {

TomlNode convert(const toml::node& node);

TomlNode::Table convert_table(const toml::table& table) {
  TomlNode::Table out;
  for (const auto& [key, child] : table) {
    const auto& at = key.source().begin;
    out.push_back({std::string(key.str()), static_cast<int>(at.line), static_cast<int>(at.column),
                   convert(child)});
  }
  // The library sorts by name; messages read better in the file's order.
  std::stable_sort(out.begin(), out.end(), [](const TomlEntry& a, const TomlEntry& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return out;
}

TomlNode convert(const toml::node& node) {
  TomlNode out;
  out.line = static_cast<int>(node.source().begin.line);
  out.column = static_cast<int>(node.source().begin.column);
  if (const auto* table = node.as_table()) {
    out.value = convert_table(*table);
  } else if (const auto* array = node.as_array()) {
    TomlNode::Array items;
    for (const auto& item : *array) items.push_back(convert(item));
    out.value = std::move(items);
  } else if (const auto* text = node.as_string()) {
    out.value = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.value = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.value = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.value = boolean->get();
  }
  return out;
}

}  // namespace

std::string TomlNode::found() const {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<std::int64_t>(&value)) return fmt::format("the number {}", *i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("the number {}", *d);
  if (const auto* s = std::get_if<std::string>(&value)) return fmt::format("\"{}\"", *s);
  if (array()) return "a list";
  if (table()) return "a table";
  return "a date or time";
}

std::expected<TomlNode, TomlError> parse_toml(std::string_view text) {
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& e) {
    const auto& at = e.source().begin;
    return std::unexpected(TomlError{static_cast<int>(at.line), static_cast<int>(at.column),
                                     std::string(e.description())});
  }
}

}  // namespace sluice::gateway
