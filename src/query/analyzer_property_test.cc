// Properties of the analyzer over random texts, from a fixed seed: what stands in comments and
// strings changes nothing, and a text's effects are those of its statements together.
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "query/analyzer_testing.h"
#include "query/lexer_postgres.h"
#include "sluice/query.h"

namespace sluice::query {
namespace {

using testing::describe;

constexpr int kRounds = 3000;

// Words that would count if they stood in the open, and what ends or begins quotes of other kinds.
constexpr std::string_view kLoaded[] = {
    "listen x",
    "; listen x;",
    "pg_advisory_lock(1)",
    "set role x",
    "create temp table t (a int)",
    "currval('",
    "set_config(",
    "into temp t",
    "; commit",
    "/",
    "\"",
    "$$",
    "$q$",
    "-",
    "deallocate all",
    "with hold",
    "savepoint s",
    "discard all",
    "begin atomic",
    "E",
};

constexpr std::string_view kStatements[] = {
    "select 1 from t where a = 'x'",
    "select pg_catalog.pg_advisory_lock(1, 2)",
    "insert into t (a, b) values (1, 'it''s')",
    "with x as (delete from t returning a) select * from x",
    "select set_config('a', 'b', false)",
    "set local x = 'y'",
    "set session characteristics as transaction isolation level read committed",
    "create temp table t (a int)",
    "select 1 into temp t from u",
    "declare c cursor with hold for select 1",
    "prepare p (int) as select currval('s')",
    "deallocate prepare p",
    "rollback to savepoint s",
    "copy t (a) from stdin",
    "explain (analyze) select nextval('s')",
    "create function f() returns int begin atomic select 1; select 2; end",
    "do $b$ begin perform pg_try_advisory_lock(1); end $b$",
    "reset all",
    "select U&\"a\\0062\", E'\\'', $1::text, a -> 'b'",
};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_);
  }
  template <std::size_t N>
  std::string_view one_of(const std::string_view (&of)[N]) {
    return of[below(N)];
  }

  // White space: blanks, line comments, nested comments with anything in them.
  std::string space() {
    std::string text = " ";
    for (std::size_t n = below(3); n != 0; --n)
      text += below(2) == 0 ? line_comment() : comment(below(4));
    return text;
  }
  // A string constant with loaded words inside.
  std::string string() {
    const std::string words = loaded();
    switch (below(4)) {
      case 0: return "'" + doubled(words, '\'') + "'";
      case 1: return "E'\\'" + doubled(words, '\'') + "\\\\'";
      case 2: return "$s$" + words + "$s$";
      default: return "''\n'" + doubled(words, '\'') + "'";
    }
  }
  std::string identifier() { return "\"" + doubled(loaded(), '"') + "\""; }
  std::string loaded() {
    std::string words;
    for (std::size_t n = below(4) + 1; n != 0; --n) words.append(one_of(kLoaded)).append(" ");
    return words;
  }

 private:
  std::string line_comment() { return "--" + loaded() + "\n"; }
  std::string comment(std::size_t depth) {
    std::string text = "/*" + loaded();
    if (depth != 0) text += comment(depth - 1) + loaded();
    return text + "*/";
  }
  static std::string doubled(std::string_view text, char quote) {
    std::string out;
    for (const char c : text) out.append(c == quote ? 2 : 1, c);
    return out;
  }

  std::mt19937 engine_;
};

// The text with other white space between its tokens. None is put in where the meaning may hang on
// it: between a minus and what follows it lie no spaces in the statements above.
std::string respaced(std::string_view text, Dice& dice) {
  std::string out = dice.space();
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    out.append(token.text()).append(dice.space());
  }
  return out;
}

// describe() without the raw text of values, which includes the comments between their tokens.
std::string effects(std::string_view text) {
  Analysis seen = Analyzer{}.examine(text);
  for (SettingChange& change : seen.settings) {
    std::string tokens;
    Lexer lexer(change.value);
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
      tokens.append(token.text()).append(" ");
    }
    change.value = tokens;
  }
  return describe(seen);
}

TEST(AnalyzerProperty, comments_and_white_space_change_nothing) {
  Dice dice(1);
  for (int round = 0; round < kRounds; ++round) {
    const std::string_view text = dice.one_of(kStatements);
    const std::string spaced = respaced(text, dice);
    ASSERT_EQ(effects(spaced), effects(text)) << spaced;
  }
}

TEST(AnalyzerProperty, words_inside_strings_and_quoted_names_never_count) {
  Dice dice(2);
  for (int round = 0; round < kRounds; ++round) {
    std::string text = "select " + dice.string();
    for (std::size_t n = dice.below(5); n != 0; --n) {
      text += "," + dice.space() +
              (dice.below(2) == 0 ? dice.string() : dice.identifier() + "." + dice.identifier());
    }
    ASSERT_EQ(describe(Analyzer{}.examine(text)), "select 1") << text;
  }
}

TEST(AnalyzerProperty, a_text_does_what_its_statements_do) {
  Dice dice(3);
  for (int round = 0; round < kRounds; ++round) {
    std::string text;
    Analysis sum;
    const std::size_t count = dice.below(6) + 1;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view statement = dice.one_of(kStatements);
      const Analysis one = Analyzer{}.examine(statement);
      text.append(statement).append(dice.space()).append(";").append(dice.space());
      sum.pins |= one.pins;
      sum.may_unpin |= one.may_unpin;
      sum.uses_sequence |= one.uses_sequence;
      sum.savepoints |= one.savepoints;
      sum.settings.insert(sum.settings.end(), one.settings.begin(), one.settings.end());
    }
    const Analysis all = Analyzer{}.examine(text);
    ASSERT_EQ(all.statements, count) << text;
    ASSERT_EQ(all.pins & ~bit(PinCause::setting), sum.pins & ~bit(PinCause::setting)) << text;
    ASSERT_EQ(all.may_unpin, sum.may_unpin) << text;
    ASSERT_EQ(all.uses_sequence, sum.uses_sequence) << text;
    ASSERT_EQ(all.savepoints, sum.savepoints) << text;
    ASSERT_EQ(all.settings.size(), sum.settings.size()) << text;
  }
}

// Random bytes and pieces: whatever comes, the tokens lie in the text in order.
TEST(AnalyzerProperty, any_bytes_are_survived) {
  Dice dice(4);
  for (int round = 0; round < kRounds; ++round) {
    std::string text;
    for (std::size_t n = dice.below(40); n != 0; --n) {
      switch (dice.below(3)) {
        case 0: text += static_cast<char>(dice.below(256)); break;
        case 1: text += dice.one_of(kLoaded); break;
        default: text += dice.one_of(kStatements).substr(dice.below(9)); break;
      }
    }
    const bool backslash = dice.below(2) == 0;
    const char* behind = text.data();
    Lexer lexer(text, backslash);
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
      ASSERT_GE(token.begin(), behind);
      ASSERT_FALSE(token.text().empty());
      behind = token.end();
    }
    const Analysis seen = Analyzer{}.examine(text, backslash);
    ASSERT_EQ(seen.statements == 0, seen.verb == Verb::empty);
  }
}

}  // namespace
}  // namespace sluice::query
