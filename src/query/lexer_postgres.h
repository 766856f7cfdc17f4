// The PostgreSQL lexer: cuts a statement text into tokens the way the server's own scanner does
// (scan.l of PostgreSQL 10 to 17; where versions differ, so that no version sees a token in what
// we take for a string or a comment). Everything that reads a statement stands on it.
//
// Written by hand: it runs on every statement, so white space, identifiers and punctuation are
// inline and the rest is out of line. It allocates nothing, looks at each byte at most twice,
// keeps no stack, and tokens are views into the text. Comments and white space are not tokens.
// Keywords are identifiers here: who needs them asks words_postgres.h.
//
// The text's encoding must keep bytes below 0x80 to ASCII: UTF-8, LATINx, EUC_x do; SJIS, BIG5,
// GBK, GB18030, UHC and JOHAB don't, and a text in one of those must not come here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::query {

enum class TokenKind : std::uint16_t {
  end,
  identifier,         // bare: keyword or name, to be folded to lower case
  quoted_identifier,  // "..." or U&"...", quotes included
  string,             // any string constant, prefix, quotes and continuation lines included
  number,
  parameter,  // $1
  op,         // + - <> @> ?| :: := and so on
  comma,
  dot,
  semicolon,
  bracket,  // [ or ]
  colon,
  open_paren,  // from here on: what a reader keeps account of
  close_paren,
  stray,         // a byte that starts no token; the server refuses the whole text
  unterminated,  // a string, quoted identifier or comment without its end; reaches to the end
};

enum class StringForm : std::uint16_t {
  plain,    // '...', N'...': backslashes count if backslash_escapes was given
  escape,   // E'...'
  unicode,  // U&'...' and, for quoted identifiers, U&"..."
  bits,     // B'...', X'...'
  dollar,   // $tag$...$tag$
};

// 16 bytes without padding: returned in two registers and stored as two words. Through memory, or
// with padding at its end, it is read back in other pieces than it was written and costs half of
// all time.
struct Token {
  const char* start = nullptr;
  std::uint32_t size = 0;
  TokenKind kind = TokenKind::end;
  StringForm form = StringForm::plain;  // of strings and quoted identifiers

  std::string_view text() const { return {start, size}; }  // as written
  const char* begin() const { return start; }
  const char* end() const { return start + size; }
};
static_assert(sizeof(Token) == 16);

// What a string or a quoted identifier has between its quotes, doubled quotes still doubled. Of a
// string with continuation lines: up to the last quote, gaps included. Of anything else: some part.
std::string_view inside(const Token& token);

// The name that an identifier token means: bare ones folded to lower case (ASCII), quotes taken off
// and doubled ones halved. U& escapes stay as they are.
std::string identifier_name(std::string_view written);

namespace detail {

enum class CharClass : std::uint8_t {
  stray,
  space,
  letter,
  prefix_letter,
  digit,
  quote,
  double_quote,
  dollar,
  dot,
  colon,
  open_paren,
  close_paren,
  bracket,
  comma,
  semicolon,
  op,
  dash,
  slash,  // last: what an operator may go on with
};

consteval std::array<CharClass, 256> char_classes() {
  std::array<CharClass, 256> of{};
  const auto put = [&of](std::string_view chars, CharClass c) {
    for (const char ch : chars) of[static_cast<unsigned char>(ch)] = c;
  };
  put(" \t\n\r\f\v", CharClass::space);
  put("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", CharClass::letter);
  for (unsigned high = 0x80; high < 0x100; ++high) of[high] = CharClass::letter;
  put("bBeEnNuUxX", CharClass::prefix_letter);
  put("0123456789", CharClass::digit);
  put("~!@#^&|`?+*%<>=", CharClass::op);
  put("'", CharClass::quote);
  put("\"", CharClass::double_quote);
  put("$", CharClass::dollar);
  put("-", CharClass::dash);
  put("/", CharClass::slash);
  put(".", CharClass::dot);
  put(":", CharClass::colon);
  put("(", CharClass::open_paren);
  put(")", CharClass::close_paren);
  put("[]", CharClass::bracket);
  put(",", CharClass::comma);
  put(";", CharClass::semicolon);
  return of;
}
inline constexpr std::array<CharClass, 256> kCharClasses = char_classes();
inline CharClass class_of(char c) { return kCharClasses[static_cast<unsigned char>(c)]; }

// Whether c may continue an identifier.
consteval std::array<bool, 256> identifier_chars() {
  std::array<bool, 256> in{};
  for (unsigned c = 0; c < 256; ++c) {
    const CharClass is = kCharClasses[c];
    in[c] = is == CharClass::letter || is == CharClass::prefix_letter || is == CharClass::digit ||
            is == CharClass::dollar;
  }
  return in;
}
inline constexpr std::array<bool, 256> kIdentifierChars = identifier_chars();

}  // namespace detail

