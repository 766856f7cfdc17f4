// Properties of the normaliser over random statements and random rows of tokens, from a fixed seed
// (RC_PARAMS changes it): what doesn't matter changes nothing, and the written text has the tokens
// that were read.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <pg_query.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "query/lexer_mysql.h"
#include "query/lexer_postgres.h"
#include "sluice/query/fingerprint.h"

namespace sluice::query {
namespace {

const bool kSeeded = ::setenv("RC_PARAMS", "seed=1 max_success=500", 0) == 0;

// ---- random statements
// -----------------------------------------------------------------------------

// A part of a statement. Words and names are written in any case, literals have any value.
struct Part {
  enum class Kind : std::uint8_t { word, fixed, number, string } kind = Kind::fixed;
  std::string_view text;
};
constexpr Part word(std::string_view text) { return {Part::Kind::word, text}; }
constexpr Part fixed(std::string_view text) { return {Part::Kind::fixed, text}; }
constexpr Part kNumber = {Part::Kind::number, {}};
constexpr Part kString = {Part::Kind::string, {}};

using Parts = std::vector<Part>;
void append(Parts& to, const Parts& more) { to.insert(to.end(), more.begin(), more.end()); }

int below(int n) { return *rc::gen::inRange(0, n); }

Parts expression(Dialect dialect, int depth) {
  const bool postgres = dialect == Dialect::postgres;
  switch (below(depth == 0 ? 5 : 10)) {
    case 0: return {kNumber};
    case 1: return {kString};
    case 2: return {word("col"), fixed("."), word("x")};
    case 3: return {fixed(postgres ? "\"Quoted ? 'Name'\"" : "`Quoted ? 'Name'`")};
    case 4: return {fixed(postgres ? "$1" : "?")};
    case 5: {
      Parts parts = {word("fn"), fixed("(")};
      append(parts, expression(dialect, depth - 1));
      parts.push_back(fixed(","));
      append(parts, expression(dialect, depth - 1));
      parts.push_back(fixed(")"));
      return parts;
    }
    case 6: {
      Parts parts = {word("cast"), fixed("(")};
      append(parts, expression(dialect, depth - 1));
      append(parts, {word("as"), word("decimal"), fixed("("), fixed("10"), fixed(","), fixed("2"),
                     fixed(")"), fixed(")")});
      return parts;
    }
    case 7: {
      Parts parts = {fixed("(")};
      append(parts, expression(dialect, depth - 1));
      parts.push_back(fixed(")"));
      return parts;
    }
    default: {
      Parts parts = expression(dialect, depth - 1);
      constexpr std::string_view kPostgres[] = {"+", "-", "*", "->>", "?", "?|", "@>", "and"};
      constexpr std::string_view kMysql[] = {"+", "-", "=", "->>", "<=>", "&&", "||", "and"};
      const int which = below(8);
      const std::string_view op = postgres ? kPostgres[which] : kMysql[which];
      parts.push_back(op == "and" ? word(op) : fixed(op));
      append(parts, expression(dialect, depth - 1));
      return parts;
    }
  }
}

Parts statement(Dialect dialect) {
  Parts parts = {word("select")};
  append(parts, expression(dialect, 3));
  append(parts, {fixed(","), fixed("*"), word("from"), word("tab"), word("where")});
  append(parts, expression(dialect, 3));
  if (below(2) == 0) {
    append(parts, {word("order"), word("by"), fixed("1"), word("desc"), fixed(",")});
    append(parts, {word("fn"), fixed("("), kNumber, fixed(")"), fixed(","), fixed("3")});
  }
  if (below(2) == 0) append(parts, {word("limit"), fixed("10")});
  return parts;
}

// ---- their texts
// -----------------------------------------------------------------------------------

struct Text {
  std::string text;
  struct Expected {
    std::size_t at = 0, size = 0;
    std::string value;
  };
  std::vector<Expected> literals;
};

std::string space(Dialect dialect) {
  constexpr std::string_view kSpaces[] = {" ",      "\n",          "\t  ",        " /* ' */ ",
                                          "/*;*/ ", " -- x' \"\n", " -- \"'$$\n", "/* 42 */"};
  const int which = below(dialect == Dialect::mysql ? 9 : 8);
  return std::string(which == 8 ? " # '\n" : kSpaces[which]);
}

std::string in_some_case(std::string_view word) {
  std::string text(word);
  const int mode = below(3);
  for (char& c : text) {
    if (c >= 'a' && c <= 'z' && (mode == 1 || (mode == 2 && below(2) == 0))) {
      c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return text;
}

std::string doubled(std::string_view text, char quote, bool backslashes) {
  std::string out;
  for (const char c : text) out.append(c == quote || (c == '\\' && backslashes) ? 2 : 1, c);
  return out;
}

// A string constant that says `value`.
std::string quoted(const std::string& value, Dialect dialect) {
  if (dialect == Dialect::mysql) {
    const char quote = below(2) == 0 ? '"' : '\'';
    return quote + doubled(value, quote, true) + quote;
  }
  switch (below(3)) {
    case 0: return "E'" + doubled(value, '\'', true) + "'";
    case 1: return "$x$" + value + "$x$";
    default: return "'" + doubled(value, '\'', false) + "'";
  }
}

std::string string_value() {
  constexpr std::string_view kPieces[] = {"a",  "'", "\"", "\\",       "?", "--",
                                          "/*", ";", "`",  "\xc3\xa4", "\n"};
  std::string value;
  for (int n = below(6); n != 0; --n) value += kPieces[below(11)];
  return value;
}

Text render(const Parts& parts, Dialect dialect) {
  Text out;
  out.text = space(dialect);
  for (const Part& part : parts) {
    std::string written(part.text);
    std::string value;
    switch (part.kind) {
      case Part::Kind::fixed: break;
      case Part::Kind::word: written = in_some_case(part.text); break;
      case Part::Kind::number:
        value = written = std::to_string(below(1000000)) + (below(3) == 0 ? ".5" : "");
        break;
      case Part::Kind::string:
        value = string_value();
        written = quoted(value, dialect);
        break;
    }
    if (part.kind >= Part::Kind::number)
      out.literals.push_back({out.text.size(), written.size(), value});
    out.text += written + space(dialect);
  }
  for (int n = below(3); n != 0; --n) out.text += ";" + space(dialect);
  return out;
}

// A text for a normalised one: its slots filled.
std::string filled(std::string_view normalised, Dialect dialect) {
  std::string out;
  for (std::size_t at = 0; at < normalised.size();) {
    const std::string_view rest = normalised.substr(at);
    const auto skip_to = [&](std::string_view end, std::size_t from) {
      const std::size_t behind = rest.find(end, from) + end.size();
      out.append(rest.substr(0, behind));
      at += behind;
    };
    if (rest.starts_with("'?'")) {
      out += "'it''s'";
      at += 3;
    } else if (rest.starts_with("b'?'") || rest.starts_with("x'?'")) {
      out.append(rest.substr(0, 1)).append("'10'");
      at += 4;
    } else if (rest.starts_with("\\?")) {
      out += '?';
      at += 2;
    } else if (rest[0] == '"' || rest[0] == '`') {
      skip_to(rest.substr(0, 1), 1);
    } else if (rest[0] == '@' && rest.size() > 1 && (rest[1] == '\'' || rest[1] == '`')) {
      skip_to(rest.substr(1, 1), 2);
    } else if (rest.starts_with("/*+")) {
      skip_to("*/", 3);
    } else if (dialect == Dialect::postgres && detail::class_of(rest[0]) >= detail::CharClass::op) {
      const std::string_view op =
          Lexer(rest).next().text();  // a slot has a blank behind it, or an end
      const bool slot = op == "?";
      out.append(slot ? "7" : op);
      at += op.size();
    } else {
      out += rest[0] == '?' ? '7' : rest[0];
      ++at;
    }
  }
  return out;
}

const Normalised& read(Normaliser& normaliser, std::string_view text, Dialect dialect) {
  const Normalised& seen = normaliser.read(text, dialect, dialect == Dialect::mysql);
  if (seen.fault != nullptr) RC_FAIL(std::string(seen.fault) + ": " + std::string(text));
  return seen;
}

Dialect some_dialect() { return below(2) == 0 ? Dialect::postgres : Dialect::mysql; }

RC_GTEST_PROP(NormaliserProperty, literals_space_comments_and_case_change_nothing, ()) {
  const Dialect dialect = some_dialect();
  const Parts parts = statement(dialect);
  const Text one = render(parts, dialect);
  const Text other = render(parts, dialect);
  Normaliser first, second;
  const Normalised& seen = read(first, one.text, dialect);
  const Normalised& again = read(second, other.text, dialect);
  RC_ASSERT(seen.text == again.text);
  RC_ASSERT(seen.fingerprint == again.fingerprint);
  RC_ASSERT(seen.literals.size() == again.literals.size());
}

RC_GTEST_PROP(NormaliserProperty, literals_are_told_with_place_and_value, ()) {
  const Dialect dialect = some_dialect();
  const Text text = render(statement(dialect), dialect);
  Normaliser normaliser;
  const Normalised& seen = read(normaliser, text.text, dialect);
  RC_ASSERT(seen.literals.size() == text.literals.size());
  std::string scratch;
  for (std::size_t i = 0; i < seen.literals.size(); ++i) {
    RC_ASSERT(seen.literals[i].at == text.literals[i].at);
    RC_ASSERT(seen.literals[i].size == text.literals[i].size);
    RC_ASSERT(value_of(seen.literals[i], text.text, dialect, dialect == Dialect::mysql, scratch) ==
              text.literals[i].value);
  }
}

RC_GTEST_PROP(NormaliserProperty, a_filled_text_is_the_same_statement, ()) {
  const Dialect dialect = some_dialect();
  const Text text = render(statement(dialect), dialect);
  Normaliser normaliser;
  const std::string normalised(read(normaliser, text.text, dialect).text);
  const std::string example = filled(normalised, dialect);
  RC_ASSERT(read(normaliser, example, dialect).text == normalised);
}

// What PostgreSQL's parser makes of a text, constants aside; empty if it refuses it.
std::string tree(const std::string& text) {
  const PgQueryFingerprintResult result = pg_query_fingerprint(text.c_str());
  std::string shape = result.error == nullptr ? std::string(result.fingerprint_str) : "";
  pg_query_free_fingerprint_result(result);
  return shape;
}

RC_GTEST_PROP(NormaliserProperty, the_parser_sees_the_same_statement_in_a_filled_text, ()) {
  const Text text = render(statement(Dialect::postgres), Dialect::postgres);
  Normaliser normaliser;
  const Normalised& seen = read(normaliser, text.text, Dialect::postgres);
  const std::string shape = tree(text.text);
  RC_LOG(text.text);
  RC_ASSERT(!shape.empty());
  RC_ASSERT(tree(filled(seen.text, Dialect::postgres)) == shape);
}

// ---- random rows of tokens
// -------------------------------------------------------------------------

constexpr std::string_view kPostgresTokens[] = {
    "a",       "B",      "e",           "u",      "n",        "x",        "\"q\"",    "U&\"u\"",
    "'s'",     "E'e'",   "$$d$$",       "b'1'",   "x'f'",     "n'n'",     "1",        ".5",
    "1.",      "1e5",    "$1",          "+",      "-",        "*",        "/",        "=",
    "<",       ">",      "@",           "?",      "?|",       "??",       "->",       "@-",
    "::",      ":=",     ":",           "..",     ".",        ",",        ";",        "(",
    ")",       "[",      "]",           "limit",  "order by", "group by", "select",   "as",
    "varchar", "offset", "fetch first", "rollup", "second",   "set",      "interval", "%",
    "|",       "~",      "#",           "&",      "!",        "^",        "`"};
constexpr std::string_view kMysqlTokens[] = {
    "a",        "B",        "e",      "n",    "x",    "1a",      "`q`",     "'s'",      "\"d\"",
    "N'n'",     "x'f'",     "0x1f",   "b'1'", "0b1",  "1",       ".5",      "1.",       "1e5",
    "?",        "+",        "-",      "*",    "/",    "=",       "<",       ">",        "@",
    "@v",       "@@g.v",    "@'w'",   "!",    "%",    "&",       "|",       "^",        "~",
    ":",        ":=",       "->",     "->>",  "<=>",  "&&",      "||",      "<<",       ".",
    ",",        ";",        "(",      ")",    "{",    "}",       "\\N",     "/*+ h */", "limit",
    "order by", "group by", "select", "as",   "char", "convert", "decimal", "set"};

// What must come back: kinds and, but for literals, spellings. Semicolons that end nothing don't.
template <class TextLexer>
std::vector<std::string> tokens(std::string_view text, bool backslash) {
  std::vector<std::string> row;
  TextLexer lexer(text, backslash);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    std::string spelling;
    if (token.kind == TokenKind::semicolon && (row.empty() || row.back().ends_with(";"))) continue;
    if (token.kind == TokenKind::identifier) {
      for (const char c : token.text()) {
        spelling += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      }
    } else if (token.kind != TokenKind::number && token.kind != TokenKind::string) {
      spelling = token.text();
    }
    row.push_back(std::to_string(static_cast<int>(token.kind)) + spelling);
  }
  if (!row.empty() && row.back().ends_with(";")) row.pop_back();
  return row;
}
std::vector<std::string> tokens(std::string_view text, Dialect dialect) {
  return dialect == Dialect::postgres ? tokens<Lexer>(text, false) : tokens<MysqlLexer>(text, true);
}

RC_GTEST_PROP(NormaliserProperty, the_written_text_has_the_tokens_that_were_read, ()) {
  const Dialect dialect = some_dialect();
  std::string text;
  for (int n = below(12); n >= 0; --n) {
    const bool postgres = dialect == Dialect::postgres;
    const int count =
        static_cast<int>(postgres ? std::size(kPostgresTokens) : std::size(kMysqlTokens));
    const int which = below(count);
    text.append(postgres ? kPostgresTokens[which] : kMysqlTokens[which]);
    if (below(5) != 0) text += ' ';
  }
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text, dialect, dialect == Dialect::mysql);
  if (seen.fault != nullptr) return;
  const std::string normalised(seen.text);
  const std::string example = filled(normalised, dialect);
  RC_LOG(text + "  =>  " + normalised + "  =>  " + example);
  RC_ASSERT(tokens(example, dialect) == tokens(text, dialect));
  RC_ASSERT(read(normaliser, example, dialect).text == normalised);
}

}  // namespace
}  // namespace sluice::query
