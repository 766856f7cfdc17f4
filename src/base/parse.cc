// Durations, sizes, numbers and flags from text; parse.h says what is taken.
#include "base/parse.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace sluice {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Larger first, as they stand in a text.
constexpr std::array<Unit, 7> kTimes{{{"d", 86'400'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"s", 1'000'000'000},
                                      {"ms", 1'000'000},
                                      {"us", 1'000},
                                      {"ns", 1}}};

constexpr std::array<Unit, 14> kSizes{{{"B", 1},
                                       {"", 1},
                                       {"K", 1ull << 10},
                                       {"KB", 1ull << 10},
                                       {"KiB", 1ull << 10},
                                       {"M", 1ull << 20},
                                       {"MB", 1ull << 20},
                                       {"MiB", 1ull << 20},
                                       {"G", 1ull << 30},
                                       {"GB", 1ull << 30},
                                       {"GiB", 1ull << 30},
                                       {"T", 1ull << 40},
                                       {"TB", 1ull << 40},
                                       {"TiB", 1ull << 40}}};

bool digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Takes the digits at the front of text; false if there are none or too many.
bool take_number(std::string_view& text, std::uint64_t& out) {
  if (text.empty() || !digit(text.front())) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::unexpected<Error> not_a_duration(std::string_view text) {
  return fail(Code::invalid_argument,
              quoted(text) +
                  " isn't a duration: write a number and ns, us, ms, s, m, h or d, "
                  "like 100ms, 5s or 1m30s");
}

std::unexpected<Error> not_a_size(std::string_view text) {
  return fail(Code::invalid_argument,
              quoted(text) +
                  " isn't a size: write a number and nothing, KB, MB, GB or TB "
                  "(powers of 1024), like 16KB or 200MB");
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  constexpr auto kMost = static_cast<std::uint64_t>(Duration::max().count());
  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // the largest that may still follow
  std::string_view rest = text;
  do {
    std::uint64_t number = 0;
    if (!take_number(rest, number)) return not_a_duration(text);
    std::size_t length = 0;
    while (length < rest.size() && !digit(rest[length])) ++length;
    const std::string_view name = rest.substr(0, length);
    rest.remove_prefix(length);
    while (next_unit < kTimes.size() && kTimes[next_unit].name != name) ++next_unit;
    if (next_unit == kTimes.size()) return not_a_duration(text);
    std::uint64_t part = 0;
    if (__builtin_mul_overflow(number, kTimes[next_unit].factor, &part) ||
        __builtin_add_overflow(total, part, &total) || total > kMost)
      return fail(Code::invalid_argument, quoted(text) + " is longer than 292 years");
    ++next_unit;
  } while (!rest.empty());
  return Duration(static_cast<Duration::rep>(total));
}

std::string format_duration(Duration duration) {
  const bool negative = duration < Duration::zero();
  auto rest = static_cast<std::uint64_t>(duration.count());
  if (negative) rest = 0 - rest;
  if (rest == 0) return "0";
  std::string out = negative ? "-" : "";
  for (const Unit& unit : kTimes) {
    if (rest >= unit.factor) out += fmt::format("{}{}", rest / unit.factor, unit.name);
    rest %= unit.factor;
  }
  return out;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t number = 0;
  if (!take_number(rest, number)) return not_a_size(text);
  for (const Unit& unit : kSizes) {
    if (!iequals(unit.name, rest)) continue;
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(number, unit.factor, &bytes))
      return fail(Code::invalid_argument, quoted(text) + " is more than 64 bits hold");
    return bytes;
  }
  return not_a_size(text);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  std::size_t step = 0;
  while (step < 4 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++step;
  }
  constexpr std::array<std::string_view, 5> kNames{"", "KB", "MB", "GB", "TB"};
  return fmt::format("{}{}", bytes, kNames[step]);
}

Result<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : {"true", "on", "yes", "1"})
    if (iequals(text, yes)) return true;
  for (std::string_view no : {"false", "off", "no", "0"})
    if (iequals(text, no)) return false;
  return fail(Code::invalid_argument, quoted(text) + " isn't a yes or no: write true or false");
}

Result<std::uint64_t> parse_u64(std::string_view text, std::uint64_t min, std::uint64_t max) {
  std::string_view rest = text;
  std::uint64_t value = 0;
  if (!take_number(rest, value) || !rest.empty() || value < min || value > max)
    return fail(Code::invalid_argument,
                fmt::format("{} isn't a whole number from {} to {}", quoted(text), min, max));
  return value;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string out = "\"";
  for (char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  if (text.size() > kLongest) out += "...";
  return out + '"';
}

}  // namespace sluice
