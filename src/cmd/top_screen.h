// The lines that `sluice top` shows, without a terminal: tested as text.
#pragma once

#include <string>
#include <vector>

#include "cmd/top_numbers.h"

namespace sluice::cmd {

struct ScreenSize {
  std::size_t rows = 24, columns = 80;
};

struct TopView {
  std::string address;
  std::string clock;    // "12:30:01"
  std::string trouble;  // why there are no newer numbers; empty: they are new
  TopOrder order = TopOrder::time;
  TopNumbers numbers;
};

struct ScreenLine {
  enum class Style : unsigned char { plain, title, heading, trouble, faint } style = Style::plain;
  std::string text;  // clean, at most as wide as the screen
};

// Exactly size.rows lines, the last one the keys.
std::vector<ScreenLine> top_screen(const TopView& view, ScreenSize size);
// The same for a file: all columns, `statements` of the rows, no keys, an empty line at the end.
std::string top_text(const TopView& view, std::size_t statements);

}  // namespace sluice::cmd
