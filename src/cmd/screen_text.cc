#include "cmd/screen_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace sluice::cmd {
namespace {

// One character: its code point, or none where the bytes aren't UTF-8, and how many bytes it has.
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool good = false;
};

Character next(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {};
  char32_t code = first & (0xff >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool good = code >= kLeast[size] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return good ? Character{code, size, true} : Character{};
}

bool within(char32_t code, std::initializer_list<std::pair<char32_t, char32_t>> ranges) {
  return std::ranges::any_of(
      ranges, [&](const auto& range) { return code >= range.first && code <= range.second; });
}

bool is_control(char32_t code) {
  return code < 0x20 || within(code, {{0x7f, 0x9f},
                                      {0x200b, 0x200f},  // invisible, and marks of direction
                                      {0x2028, 0x202e},  // separators, embeddings, overrides
                                      {0x2060, 0x206f},
                                      {0xfeff, 0xfeff},
                                      {0xe0000, 0xe007f}});
}

// Near enough to a terminal's idea of it; a wrong guess costs a column.
std::size_t width_of(char32_t code) {
  if (within(code, {{0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}}))
    return 0;
  return within(code, {{0x1100, 0x115f},
                       {0x2e80, 0xa4cf},
                       {0xac00, 0xd7a3},
                       {0xf900, 0xfaff},
                       {0xfe30, 0xfe6f},
                       {0xff00, 0xff60},
                       {0x1f300, 0x1faff},
                       {0x20000, 0x3fffd}})
             ? 2
             : 1;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::string clean_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = next(text);
    if (is_space(text[0])) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (!c.good || is_control(c.code)) {
      out += '?';
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character c = next(text);
    columns += c.good ? width_of(c.code) : 1;
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const Character c = next(text);
    const std::size_t width = c.good ? width_of(c.code) : 1;
    if (used + width + 1 > columns) break;
    out += text.substr(0, c.bytes);
    used += width;
    text.remove_prefix(c.bytes);
  }
  return out + "…";
}

std::string left(std::string_view text, std::size_t columns) {
  std::string out = cut(text, columns);
  out.append(columns - columns_of(out), ' ');
  return out;
}

std::string right(std::string_view text, std::size_t columns) {
  const std::string out = cut(text, columns);
  return std::string(columns - columns_of(out), ' ') + out;
}

std::string short_number(double number) {
  if (!std::isfinite(number) || number < 0) return "-";
  if (number == 0) return "0";
  if (number < 0.005) return "<0.01";
  if (number < 9.995) return fmt::format("{:.2f}", number);
  if (number < 99.95) return fmt::format("{:.1f}", number);
  if (number < 9999.5) return fmt::format("{:.0f}", number);
  constexpr std::string_view kUnits[] = {"k", "M", "G", "T", "P"};
  for (std::size_t i = 0; i < std::size(kUnits); ++i) {
    number /= 1000;
    if (number < 999.95 || i + 1 == std::size(kUnits))
      return fmt::format("{:.1f}{}", number, kUnits[i]);
  }
  return "-";
}

std::string short_count(std::uint64_t count) {
  return count < 100'000 ? std::to_string(count) : short_number(static_cast<double>(count));
}

std::string short_time(double ms) {
  if (!std::isfinite(ms) || ms < 0) return "-";
  if (ms < 9.995) return fmt::format("{:.2f} ms", ms);
  if (ms < 99.95) return fmt::format("{:.1f} ms", ms);
  if (ms < 999.5) return fmt::format("{:.0f} ms", ms);
  if (ms < 120e3) return fmt::format("{:.1f} s", ms / 1e3);
  if (ms < 7200e3) return fmt::format("{:.1f} min", ms / 60e3);
  return fmt::format("{:.1f} h", ms / 3600e3);
}

}  // namespace sluice::cmd
