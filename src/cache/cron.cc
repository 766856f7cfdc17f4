// Parsing into bit sets, and the next point in time by walking days, hours and minutes.
#include "sluice/cache/cron.h"

#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cache {

namespace {

using namespace std::chrono;

struct Field {
  std::string_view name;
  unsigned least, most;
  std::string_view words;  // three letters each, from `least` on; empty: numbers only
};
constexpr std::array kFields{
    Field{"minute", 0, 59, ""},
    Field{"hour", 0, 23, ""},
    Field{"day of month", 1, 31, ""},
    Field{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    Field{"weekday", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
};
constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

std::vector<std::string_view> split(std::string_view text, std::string_view at, bool keep_empty) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0;;) {
    const std::size_t to = text.find_first_of(at, from);
    const std::string_view part = text.substr(from, to - from);
    if (keep_empty || !part.empty()) parts.push_back(part);
    if (to == text.npos) return parts;
    from = to + 1;
  }
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<unsigned> number_or_word(std::string_view text, const Field& field) {
  if (text.size() == 3) {
    std::string upper(text);
    for (char& c : upper)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    for (std::size_t at = 0; at < field.words.size(); at += 3)
      if (field.words.substr(at, 3) == upper) return field.least + static_cast<unsigned>(at / 3);
  }
  return number(text);
}

std::unexpected<Error> wrong(const Field& field, std::string_view text, std::string_view mend) {
  std::string range = std::to_string(field.least) + "-" + std::to_string(field.most);
  if (!field.words.empty())
    range += " or " + std::string(field.words.substr(0, 3)) + "-" +
             std::string(field.words.substr(field.words.size() - 3));
  return fail(Code::invalid_argument,
              "cron: " + std::string(field.name) + " \"" + std::string(text) + "\" " +
                  std::string(mend) + ": it takes " + range + ", *, a-b, */n, lists with commas");
}

// "*", "5", "5-9", each perhaps with "/n".
Result<std::uint64_t> parse_part(std::string_view part, const Field& field) {
  const std::size_t slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  unsigned step = 1;
  if (slash != part.npos) {
    const auto given = number(part.substr(slash + 1));
    if (!given || *given == 0) return wrong(field, part, "has no number above 0 after the slash");
    step = *given;
  }
  unsigned from = field.least, to = field.most;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    const auto first = number_or_word(range.substr(0, dash), field);
    const auto last = dash == range.npos ? first : number_or_word(range.substr(dash + 1), field);
    if (!first || !last) return wrong(field, part, "isn't understood");
    if (*first < field.least || *last > field.most || *first > field.most)
      return wrong(field, part, "is out of range");
    if (*first > *last) return wrong(field, part, "runs backwards; write two ranges");
    from = *first;
    to = dash == range.npos && slash != part.npos ? field.most : *last;
  }
  std::uint64_t bits = 0;
  for (std::uint64_t at = from; at <= to; at += step) bits |= std::uint64_t{1} << at;
  return bits;
}

Result<std::uint64_t> parse_field(std::string_view text, const Field& field) {
  std::uint64_t bits = 0;
  for (const std::string_view part : split(text, ",", true)) {
    const Result<std::uint64_t> some = parse_part(part, field);
    if (!some) return some;
    bits |= *some;
  }
  return bits;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view line) {
  std::vector<std::string_view> texts = split(line, " \t", false);
  if (texts.size() == 1)
    for (const auto& [nickname, meaning] : kNicknames)
      if (texts[0] == nickname) return parse(meaning);
  if (texts.size() != kFields.size())
    return fail(Code::invalid_argument,
                "cron: \"" + std::string(line) + "\" has " + std::to_string(texts.size()) +
                    " fields: write five (minute, hour, day of month, month, weekday), like " +
                    "\"30 4 * * MON-FRI\", or @hourly, @daily, @weekly, @monthly, @yearly");
  std::array<std::uint64_t, kFields.size()> bits;
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    const Result<std::uint64_t> field = parse_field(texts[i], kFields[i]);
    if (!field) return std::unexpected(field.error());
    bits[i] = *field;
  }
  Cron cron;
  cron.minutes_ = bits[0];
  cron.hours_ = static_cast<std::uint32_t>(bits[1]);
  cron.days_ = static_cast<std::uint32_t>(bits[2]);
  cron.months_ = static_cast<std::uint32_t>(bits[3]);
  cron.weekdays_ = static_cast<std::uint32_t>((bits[4] | bits[4] >> 7) & 0x7f);
  cron.any_day_ = texts[2].starts_with('*');
  cron.any_weekday_ = texts[4].starts_with('*');
  if (!cron.ever())
    return wrong(kFields[2], texts[2],
                 "is a day that none of the months in \"" + std::string(texts[3]) + "\" has");
  return cron;
}

// Some month has one of the days.
bool Cron::ever() const {
  constexpr unsigned kDays[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!any_weekday_ && !any_day_) return true;
  for (unsigned m = 1; m <= 12; ++m)
    if (months_ >> m & 1 && static_cast<unsigned>(std::countr_zero(days_)) <= kDays[m]) return true;
  return false;
}

bool Cron::fits(year_month_day day) const {
  if (!(months_ >> static_cast<unsigned>(day.month()) & 1)) return false;
  const bool of_month = days_ >> static_cast<unsigned>(day.day()) & 1;
  const bool of_week = weekdays_ >> weekday(sys_days(day)).c_encoding() & 1;
  return any_day_ || any_weekday_ ? of_month && of_week : of_month || of_week;
}

WallTime Cron::next(WallTime after) const {
  const auto from = floor<minutes>(after) + minutes(1);
  // 29 February comes at least every eighth year, on a given weekday at least every fortieth.
  constexpr int kFarthest = 366 * 41;
  for (auto [day, walked] = std::pair(floor<days>(from), 0); walked < kFarthest;
       day += days(1), ++walked) {
    if (!fits(year_month_day(day))) continue;
    for (unsigned h = 0; h < 24; ++h) {
      if (!(hours_ >> h & 1)) continue;
      for (unsigned m = 0; m < 60; ++m) {
        const auto at = day + hours(h) + minutes(m);
        if (minutes_ >> m & 1 && at >= from) return at;
      }
    }
  }
  return WallTime::max();
}

}  // namespace sluice::cache
