// What GraphQL strings say: section 2.9.4 of the specification. The lexer has checked them, so nothing
// here fails.
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/graphql.h"

namespace sluice::query::graphql {

namespace {

void append_utf8(std::string& to, std::uint32_t code) {
  const auto byte = [&](std::uint32_t bits) { to += static_cast<char>(bits); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0U | code >> 6U);
  } else {
    if (code < 0x10000) {
      byte(0xE0U | code >> 12U);
    } else {
      byte(0xF0U | code >> 18U);
      byte(0x80U | (code >> 12U & 0x3FU));
    }
    byte(0x80U | (code >> 6U & 0x3FU));
  }
  byte(0x80U | (code & 0x3FU));
}

// The UTF-16 unit that \uXXXX at the front of `rest` says; 0 if there is none.
std::uint32_t unit(std::string_view rest) {
  std::uint32_t code = 0;
  if (!rest.starts_with("\\u") || rest.size() < 6) return 0;
  std::from_chars(rest.data() + 2, rest.data() + 6, code, 16);
  return code;
}

bool is_high(std::uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_low(std::uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

// Appends what the escape at the front says; how many bytes it takes.
std::size_t unescape(std::string_view rest, std::string& to) {
  constexpr std::string_view kLetters = "bfnrt";
  constexpr std::string_view kMeant = "\b\f\n\r\t";
  if (rest[1] != 'u') {
    const std::size_t letter = kLetters.find(rest[1]);
    to += letter == std::string_view::npos ? rest[1] : kMeant[letter];
    return 2;
  }
  const std::uint32_t first = unit(rest);
  const std::uint32_t second = is_high(first) ? unit(rest.substr(6)) : 0;
  if (is_low(second)) {
    append_utf8(to, 0x10000 + ((first - 0xD800) << 10U) + (second - 0xDC00));
    return 12;
  }
  append_utf8(to, is_high(first) || is_low(first) ? 0xFFFD : first);
  return 6;
}

std::string plain(std::string_view inside) {
  std::string said;
  said.reserve(inside.size());
  while (!inside.empty()) {
    const std::size_t run = std::min(inside.find('\\'), inside.size());
    said.append(inside.substr(0, run));
    inside.remove_prefix(run);
    if (!inside.empty()) inside.remove_prefix(unescape(inside, said));
  }
  return said;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = text.find_first_of("\r\n");
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
}

bool blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

void append_line(std::string& to, std::string_view line) {
  constexpr std::string_view kEscaped = R"(\""")";
  for (std::size_t at = line.find(kEscaped); at != std::string_view::npos;
       at = line.find(kEscaped)) {
    to.append(line.substr(0, at)).append(R"(""")");
    line.remove_prefix(at + kEscaped.size());
  }
  to.append(line);
}

// BlockStringValue(rawValue) of the specification.
std::string block(std::string_view inside) {
  std::vector<std::string_view> lines = lines_of(inside);
  std::size_t indent = std::string_view::npos;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    indent = std::min(indent, lines[i].find_first_not_of(" \t"));
  }
  for (std::size_t i = 1; i < lines.size() && indent != std::string_view::npos; ++i) {
    lines[i].remove_prefix(std::min(indent, lines[i].size()));
  }
  const auto first = std::ranges::find_if_not(lines, blank);
  std::string said;
  if (first == lines.end()) return said;
  while (blank(lines.back())) lines.pop_back();
  for (auto line = first; line != lines.end(); ++line) {
    if (line != first) said += '\n';
    append_line(said, *line);
  }
  return said;
}

}  // namespace

std::string value_of(const Value& value) {
  const std::string_view text = value.text;
  switch (value.kind) {
    case Value::Kind::string: return plain(text.substr(1, text.size() - 2));
    case Value::Kind::block_string: return block(text.substr(3, text.size() - 6));
    default: return std::string(text);
  }
}

}  // namespace sluice::query::graphql
