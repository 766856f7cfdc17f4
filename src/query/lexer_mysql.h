// The MySQL lexer: cuts a statement text into tokens the way the server's scanner does (sql_lex.cc
// of MySQL 5.7 to 8.4). It speaks in the same tokens as the PostgreSQL lexer, so that one
// normaliser reads both.
//
// Where the dialects differ, a token is what a reader does with it:
//   identifier         also @user_variables and @@system.variables, which are folded like names
//   quoted_identifier  what stays as written: `...`, @'...', \N, hints /*+ ... */, and the two
//                      ends of a version comment, "/*!40101" and "*/", whose inside is code
//   string             '...', "..." (ANSI_QUOTES isn't modelled), N'...'; with StringForm::bits
//                      also x'...', 0x..., b'...', 0b...
//   parameter          ?
// It allocates nothing and looks at each byte at most twice. The text's encoding must keep bytes
// below 0x80 to ASCII (utf8mb4, latin1; not sjis, gbk, big5).
#pragma once

#include <string_view>

#include "query/lexer_postgres.h"

namespace sluice::query {

// One text, front to back, once. Never fails: faults are tokens. One thread.
// REQUIRES: the text is shorter than 4 GiB.
class MysqlLexer {
 public:
  explicit MysqlLexer(std::string_view text, bool backslash_escapes = true)
      : start_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        backslash_(backslash_escapes) {}

  // The next token; `end` again and again behind the last.
  Token next();
  // Inside the last /* */ comment before the last token; hints and version comments aren't
  // comments.
  std::string_view last_comment() const { return comment_; }

 private:
  Token make(TokenKind kind, const char* from, StringForm form = StringForm::plain) const {
    return {from, static_cast<std::uint32_t>(at_ - from), kind, form};
  }
  Token cut(TokenKind kind, std::ptrdiff_t size) {
    const char* from = at_;
    at_ += size;
    return make(kind, from);
  }
  Token upto_end(const char* from) {
    at_ = end_;
    return make(TokenKind::unterminated, from);
  }
  char ahead(std::ptrdiff_t n) const { return end_ - at_ > n ? at_[n] : '\0'; }
  bool adjoins(bool (*holds)(char)) const { return at_ != start_ && holds(at_[-1]); }

  Token identifier();
  Token letter();
  Token number();
  Token dot();
  Token at_sign();
  Token operator_token();
  Token quoted(const char* from, TokenKind kind, StringForm form = StringForm::plain);
  Token hint();
  Token version_comment();
  bool skip_line_comment();
  bool skip_comment();
  void skip_identifier_chars();
  void skip_digits();

  const char* start_;
  const char* at_;
  const char* end_;
  const char* name_end_ = nullptr;  // behind the last bare identifier, or the dot that adjoins it
  std::string_view comment_;
  bool backslash_;
  bool versioned_ = false;  // inside /*! ... */
};

}  // namespace sluice::query
