// Tokens of a GraphQL document: section 2.1 of the specification of October 2021, on bytes of UTF-8.
//
// One pass, no allocation. White space, line ends, commas, comments and byte order marks are between
// tokens. A text that isn't one of the grammar ends in a token `bad`, fault() says why. Strings keep
// quotes and escapes, which are checked here, so undoing them later can't fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::query::graphql {

enum class TokenKind : std::uint8_t {
  end,
  bang,
  dollar,
  ampersand,
  parenthesis_open,
  parenthesis_close,
  spread,
  colon,
  equals,
  at,
  bracket_open,
  bracket_close,
  brace_open,
  pipe,
  brace_close,
  name,
  int_,
  float_,
  string,
  block_string,
  bad,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // bad: from where the fault is; end: empty, behind the last byte
};

// For errors: "`{`", "the name `user`", "a string". Long names are cut.
std::string describe(const Token& token);

// Where `part`, a view into `text`, begins: "3:14", both from 1; columns count characters. Linear: for
// errors only.
std::string position_of(std::string_view text, std::string_view part);

// One thread. The text outlives it.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  Token next();                                      // after `end` and `bad` the same again
  std::string_view fault() const { return fault_; }  // empty: none yet

 private:
  bool skip_ignored();
  bool skip_comment();
  Token punctuator(TokenKind kind);
  Token dots();
  Token name();
  Token number();
  Token string();
  Token block_string(const char* from);
  bool digits();
  const char* escape(const char* p);
  const char* character(const char* p);
  Token bad(const char* at, std::string_view why);
  Token make(TokenKind kind, const char* from) const;
  unsigned char ahead(std::size_t n) const;

  const char* at_;
  const char* end_;
  std::string_view fault_;
};

}  // namespace sluice::query::graphql
