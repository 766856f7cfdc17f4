// Text as a terminal, a table or a page needs it: clean, cut, padded, figures short.
//
// Statements come from whoever may send some: none of their bytes may reach a terminal as a command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::cmd {

// White space runs become one blank; control characters (C0, C1, DEL), characters that turn the writing's
// direction, and bytes that aren't UTF-8 become '?'.
std::string clean_line(std::string_view text);

// Columns that a clean text takes in a terminal: wide characters two, combining ones none.
std::size_t columns_of(std::string_view text);
// At most so many columns; what was cut ends in "…". REQUIRES: clean.
std::string cut(std::string_view text, std::size_t columns);
// Exactly so many columns, blanks before or behind.
std::string left(std::string_view text, std::size_t columns);
std::string right(std::string_view text, std::size_t columns);

// "0.35", "12.4", "1234", "56.7k", "1.2M": at most 6 characters up to 10^15.
std::string short_number(double number);
// "7", "12345", "1.2M".
std::string short_count(std::uint64_t count);
// Milliseconds: "0.12 ms", "35 ms", "1.2 s", "3.4 min", "2.1 h".
std::string short_time(double ms);

}  // namespace sluice::cmd