// One text, front to back, once. Never fails: faults are tokens. One thread.
// REQUIRES: the text is shorter than 4 GiB.
class Lexer {
 public:
  explicit Lexer(std::string_view text, bool backslash_escapes = false)
      : at_(text.data()), end_(text.data() + text.size()), backslash_(backslash_escapes) {}

  // The next token; `end` again and again behind the last.
  Token next() {
    using detail::CharClass;
    while (at_ != end_) {
      switch (detail::class_of(*at_)) {
        case CharClass::space: ++at_; continue;
        case CharClass::letter: return identifier();
        case CharClass::open_paren: return single(TokenKind::open_paren);
        case CharClass::close_paren: return single(TokenKind::close_paren);
        case CharClass::comma: return single(TokenKind::comma);
        case CharClass::semicolon: return single(TokenKind::semicolon);
        case CharClass::bracket: return single(TokenKind::bracket);
        case CharClass::stray: return single(TokenKind::stray);
        case CharClass::prefix_letter:
          if (const char c = ahead(1); c == '\'' || c == '&') return string_or_identifier();
          return identifier();
        case CharClass::digit: return number();
        case CharClass::dot:
          if (const CharClass c = detail::class_of(ahead(1));
              c == CharClass::digit || c == CharClass::dot) {
            return number_or_dots();
          }
          return single(TokenKind::dot);
        case CharClass::colon: return colon();
        case CharClass::quote:
          return quoted(at_, at_, backslash_ ? kBackslash : kDoubling, StringForm::plain);
        case CharClass::double_quote: return quoted_identifier(at_, at_);
        case CharClass::dollar: return dollar();
        case CharClass::op:
          if (detail::class_of(ahead(1)) < CharClass::op) return single(TokenKind::op);
          return operator_token();
        case CharClass::dash:
          if (ahead(1) != '-') return operator_token();
          skip_line();
          continue;
        case CharClass::slash:
          if (ahead(1) != '*') return operator_token();
          if (const char* from = at_; !skip_comment()) return upto_end(from);
          continue;
      }
    }
    return {.start = end_};
  }
  // Inside the last /* */ comment before the last token.
  std::string_view last_comment() const { return comment_; }

 private:
  enum Escapes : std::uint8_t { kNone, kDoubling, kBackslash };  // how a quote stands in a string

  Token make(TokenKind kind, const char* from, StringForm form = StringForm::plain) const {
    return {from, static_cast<std::uint32_t>(at_ - from), kind, form};
  }
  Token single(TokenKind kind) {
    const char* from = at_++;
    return make(kind, from);
  }
  Token upto_end(const char* from) {
    at_ = end_;
    return make(TokenKind::unterminated, from);
  }
  Token identifier() {
    const char* from = at_++;
    skip_identifier_chars();
    return make(TokenKind::identifier, from);
  }
  void skip_identifier_chars() {
    const char* p = at_;
    while (p != end_ && detail::kIdentifierChars[static_cast<unsigned char>(*p)]) ++p;
    at_ = p;
  }
  // The byte n further on, 0 behind the end.
  char ahead(std::ptrdiff_t n) const { return end_ - at_ > n ? at_[n] : '\0'; }

  Token string_or_identifier();
  Token number();
  Token number_or_dots();
  Token colon();
  Token dollar();
  Token operator_token();
  Token quoted(const char* from, const char* quote, Escapes escapes, StringForm form);
  Token quoted_identifier(const char* from, const char* quote, StringForm form = StringForm::plain);
  const char* closing_quote(const char* from, Escapes escapes) const;
  const char* continuation(const char* behind) const;
  void skip_digits();
  void skip_line();
  bool skip_comment();

  const char* at_;
  const char* end_;
  const char* signs_end_ = at_;  // up to here there are only + and -, each a token of its own
  std::string_view comment_;
  bool backslash_;
};

}  // namespace sluice::query
