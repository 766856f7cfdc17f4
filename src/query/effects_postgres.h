// What a PostgreSQL text does to its session, collected token by token.
//
// One EffectReader reads one text once. Each read_x() stands on the first token of what it is named
// for and leaves at the end of the statement or sooner; scan() takes the rest and looks for
// what can stand anywhere: function calls, SELECT INTO, data-modifying WITH. Nothing recurses:
// EXPLAIN loops, and the body of a DO block is read flat, as one row of tokens.
#pragma once

#include <string>
#include <string_view>

#include "query/lexer_postgres.h"
#include "query/words_postgres.h"
#include "sluice/query.h"

namespace sluice::query {

class EffectReader {
 public:
  EffectReader(std::string_view text, bool backslash_escapes, Analysis& out)
      : lexer_(text, backslash_escapes), text_(text), backslash_(backslash_escapes), out_(out) {}

  // REQUIRES: called once.
  void read_text();

 private:
  // One argument of set_config(): its only token, or that it is more than a token.
  struct Argument {
    Token token;
    bool single = false;
  };

  // effects_postgres.cc
  void advance() {
    token_ = lexer_.next();
    if (token_.kind >= TokenKind::open_paren) keep_account();
  }
  void keep_account() {
    if (token_.kind == TokenKind::open_paren) {
      ++depth_;
    } else if (token_.kind == TokenKind::close_paren) {
      depth_ -= depth_ != 0 ? 1 : 0;
    } else {
      malformed_ = true;
    }
  }
  bool at_end() const {
    return token_.kind == TokenKind::end || (token_.kind == TokenKind::semicolon && depth_ == 0);
  }
  Word word() const {
    return token_.kind == TokenKind::identifier ? word_of(token_.text()) : Word::none;
  }
  bool skip_word(Word wanted) {
    if (word() != wanted) return false;
    advance();
    return true;
  }
  void pin(PinCause cause) { out_.pins |= bit(cause); }
  void set_verb(Verb verb) {
    if (out_.statements == 1) out_.verb = verb;
  }
  void read_statement();
  void read_lead(Word lead);
  bool read_explain();
  void read_create();
  void skip_atomic_body();
  void read_declare();
  void read_prepare();
  void read_deallocate();
  void read_discard();
  void read_transaction(Word lead);
  void step(TransactionStep step);
  void scan();
  void on_word(Word word);
  void on_quoted_identifier();
  void on_function_name(Word function);
  void on_function(Word function);
  void on_copy_from();
  void on_into();
  void on_modifying(Word word);
  void on_main_query(Word word);
  void note_temporary_schema();
  void finish();

  // settings_postgres.cc
  void read_set();
  void read_named_setting(SettingChange::Kind kind, std::string name);
  void read_characteristics(SettingChange::Kind kind);
  void read_time_zone(SettingChange::Kind kind);
  void read_reset();
  std::string read_name();
  std::string read_value();
  void read_set_config();
  Argument read_argument();
  void change(SettingChange::Kind kind, std::string name, std::string value);
  void unknown_change(std::string name);

  // blocks_postgres.cc
  void read_do();
  void read_block(std::string_view source);
  void on_block_call(Word function);
  void on_block_set(Word word);
  void on_block_word(Word word, Word before, bool starts);

  Lexer lexer_;
  std::string_view text_;
  bool backslash_;
  Analysis& out_;

  Token token_;
  std::size_t depth_ = 0;   // of parentheses
  bool malformed_ = false;  // a token that can't be: the server refuses the text

  // Of the statement that is being read.
  Word lead_ = Word::none;                    // behind EXPLAIN ANALYZE: of what it explains
  TokenKind previous_kind_ = TokenKind::end;  // of what scan() saw last
  Word previous_word_ = Word::none;
  bool compound_ = false;           // WITH or a parenthesis leads: the verb is found on the way
  Verb main_ = Verb::unknown;       // of a compound statement: its own, ...
  Verb modifying_ = Verb::unknown;  // ... and the first that changes data inside it
  bool conditional_ = false;        // has words that decide whether its expressions are evaluated
  bool sets_config_ = false;        // has a set_config() whose effect was taken at its word
  bool routine_ = false;            // CREATE FUNCTION or PROCEDURE
  bool block_sets_ = false;         // in a DO block: the last token was the SET of a statement

  // Of the whole text.
  Word first_lead_ = Word::none;
  bool starts_with_paren_ = false;
  bool lasting_change_ = false;    // a setting other than SET LOCAL
  bool ends_transaction_ = false;  // has COMMIT or ROLLBACK
  bool changes_lexing_ = false;    // sets standard_conforming_strings
  bool has_block_ = false;         // has DO
};

}  // namespace sluice::query
