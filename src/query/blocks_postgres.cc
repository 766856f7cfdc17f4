// DO: a block of PL/pgSQL whose text stands in the statement as a string. It is read flat, without
// its grammar: what begins a statement in it, and which functions it calls. Whatever that can't
// settle, foremost EXECUTE of a computed text, leaves the whole unanalysed.
#include <optional>

#include "query/effects_postgres.h"

namespace sluice::query {

namespace {

// The text that a string constant stands for; nothing where it has backslash or U& escapes.
// Doubled quotes are taken back in `decoded`.
std::optional<std::string_view> text_of(const Token& token, bool backslash, std::string& decoded) {
  const std::string_view body = inside(token);
  if (token.form == StringForm::dollar) return body;
  if (token.form != StringForm::plain && token.form != StringForm::escape) return std::nullopt;
  if ((backslash || token.form == StringForm::escape) && body.contains('\\')) return std::nullopt;
  if (!body.contains('\'')) return body;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\'' && (i + 1 == body.size() || body[i + 1] != '\'')) return std::nullopt;
    decoded += body[i];
    if (body[i] == '\'') ++i;
  }
  return decoded;
}

// Whether a statement of PL/pgSQL may begin behind this token.
bool ends_before_statement(const Token& token, Word word) {
  if (token.kind == TokenKind::identifier) {
    return word == Word::begin || word == Word::then || word == Word::else_ || word == Word::loop;
  }
  return token.kind == TokenKind::semicolon || token.kind == TokenKind::end || token.text() == ">>";
}

bool comes_before_temporary(Word word) {
  return word == Word::create || word == Word::replace || word == Word::local ||
         word == Word::global || word == Word::into;
}

}  // namespace

void EffectReader::read_do() {
  out_.uses_sequence = true;
  has_block_ = true;
  bool plpgsql = true;
  Token body;
  for (advance(); !at_end(); advance()) {
    if (word() == Word::language) {
      advance();
      const bool quoted =
          token_.kind == TokenKind::quoted_identifier || token_.kind == TokenKind::string;
      plpgsql = detail::equal_ignoring_case(quoted ? inside(token_) : token_.text(), "plpgsql");
      if (at_end()) break;
    } else if (token_.kind == TokenKind::string) {
      body = token_;
    }
  }
  std::string decoded;
  const auto source =
      body.kind == TokenKind::string && plpgsql ? text_of(body, backslash_, decoded) : std::nullopt;
  if (!source) return pin(PinCause::unanalysed);
  read_block(*source);
}

void EffectReader::read_block(std::string_view source) {
  Lexer lexer(source, backslash_);
  Token before;
  Word before_word = Word::none;
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    Word word = Word::none;
    if (token.kind == TokenKind::identifier) {
      word = word_of(token.text());
    } else if (token.kind == TokenKind::quoted_identifier) {
      if (token.form == StringForm::unicode) pin(PinCause::unanalysed);
      word = word_of(inside(token));
      if (!is_function(word) && word != Word::pg_temp) word = Word::none;
    } else if (token.kind >= TokenKind::stray) {
      pin(PinCause::unanalysed);
    } else if (token.kind == TokenKind::open_paren && is_function(before_word)) {
      on_block_call(before_word);
    } else if (token.kind == TokenKind::dot && before_word == Word::pg_temp) {
      pin(PinCause::temp_table);
    }
    if (before_word == Word::set && block_sets_) on_block_set(word);
    block_sets_ = false;
    if (word != Word::none && before.kind != TokenKind::dot) {
      on_block_word(word, before_word, ends_before_statement(before, before_word));
    }
    before = token;
    before_word = word;
  }
}

void EffectReader::on_block_call(Word function) {
  if (function == Word::set_config) {
    unknown_change("");
  } else {
    on_function(function);
  }
}

// The word behind a SET that begins a statement.
void EffectReader::on_block_set(Word word) {
  if (word == Word::local || word == Word::transaction || word == Word::constraints) return;
  if (word == Word::role || word == Word::session) pin(PinCause::role);
  unknown_change("");
}

void EffectReader::on_block_word(Word word, Word before, bool starts) {
  if (word == Word::execute) pin(PinCause::unanalysed);
  if ((word == Word::temp || word == Word::temporary) && comes_before_temporary(before)) {
    pin(PinCause::temp_table);
  }
  if (!starts) return;
  switch (word) {
    case Word::set: block_sets_ = true; return;
    case Word::reset: return unknown_change("");
    case Word::listen: return pin(PinCause::listen);
    case Word::load: return pin(PinCause::load);
    case Word::prepare: return pin(PinCause::sql_prepare);
    case Word::deallocate:
    case Word::discard: pin(PinCause::unanalysed); [[fallthrough]];
    case Word::commit:
    case Word::rollback:
    case Word::drop:
    case Word::unlisten: out_.may_unpin = true; return;
    default: return;
  }
}

}  // namespace sluice::query
