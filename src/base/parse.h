// The small texts of configuration, command line and URLs: durations, sizes, numbers, flags.
//
// Errors are invalid_argument, name the text and say what would have been right. Numbers are taken
// whole: no sign, no blanks inside, no rest.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice {

// "50us", "100ms", "5s", "10m", "1h", "2d", "1m30s" (larger units first), "0". A bare number other
// than 0 is refused: nobody knows whether it meant seconds or milliseconds. At most 292 years.
Result<Duration> parse_duration(std::string_view text);
// The shortest text that parse_duration takes back to the same value: "1m30s". "-" if negative.
std::string format_duration(Duration duration);

// Bytes: "123", "16k", "200MB", "1GiB". Letter case doesn't matter, and a unit is always a power of
// 1024: K, KB and KiB are 1024, M 1024 K, then G and T.
Result<std::uint64_t> parse_size(std::string_view text);
// In the largest unit that divides it, so that parse_size gives the same value: "200MB", "1023".
std::string format_size(std::uint64_t bytes);

// true, on, yes, 1 / false, off, no, 0, in any letter case.
Result<bool> parse_bool(std::string_view text);
// Decimal digits only, min <= value <= max.
Result<std::uint64_t> parse_u64(std::string_view text, std::uint64_t min = 0,
                                std::uint64_t max = std::numeric_limits<std::uint64_t>::max());

// Without blanks, tabs and line ends at both sides.
std::string_view trim(std::string_view text);
// Every part, the empty ones included: "a,,b" gives three. Nothing gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
// ASCII letters compare without case.
bool iequals(std::string_view a, std::string_view b);

// The text in double quotes for a message: control bytes escaped, cut after 60 characters. Call it as
// sluice::quoted: with a std::string alone, C++ finds std::quoted.
std::string quoted(std::string_view text);

}  // namespace sluice
