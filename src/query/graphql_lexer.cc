// Rule names in comments are those of the specification's appendix B.
//
// SourceCharacter goes to U+FFFF there because it speaks of UTF-16 units; so a character beyond, which
// is two units, is allowed where its units are: in strings and comments.
#include "query/graphql_lexer.h"

#include <array>
#include <cstring>

#include <fmt/format.h>

namespace sluice::query::graphql {

namespace {

enum class Class : std::uint8_t {
  other,
  ignored,  // white space, line ends, commas
  comment,
  mark,  // first byte of a byte order mark
  name,
  digit,
  minus,
  quote,
  dot,
  punctuator,
};

constexpr std::string_view kPunctuators = "!$&():=@[]{|}";

constexpr std::array<Class, 256> kClasses = [] {
  std::array<Class, 256> classes{};
  for (const unsigned char c : std::string_view(" \t\n\r,")) classes[c] = Class::ignored;
  for (const unsigned char c : kPunctuators) classes[c] = Class::punctuator;
  for (unsigned c = 'a'; c <= 'z'; ++c) classes[c] = classes[c - 'a' + 'A'] = Class::name;
  for (unsigned c = '0'; c <= '9'; ++c) classes[c] = Class::digit;
  classes['_'] = Class::name;
  classes['#'] = Class::comment;
  classes[0xEF] = Class::mark;
  classes['-'] = Class::minus;
  classes['"'] = Class::quote;
  classes['.'] = Class::dot;
  return classes;
}();

Class class_of(unsigned char c) { return kClasses[c]; }
bool name_start(unsigned char c) { return class_of(c) == Class::name; }
bool is_digit(unsigned char c) { return class_of(c) == Class::digit; }
bool name_continue(unsigned char c) { return name_start(c) || is_digit(c); }
bool is_hex(unsigned char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

TokenKind kind_of(char c) {
  switch (c) {
    case '!': return TokenKind::bang;
    case '$': return TokenKind::dollar;
    case '&': return TokenKind::ampersand;
    case '(': return TokenKind::parenthesis_open;
    case ')': return TokenKind::parenthesis_close;
    case ':': return TokenKind::colon;
    case '=': return TokenKind::equals;
    case '@': return TokenKind::at;
    case '[': return TokenKind::bracket_open;
    case ']': return TokenKind::bracket_close;
    case '{': return TokenKind::brace_open;
    case '|': return TokenKind::pipe;
    default: return TokenKind::brace_close;
  }
}

// Bytes of the UTF-8 character at p, 0 if there is none: RFC 3629, section 4.
std::size_t utf8_size(const char* p, const char* end) {
  const auto byte = [&](std::size_t n) -> unsigned {
    return static_cast<std::size_t>(end - p) > n ? static_cast<unsigned char>(p[n]) : 0U;
  };
  const auto tail = [&](std::size_t n) { return (byte(n) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

unsigned char Lexer::ahead(std::size_t n) const {
  return static_cast<std::size_t>(end_ - at_) > n ? static_cast<unsigned char>(at_[n]) : '\0';
}

Token Lexer::make(TokenKind kind, const char* from) const {
  return {kind, {from, static_cast<std::size_t>(at_ - from)}};
}

Token Lexer::bad(const char* at, std::string_view why) {
  if (fault_.empty()) fault_ = why;
  at_ = at;
  return {TokenKind::bad, {at, static_cast<std::size_t>(end_ - at)}};
}

Token Lexer::next() {
  if (!fault_.empty() || !skip_ignored()) return bad(at_, fault_);
  if (at_ == end_) return make(TokenKind::end, at_);
  switch (class_of(ahead(0))) {
    case Class::punctuator: return punctuator(kind_of(*at_));
    case Class::name: return name();
    case Class::digit:
    case Class::minus: return number();
    case Class::quote: return string();
    case Class::dot: return dots();
    default: return bad(at_, "unexpected character");
  }
}

// Ignored: what stands between tokens. False: a fault in a comment, at_ is there.
bool Lexer::skip_ignored() {
  for (; at_ != end_; ++at_) {
    const Class c = class_of(ahead(0));
    if (c == Class::ignored) continue;
    if (c == Class::comment) {
      if (!skip_comment()) return false;
      if (at_ == end_) return true;
    } else if (c == Class::mark && ahead(1) == 0xBB && ahead(2) == 0xBF) {
      at_ += 2;
    } else {
      return true;
    }
  }
  return true;
}

// Leaves at_ on the line's end or the text's.
bool Lexer::skip_comment() {
  while (at_ != end_ && *at_ != '\n' && *at_ != '\r') {
    const char* behind = character(at_);
    if (behind == nullptr) return false;
    at_ = behind;
  }
  return true;
}

// Behind the SourceCharacter at p that is no line end; null with a fault: there is none.
const char* Lexer::character(const char* p) {
  const auto c = static_cast<unsigned char>(*p);
  if ((c >= 0x20 && c < 0x80) || c == '\t') return p + 1;
  if (c < 0x20) {
    fault_ = "unexpected control character";
    return nullptr;
  }
  const std::size_t size = utf8_size(p, end_);
  if (size != 0) return p + size;
  fault_ = "invalid UTF-8";
  return nullptr;
}

Token Lexer::punctuator(TokenKind kind) {
  ++at_;
  return make(kind, at_ - 1);
}

Token Lexer::dots() {
  if (ahead(1) != '.' || ahead(2) != '.') return bad(at_, "expected `...`");
  at_ += 3;
  return make(TokenKind::spread, at_ - 3);
}

Token Lexer::name() {
  const char* from = at_;
  do {
    ++at_;
  } while (at_ != end_ && name_continue(ahead(0)));
  return make(TokenKind::name, from);
}

bool Lexer::digits() {
  if (!is_digit(ahead(0))) return false;
  while (is_digit(ahead(0))) ++at_;
  return true;
}

// IntValue and FloatValue, with what may not follow them.
Token Lexer::number() {
  const char* from = at_;
  TokenKind kind = TokenKind::int_;
  if (*at_ == '-') ++at_;
  if (ahead(0) == '0') {
    ++at_;
    if (is_digit(ahead(0))) return bad(at_, "a number has a digit behind its leading 0");
  } else if (!digits()) {
    return bad(at_, "expected a digit behind `-`");
  }
  if (ahead(0) == '.') {
    ++at_;
    kind = TokenKind::float_;
    if (!digits()) return bad(at_, "expected a digit behind the decimal point");
  }
  if (ahead(0) == 'e' || ahead(0) == 'E') {
    ++at_;
    kind = TokenKind::float_;
    if (ahead(0) == '+' || ahead(0) == '-') ++at_;
    if (!digits()) return bad(at_, "expected a digit in the exponent");
  }
  if (ahead(0) == '.' || name_start(ahead(0))) return bad(at_, "a number runs into what follows");
  return make(kind, from);
}

Token Lexer::string() {
  const char* from = at_;
  if (ahead(1) == '"' && ahead(2) == '"') return block_string(from);
  for (const char* p = from + 1; p != end_;) {
    if (*p == '"') {
      at_ = p + 1;
      return make(TokenKind::string, from);
    }
    if (*p == '\n' || *p == '\r') return bad(p, "expected `\"`: a string ends in its line");
    const char* behind = *p == '\\' ? escape(p) : character(p);
    if (behind == nullptr) return bad(p, fault_);
    p = behind;
  }
  return bad(from, "expected `\"`: the string has no end");
}

// EscapedCharacter, EscapedUnicode: behind the escape at p; null with a fault.
const char* Lexer::escape(const char* p) {
  constexpr std::string_view kEscaped = "\"\\/bfnrt";
  const auto left = static_cast<std::size_t>(end_ - p);
  if (left > 1 && kEscaped.find(p[1]) != std::string_view::npos) return p + 2;
  if (left > 5 && p[1] == 'u') {
    bool hex = true;
    for (int i = 2; i < 6; ++i) hex = hex && is_hex(static_cast<unsigned char>(p[i]));
    if (hex) return p + 6;
  }
  fault_ =
      left > 1 && p[1] == 'u' ? "expected four hexadecimal digits behind `\\u`" : "unknown escape";
  return nullptr;
}

Token Lexer::block_string(const char* from) {
  for (const char* p = from + 3; p != end_;) {
    const std::string_view rest(p, static_cast<std::size_t>(end_ - p));
    if (rest.starts_with(R"(""")")) {
      at_ = p + 3;
      return make(TokenKind::block_string, from);
    }
    if (rest.starts_with(R"(\""")")) {
      p += 4;
      continue;
    }
    const char* behind = *p == '\n' || *p == '\r' ? p + 1 : character(p);
    if (behind == nullptr) return bad(p, fault_);
    p = behind;
  }
  return bad(from, "expected `\"\"\"`: the block string has no end");
}

std::string describe(const Token& token) {
  constexpr std::size_t kShown = 40;  // bytes; names are ASCII
  switch (token.kind) {
    case TokenKind::end: return "the end";
    case TokenKind::string:
    case TokenKind::block_string: return "a string";
    case TokenKind::bad: return "something else";
    default: break;
  }
  const bool cut = token.text.size() > kShown;
  const std::string text = fmt::format("`{}{}`", token.text.substr(0, kShown), cut ? "..." : "");
  switch (token.kind) {
    case TokenKind::name: return "the name " + text;
    case TokenKind::int_:
    case TokenKind::float_: return "the number " + text;
    default: return text;
  }
}

std::string position_of(std::string_view text, std::string_view part) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (const char* p = text.data(); p != part.data(); ++p) {
    const bool crlf = *p == '\r' && p + 1 != text.data() + text.size() && p[1] == '\n';
    if (*p == '\n' || (*p == '\r' && !crlf)) {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(*p) & 0xC0U) != 0x80U) {
      ++column;
    }
  }
  return fmt::format("{}:{}", line, column);
}

}  // namespace sluice::query::graphql
