// The words that a normaliser has to know, of both dialects: those behind which a literal decides
// what the statement is (LIMIT, ORDER BY, types), those that begin a statement whose literals are
// data, and those that a reader expects a blank behind: "in (", but "count(".
//
// Most words of a text are none of them, and each is looked up: by its first eight bytes as a
// number and its size, in a table without collisions that the compiler builds.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::query::detail {

// What the token before says about the next one.
enum class Role : std::uint8_t {
  none,
  // words
  limit,         // LIMIT, OFFSET: the number behind stays
  fetch,         // FETCH, with
  first,         // FIRST or NEXT
  order,         // ORDER or GROUP, with
  by,            // BY: a list where bare numbers are columns
  select,        // ends such a list
  sets,          // ROLLUP, CUBE, SETS: a parenthesis that is part of one
  type,          // a type that takes numbers
  type_or_call,  // a type in PostgreSQL; in MySQL also a function
  as,
  convert,
  second,
  to,
  other,
  // and what the normaliser makes of them
  limited,    // a number that LIMIT kept
  item,       // an item of an ORDER BY list begins
  position,   // a bare number there
  modifier,   // a type's modifier may follow
  cast,       // a type follows
  type_name,  // a type behind :: or AS
  string,
};

struct NormalWord {
  std::string_view spelling;
  Role role = Role::other;
  bool spaced = false;  // a blank between it and (
  bool data = false;    // begins a statement whose numbers are data
};

inline constexpr NormalWord kNormalWords[] = {
    // clang-format off
    {"limit", Role::limit, true}, {"offset", Role::limit, true},
    {"fetch", Role::fetch}, {"first", Role::first}, {"next", Role::first},
    {"order", Role::order}, {"group", Role::order, true}, {"by", Role::by, true},
    {"rollup", Role::sets, true}, {"cube", Role::sets, true}, {"sets", Role::sets, true},
    {"varchar", Role::type}, {"varying", Role::type}, {"character", Role::type},
    {"numeric", Role::type}, {"decimal", Role::type}, {"dec", Role::type}, {"nchar", Role::type},
    {"float", Role::type}, {"double", Role::type},
    {"char", Role::type_or_call}, {"bit", Role::type_or_call}, {"time", Role::type_or_call},
    {"timestamp", Role::type_or_call}, {"interval", Role::type_or_call},
    {"current_time", Role::type}, {"current_timestamp", Role::type},
    {"localtime", Role::type}, {"localtimestamp", Role::type},
    {"as", Role::as, true}, {"to", Role::to, true}, {"convert", Role::convert},
    {"second", Role::second},
    {"select", Role::select, true, true}, {"insert", Role::other, false, true},
    {"update", Role::other, true, true}, {"delete", Role::other, true, true},
    {"merge", Role::other, false, true}, {"with", Role::other, true, true},
    {"values", Role::other, true, true}, {"table", Role::other, true, true},
    {"replace", Role::other, false, true}, {"explain", Role::other, true, true},
    {"describe", Role::other, false, true}, {"desc", Role::other, false, true},
    {"execute", Role::other, false, true}, {"call", Role::other, false, true},
    {"prepare", Role::other, false, true}, {"declare", Role::other, false, true},
    {"copy", Role::other, true, true}, {"do", Role::other, true, true},
    {"and", Role::other, true}, {"or", Role::other, true}, {"not", Role::other, true},
    {"in", Role::other, true}, {"on", Role::other, true}, {"using", Role::other, true},
    {"where", Role::other, true}, {"from", Role::other, true}, {"join", Role::other, true},
    {"lateral", Role::other, true}, {"when", Role::other, true}, {"then", Role::other, true},
    {"else", Role::other, true}, {"case", Role::other, true}, {"having", Role::other, true},
    {"union", Role::other, true}, {"all", Role::other, true}, {"except", Role::other, true},
    {"intersect", Role::other, true}, {"exists", Role::other, true},
    {"distinct", Role::other, true}, {"between", Role::other, true}, {"like", Role::other, true},
    {"ilike", Role::other, true}, {"is", Role::other, true}, {"set", Role::other, true},
    {"into", Role::other, true}, {"over", Role::other, true}, {"filter", Role::other, true},
    {"returning", Role::other, true}, {"partition", Role::other, true},
    {"materialized", Role::other, true}, {"only", Role::other, true},
    {"key", Role::other, true}, {"check", Role::other, true}, {"div", Role::other, true},
    {"mod", Role::other}, {"xor", Role::other, true}, {"regexp", Role::other, true},
    // clang-format on
};

// The first eight bytes, zeros behind a shorter word.
constexpr std::uint64_t word_head(std::string_view word) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < word.size() && i < 8; ++i) bytes[i] = word[i];
  return std::bit_cast<std::uint64_t>(bytes);
}
// What masks the bytes behind a word of n bytes.
inline constexpr std::array<std::uint64_t, 9> kHeadMasks = [] {
  std::array<std::uint64_t, 9> masks{};
  for (std::size_t n = 0; n <= 8; ++n) {
    masks[n] = word_head(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff", n));
  }
  return masks;
}();

inline constexpr unsigned kWordBits = 10;
constexpr std::size_t head_slot(std::uint64_t head, std::size_t size, std::uint64_t factor) {
  return static_cast<std::size_t>(((head + size) * factor) >> (64 - kWordBits));
}
consteval bool collides(std::uint64_t factor) {
  std::array<bool, std::size_t{1} << kWordBits> taken{};
  for (const NormalWord& word : kNormalWords) {
    bool& slot = taken[head_slot(word_head(word.spelling), word.spelling.size(), factor)];
    if (slot) return true;
    slot = true;
  }
  return false;
}
consteval std::uint64_t factor_without_collisions() {
  std::uint64_t factor = 0x9e3779b97f4a7c15;
  while (collides(factor)) factor = factor * 6364136223846793005 + 1442695040888963408;
  return factor;
}
inline constexpr std::uint64_t kWordFactor = factor_without_collisions();

struct WordEntry {
  std::uint64_t head = 0;
  std::uint8_t word = 0;  // index in kNormalWords
};
inline constexpr auto kNormalTable = [] {
  std::array<WordEntry, std::size_t{1} << kWordBits> table{};
  for (std::size_t i = 0; i < std::size(kNormalWords); ++i) {
    const std::uint64_t head = word_head(kNormalWords[i].spelling);
    table[head_slot(head, kNormalWords[i].spelling.size(), kWordFactor)] = {
        head, static_cast<std::uint8_t>(i)};
  }
  return table;
}();

// The word that `word` spells in lower case; null for all others. REQUIRES: eight bytes can be read
// there.
inline const NormalWord* normal_word(const char* word, std::size_t size) {
  std::uint64_t head = 0;
  std::memcpy(&head, word, sizeof head);
  head &= kHeadMasks[size < 8 ? size : 8];
  const WordEntry& entry = kNormalTable[head_slot(head, size, kWordFactor)];
  if (entry.head != head) return nullptr;
  const NormalWord& found = kNormalWords[entry.word];
  if (size <= 8) return &found;
  return std::string_view(word, size) == found.spelling ? &found : nullptr;
}

}  // namespace sluice::query::detail
