// The less frequent tokens: strings in all their forms, numbers, operators, comments.
// Rule names in comments are those of PostgreSQL's src/backend/parser/scan.l.
#include "query/lexer_postgres.h"

#include <cstring>

namespace sluice::query {

using detail::CharClass;
using detail::class_of;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_newline(char c) { return c == '\n' || c == '\r'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

const char* find(const char* from, const char* end, char wanted) {
  return static_cast<const char*>(std::memchr(from, wanted, static_cast<std::size_t>(end - from)));
}

}  // namespace

// E'', B'', X'', N'', U&'', U&"": the letter belongs to the quote only if nothing is between.
Token Lexer::string_or_identifier() {
  const char next = ahead(1);
  if (next == '\'') {
    switch (lower(*at_)) {
      case 'e': return quoted(at_, at_ + 1, kBackslash, StringForm::escape);
      case 'b':
      case 'x': return quoted(at_, at_ + 1, kNone, StringForm::bits);
      case 'n': return quoted(at_, at_ + 1, backslash_ ? kBackslash : kDoubling, StringForm::plain);
      default: break;
    }
  }
  if (next == '&' && lower(*at_) == 'u') {
    if (ahead(2) == '\'') return quoted(at_, at_ + 2, kDoubling, StringForm::unicode);
    if (ahead(2) == '"') return quoted_identifier(at_, at_ + 2, StringForm::unicode);
  }
  return identifier();
}

// A string whose opening quote is at `quote`; `from` is where its prefix starts. Constants that
// only white space with a newline separates are one constant, and the second part is read as the
// first was: E'a' <newline> 'b\'c' is one string.
Token Lexer::quoted(const char* from, const char* quote, Escapes escapes, StringForm form) {
  while (quote != nullptr) {
    const char* close = closing_quote(quote + 1, escapes);
    if (close == nullptr) return upto_end(from);
    at_ = close + 1;
    quote = continuation(at_);
  }
  return make(TokenKind::string, from, form);
}

// The quote that ends the string whose contents begin at `from`; null if there is none.
const char* Lexer::closing_quote(const char* from, Escapes escapes) const {
  if (escapes == kBackslash) {
    for (const char* p = from; p != end_; ++p) {
      if (*p == '\\') {
        if (++p == end_) return nullptr;
      } else if (*p == '\'') {
        if (end_ - p < 2 || p[1] != '\'') return p;
        ++p;
      }
    }
    return nullptr;
  }
  for (const char* p = find(from, end_, '\''); p != nullptr; p = find(p + 2, end_, '\'')) {
    if (escapes == kNone || end_ - p < 2 || p[1] != '\'') return p;
  }
  return nullptr;
}

// quotecontinue: the quote of the next part, if the string that ended before `behind` goes on.
// Only line comments may stand between, and at least one newline must.
const char* Lexer::continuation(const char* behind) const {
  bool newline = false;
  for (const char* p = behind; p != end_; ++p) {
    if (*p == '\'') return newline ? p : nullptr;
    if (is_newline(*p)) {
      newline = true;
    } else if (*p == '-' && end_ - p > 1 && p[1] == '-') {
      while (p + 1 != end_ && !is_newline(p[1])) ++p;
    } else if (class_of(*p) != CharClass::space) {
      return nullptr;
    }
  }
  return nullptr;
}

Token Lexer::quoted_identifier(const char* from, const char* quote, StringForm form) {
  for (const char* p = find(quote + 1, end_, '"'); p != nullptr; p = find(p + 2, end_, '"')) {
    if (end_ - p > 1 && p[1] == '"') continue;
    at_ = p + 1;
    return make(TokenKind::quoted_identifier, from, form);
  }
  return upto_end(from);
}

// $1, $$...$$, $tag$...$tag$. A tag has no $, so no byte is compared more than twice.
Token Lexer::dollar() {
  const char* from = at_++;
  if (at_ != end_ && is_digit(*at_)) {
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return make(TokenKind::parameter, from);
  }
  const char* p = at_;
  while (p != end_ && *p != '$' && detail::kIdentifierChars[static_cast<unsigned char>(*p)]) ++p;
  if (p == end_ || *p != '$') return make(TokenKind::stray, from);
  const std::string_view tag(from, static_cast<std::size_t>(p + 1 - from));
  for (p = find(p + 1, end_, '$'); p != nullptr; p = find(p + 1, end_, '$')) {
    if (static_cast<std::size_t>(end_ - p) < tag.size()) break;
    if (std::memcmp(p, tag.data(), tag.size()) != 0) continue;
    at_ = p + tag.size();
    return make(TokenKind::string, from, StringForm::dollar);
  }
  return upto_end(from);
}

void Lexer::skip_digits() {
  while (at_ != end_ && is_digit(*at_)) ++at_;
}

// 1, 1.5, .5, 1e-3; from PostgreSQL 16 on also 0x1F, 0o7, 0b1, 1_000. Before 16 the letters or the
// underscore begin an identifier that reaches as far, so neither reading shows a token more or less
// behind the number. "1from" is two tokens (before 15), "1e'x'" a number and a string.
Token Lexer::number() {
  const char* from = at_;
  const char radix = lower(ahead(1));
  if (*at_ == '0' && (radix == 'x' || radix == 'o' || radix == 'b') &&
      detail::kIdentifierChars[static_cast<unsigned char>(ahead(2))]) {
    ++at_;
    skip_identifier_chars();
    return make(TokenKind::number, from);
  }
  skip_digits();
  if (ahead(0) == '_' && is_digit(ahead(1))) skip_identifier_chars();
  if (ahead(0) == '.' && ahead(1) != '.') {
    ++at_;
    skip_digits();
  }
  if (lower(ahead(0)) == 'e') {
    const std::ptrdiff_t sign = ahead(1) == '+' || ahead(1) == '-' ? 1 : 0;
    if (is_digit(ahead(1 + sign))) {
      at_ += 1 + sign;
      skip_digits();
    }
  }
  return make(TokenKind::number, from);
}

Token Lexer::number_or_dots() {
  if (is_digit(ahead(1))) return number();
  const char* from = at_;
  at_ += 2;
  return make(TokenKind::op, from);  // .. of PL/pgSQL
}

Token Lexer::colon() {
  if (ahead(1) != ':' && ahead(1) != '=') return single(TokenKind::colon);
  const char* from = at_;
  at_ += 2;
  return make(TokenKind::op, from);
}

// An operator is the longest run of operator characters, up to a comment; it ends in + or - only if
// it has one of ~!@#^&|`?% too, so "=-1" is three tokens. The signs left over from such a run
// are remembered, or a long row of them would be read anew from each.
Token Lexer::operator_token() {
  const char* from = at_++;
  if (from < signs_end_) return make(TokenKind::op, from);
  constexpr std::string_view kLetsSignsEnd = "~!@#^&|`?%";
  bool special = kLetsSignsEnd.contains(*from);
  const char* behind_sense = at_;  // behind the last character that is no sign, or the first
  for (; at_ != end_; ++at_) {
    const CharClass is = class_of(*at_);
    if (is != CharClass::op && is != CharClass::dash && is != CharClass::slash) break;
    if ((is == CharClass::dash && ahead(1) == '-') || (is == CharClass::slash && ahead(1) == '*'))
      break;
    if (*at_ == '+' || *at_ == '-') continue;
    special = special || kLetsSignsEnd.contains(*at_);
    behind_sense = at_ + 1;
  }
  if (!special) {
    signs_end_ = at_;
    at_ = behind_sense;
  }
  return make(TokenKind::op, from);
}

void Lexer::skip_line() {
  while (at_ != end_ && !is_newline(*at_)) ++at_;
}

// From /* to the */ that matches it; false if there is none.
bool Lexer::skip_comment() {
  const char* from = at_ + 2;
  std::size_t depth = 0;
  for (; end_ - at_ > 1; ++at_) {
    if (at_[0] == '/' && at_[1] == '*') {
      ++depth;
      ++at_;
    } else if (at_[0] == '*' && at_[1] == '/') {
      ++at_;
      if (--depth == 0) {
        comment_ = {from, static_cast<std::size_t>(at_ - 1 - from)};
        ++at_;
        return true;
      }
    }
  }
  return false;
}

std::string_view inside(const Token& token) {
  const std::string_view text = token.text();
  const std::size_t open = text.find_first_of("'\"$");
  if (open == std::string_view::npos) return text;
  const std::size_t from = (text[open] == '$' ? text.find('$', open + 1) : open) + 1;
  const std::size_t mark = from - open;
  if (from == 0 || text.size() < from + mark) return text;  // no closing quote
  return text.substr(from, text.size() - from - mark);
}

std::string identifier_name(std::string_view written) {
  const bool quoted = written.ends_with('"');
  if (!quoted) {
    std::string name(written);
    for (char& c : name) c = lower(c);
    return name;
  }
  const std::string_view body = inside(Lexer(written).next());
  std::string name;
  name.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    name += body[i];
    if (body[i] == '"') ++i;
  }
  return name;
}

}  // namespace sluice::query
