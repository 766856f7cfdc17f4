// Names of states in comments are those of MySQL's sql/sql_lex.cc.
#include "query/lexer_mysql.h"

#include <array>
#include <cstring>

namespace sluice::query {
namespace {

enum class Class : std::uint8_t {
  stray,
  space,
  letter,
  prefix_letter,  // of b'', n'', x''
  digit,
  quote,
  backtick,
  dot,
  at,
  hash,
  dash,
  slash,
  star,
  op,
  backslash,
  question,
  open_paren,
  close_paren,
  bracket,
  comma,
  semicolon,
};

consteval std::array<Class, 256> classes() {
  std::array<Class, 256> of{};
  const auto put = [&of](std::string_view chars, Class c) {
    for (const char ch : chars) of[static_cast<unsigned char>(ch)] = c;
  };
  put(" \t\n\r\f\v", Class::space);
  put("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$", Class::letter);
  for (unsigned high = 0x80; high < 0x100; ++high) of[high] = Class::letter;
  put("bBnNxX", Class::prefix_letter);
  put("0123456789", Class::digit);
  put("'\"", Class::quote);
  put("`", Class::backtick);
  put(".", Class::dot);
  put("@", Class::at);
  put("#", Class::hash);
  put("-", Class::dash);
  put("/", Class::slash);
  put("*", Class::star);
  put("!%&+<=>^|~:", Class::op);
  put("\\", Class::backslash);
  put("?", Class::question);
  put("(", Class::open_paren);
  put(")", Class::close_paren);
  put("{}", Class::bracket);  // of {d '2020-01-01'}
  put(",", Class::comma);
  put(";", Class::semicolon);
  return of;
}
constexpr std::array<Class, 256> kClasses = classes();
Class class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

consteval std::array<bool, 256> name_chars() {
  std::array<bool, 256> in{};
  for (unsigned c = 0; c < 256; ++c) {
    in[c] = kClasses[c] == Class::letter || kClasses[c] == Class::prefix_letter ||
            kClasses[c] == Class::digit;
  }
  return in;
}
constexpr std::array<bool, 256> kNameChars = name_chars();
bool is_name_char(char c) { return kNameChars[static_cast<unsigned char>(c)]; }
bool ends_name(char c) { return is_name_char(c) || c == '\'' || c == '"' || c == '`'; }
bool is_binary(char c) { return c == '0' || c == '1'; }
bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

const char* find(const char* from, const char* end, char wanted) {
  return static_cast<const char*>(std::memchr(from, wanted, static_cast<std::size_t>(end - from)));
}

// The longest first.
constexpr std::string_view kOperators[] = {"->>", "<=>", "->", "<=", ">=", "<>",
                                           "!=",  "<<",  ">>", "&&", "||", ":="};

}  // namespace

Token MysqlLexer::next() {
  while (at_ != end_) {
    switch (class_of(*at_)) {
      case Class::space: ++at_; continue;
      case Class::letter: return identifier();
      case Class::prefix_letter: return letter();
      case Class::digit: return number();
      case Class::quote: return quoted(at_, TokenKind::string);
      case Class::backtick: return quoted(at_, TokenKind::quoted_identifier);
      case Class::dot: return dot();
      case Class::at: return at_sign();
      case Class::backslash:
        return ahead(1) == 'N' ? cut(TokenKind::quoted_identifier, 2) : cut(TokenKind::stray, 1);
      case Class::question: return cut(TokenKind::parameter, 1);
      case Class::open_paren: return cut(TokenKind::open_paren, 1);
      case Class::close_paren: return cut(TokenKind::close_paren, 1);
      case Class::bracket: return cut(TokenKind::bracket, 1);
      case Class::comma: return cut(TokenKind::comma, 1);
      case Class::semicolon: return cut(TokenKind::semicolon, 1);
      case Class::stray: return cut(TokenKind::stray, 1);
      case Class::op: return operator_token();
      case Class::hash:
      case Class::dash:
        if (skip_line_comment()) continue;
        return operator_token();
      case Class::star:
        if (!versioned_ || ahead(1) != '/') return operator_token();
        versioned_ = false;
        return cut(TokenKind::quoted_identifier, 2);
      case Class::slash:
        if (ahead(1) != '*') return operator_token();
        if (ahead(2) == '+') return hint();
        if (ahead(2) == '!' || (ahead(2) == 'M' && ahead(3) == '!')) return version_comment();
        if (const char* from = at_; !skip_comment()) return upto_end(from);
        continue;
    }
  }
  // A version comment without its end is said so once.
  if (versioned_ && end_ != start_) {
    versioned_ = false;
    return {end_, 0, TokenKind::unterminated};
  }
  return {.start = end_};
}

void MysqlLexer::skip_identifier_chars() {
  const char* p = at_;
  while (p != end_ && is_name_char(*p)) ++p;
  at_ = p;
}
void MysqlLexer::skip_digits() {
  while (at_ != end_ && is_digit(*at_)) ++at_;
}

Token MysqlLexer::identifier() {
  const char* from = at_++;
  skip_identifier_chars();
  name_end_ = at_;
  return make(TokenKind::identifier, from);
}

// N'', X'', B'': the letter belongs to the quote only if nothing is between.
Token MysqlLexer::letter() {
  if (ahead(1) != '\'') return identifier();
  const char* from = at_;
  if ((*at_ | 0x20) == 'n') {
    ++at_;
    return quoted(from, TokenKind::string);
  }
  const char* close = find(at_ + 2, end_, '\'');
  if (close == nullptr) return upto_end(from);
  at_ = close + 1;
  return make(TokenKind::string, from, StringForm::bits);
}

// 1, 1.5, 1e-3, 0x1F, 0b01; a name that begins with digits is a name: 1a, 0xyz
// (MY_LEX_NUMBER_IDENT). So is what adjoins a name's dot: t.1 (MY_LEX_IDENT_SEP).
Token MysqlLexer::number() {
  const char* from = at_;
  if (from == name_end_) return identifier();
  if (*from == '0' && (ahead(1) == 'x' || ahead(1) == 'b')) {
    const auto fits = ahead(1) == 'x' ? is_hex : is_binary;
    at_ += 2;
    while (at_ != end_ && fits(*at_)) ++at_;
    if (at_ - from > 2 && !is_name_char(ahead(0))) {
      return make(TokenKind::string, from, StringForm::bits);
    }
    at_ = from;
  }
  skip_digits();
  if (ahead(0) == '.') {
    ++at_;
    skip_digits();
  } else if (is_name_char(ahead(0))) {
    const bool exponent =
        (ahead(0) | 0x20) == 'e' &&
        (is_digit(ahead(1)) || ((ahead(1) == '+' || ahead(1) == '-') && is_digit(ahead(2))));
    if (!exponent) return at_ = from, identifier();
  }
  if ((ahead(0) | 0x20) == 'e') {
    const std::ptrdiff_t sign = ahead(1) == '+' || ahead(1) == '-' ? 1 : 0;
    if (is_digit(ahead(1 + sign))) {
      at_ += 1 + sign;
      skip_digits();
    }
  }
  return make(TokenKind::number, from);
}

// A dot that adjoins a name and is followed by more of it never begins a number.
Token MysqlLexer::dot() {
  const bool in_name = at_ == name_end_;
  if (is_digit(ahead(1)) && !in_name) return number();
  if (in_name) name_end_ = at_ + 1;
  return cut(TokenKind::dot, 1);
}

// @name, @'name', @`name`, @@global.name; of an account 'user'@'host' only the sign.
Token MysqlLexer::at_sign() {
  const char* from = at_;
  const char behind = ahead(1);
  const bool quote = behind == '\'' || behind == '"' || behind == '`';
  if (quote && !adjoins(ends_name)) {
    ++at_;
    return quoted(from, TokenKind::quoted_identifier);
  }
  at_ += behind == '@' ? 2 : 1;
  if (!quote) {
    while (at_ != end_ && (is_name_char(*at_) || *at_ == '.')) ++at_;
  }
  const bool named = at_ - from > (behind == '@' ? 2 : 1);
  return make(named ? TokenKind::identifier : TokenKind::op, from);
}

Token MysqlLexer::operator_token() {
  if (constexpr std::string_view kSeconds = "=<>&|"; kSeconds.contains(ahead(1))) {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    for (const std::string_view op : kOperators) {
      if (rest.starts_with(op)) return cut(TokenKind::op, static_cast<std::ptrdiff_t>(op.size()));
    }
  }
  return cut(*at_ == ':' ? TokenKind::colon : TokenKind::op, 1);
}

// From `from` with its opening quote at at_. Doubled quotes stand for one; backslashes escape in
// strings.
Token MysqlLexer::quoted(const char* from, TokenKind kind, StringForm form) {
  const char quote = *at_;
  const bool backslash = backslash_ && quote != '`';
  for (const char* p = at_ + 1; p != end_; ++p) {
    if (*p == '\\' && backslash) {
      if (++p == end_) break;
    } else if (*p == quote) {
      if (end_ - p > 1 && p[1] == quote) {
        ++p;
        continue;
      }
      at_ = p + 1;
      return make(kind, from, form);
    }
  }
  return upto_end(from);
}

Token MysqlLexer::hint() {
  const char* from = at_;
  for (at_ += 3; end_ - at_ > 1; ++at_) {
    if (at_[0] != '*' || at_[1] != '/') continue;
    at_ += 2;
    return make(TokenKind::quoted_identifier, from);
  }
  return upto_end(from);
}

// The opening of /*!40101 ... */ with its version, if one adjoins: five or six digits.
Token MysqlLexer::version_comment() {
  const char* from = at_;
  if (versioned_) {  // the server knows no second one inside
    versioned_ = false;
    return upto_end(from);
  }
  at_ += ahead(2) == 'M' ? 4 : 3;
  const char* digits = at_;
  while (at_ - digits < 6 && is_digit(ahead(0))) ++at_;
  if (at_ - digits < 5) at_ = digits;
  versioned_ = true;
  return make(TokenKind::quoted_identifier, from);
}

// # and --, which needs white space behind it; false if there is none here.
bool MysqlLexer::skip_line_comment() {
  if (*at_ == '-') {
    if (ahead(1) != '-') return false;
    if (end_ - at_ > 2 && static_cast<unsigned char>(at_[2]) > ' ') return false;
  }
  const char* newline = find(at_, end_, '\n');
  at_ = newline == nullptr ? end_ : newline + 1;
  return true;
}

// From /* to the first */; false if there is none.
bool MysqlLexer::skip_comment() {
  const char* from = at_ + 2;
  for (const char* p = from; end_ - p > 1; ++p) {
    if (p[0] != '*' || p[1] != '/') continue;
    comment_ = {from, static_cast<std::size_t>(p - from)};
    at_ = p + 2;
    return true;
  }
  return false;
}

}  // namespace sluice::query
