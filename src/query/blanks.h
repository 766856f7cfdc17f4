// Where a normalised text has blanks: decided by a token's piece and that of the token before.
// Chosen so that no two tokens merge when the text is read again and so that people like to read
// it: "select count(*), t.a::text from t where id in (?, - ?)".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::query::detail {

enum class Piece : std::uint8_t {
  start,
  word,
  spaced_word,  // a blank between it and (
  quoted,       // identifier, hint
  string,
  number,  // and whatever a dot must not touch
  parameter,
  op,
  cast,
  dot,
  colon,
  comma,
  semicolon,
  open,   // [ {
  close,  // ] }
  open_paren,
  close_paren,  // last
};
inline constexpr std::size_t kPieces = static_cast<std::size_t>(Piece::close_paren) + 1;

constexpr bool blank_between(Piece before, Piece piece) {
  using enum Piece;
  const auto either = [&](Piece p) { return before == p || piece == p; };
  if (before == start || before == open || before == open_paren) return false;
  if (piece == comma || piece == semicolon || piece == close || piece == close_paren) return false;
  if (before == comma || before == semicolon) return true;
  if (either(dot)) return before == piece || either(number) || (before == op);
  if (either(op)) return true;
  if (before == cast || before == colon) return piece == cast || piece == colon;
  if (piece == cast || piece == colon) return false;
  if (piece == open) return false;
  if (piece == open_paren) return before != word && before != quoted;
  return true;  // words, strings, numbers; behind a parenthesis too
}

inline constexpr auto kBlanks = [] {
  std::array<std::array<bool, kPieces>, kPieces> table{};
  for (std::size_t before = 0; before < kPieces; ++before) {
    for (std::size_t piece = 0; piece < kPieces; ++piece) {
      table[before][piece] = blank_between(static_cast<Piece>(before), static_cast<Piece>(piece));
    }
  }
  return table;
}();

}  // namespace sluice::query::detail
