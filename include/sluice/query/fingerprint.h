// Fingerprint: which statement a text is, whatever its literals.
//
//   sluice::query::Normaliser normaliser;
//   const auto& seen = normaliser.read("SELECT * FROM t WHERE id = 42 -- hot");
//   // seen.text == "select * from t where id = ?", seen.literals[0] is the 42
//
// One pass over the text: comments go, white space becomes at most one blank, bare identifiers are
// folded to lower case, literals become slots. Equal normalised texts are equal statements but for
// their constants: what a literal decides stays as it is (LIMIT 10, ORDER BY 1, varchar(10)), and
// so do parameters ($1). A slot tells the kind of its literal: ? a number, '?' a string, b'?' bits,
// x'?' hexadecimal, n'?' a national string. A ? of the text itself (an operator; in MySQL a
// parameter) is written \? so that it is no slot. Of SET, DDL and other statements without data
// only strings are taken out. Hints and version comments of MySQL stay.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::query {

enum class Dialect : std::uint8_t { postgres, mysql };
std::string_view name_of(Dialect dialect);  // "postgres", "mysql"

// Of a normalised text and its dialect: XXH3, 128 bits, the same on every machine and in every
// release.
struct Fingerprint {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Fingerprint&) const = default;

  std::string text() const;  // 32 lower-case hexadecimal digits
  static std::optional<Fingerprint> parse(std::string_view text);
};
Fingerprint fingerprint_of(std::string_view normalised, Dialect dialect);

// A literal that was taken out of a text.
struct Literal {
  enum class Kind : std::uint8_t { number, string, bits, hex, national };
  Kind kind = Kind::number;
  std::uint32_t at = 0, size = 0;  // bytes in the text, prefix and quotes included

  std::string_view of(std::string_view text) const { return text.substr(at, size); }
};
// What a literal says: quotes, prefixes and escapes undone (not U& escapes); numbers as they are.
// The view is into `text` or, where something had to be undone, into `scratch`. REQUIRES: what
// read() was given.
std::string_view value_of(const Literal& literal, std::string_view text, Dialect dialect,
                          bool backslash_escapes, std::string& scratch);

struct Normalised {
  std::string_view text;
  Fingerprint fingerprint;
  std::span<const Literal> literals;  // in the order of their slots
  std::string_view comment;           // inside the last /* */ comment of the text; empty: none
  unsigned parameters = 0;  // the highest $n, or the number of ? in MySQL's prepared texts
  // Why the text has no fingerprint, and nothing else here: "too long", "unterminated string",
  // "unterminated comment", "invalid character", "not UTF-8". Null: it has one.
  const char* fault = nullptr;
};

// One thread; reuses its memory. What read() returns holds until the next read() and as long as the
// text.
class Normaliser {
 public:
  static constexpr std::size_t kMaxText = 64 * 1024;  // bytes; longer ones: "too long"

  Normaliser();
  ~Normaliser();
  Normaliser(const Normaliser&) = delete;
  Normaliser& operator=(const Normaliser&) = delete;

  // `backslash_escapes`: plain '...' strings know backslashes (standard_conforming_strings = off,
  // or MySQL without NO_BACKSLASH_ESCAPES). Never fails, never takes longer than kMaxText deserves.
  const Normalised& read(std::string_view text, Dialect dialect = Dialect::postgres,
                         bool backslash_escapes = false);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace sluice::query

template <>
struct std::hash<sluice::query::Fingerprint> {
  std::size_t operator()(const sluice::query::Fingerprint& f) const noexcept { return f.low; }
};
