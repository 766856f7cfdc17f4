#include "query/lexer_postgres.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "query/words_postgres.h"

namespace sluice::query {
namespace {

// The tokens of a text, one letter of kind each with the token behind: "i:select n:1".
std::string tokens(std::string_view text, bool backslash_escapes = false) {
  constexpr std::string_view kLetters = "_iqsnpo,.;[:()!?";
  std::string row;
  Lexer lexer(text, backslash_escapes);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    if (!row.empty()) row += ' ';
    row += kLetters[static_cast<std::size_t>(token.kind)];
    row.append(":").append(token.text());
  }
  return row;
}

Token first(std::string_view text) { return Lexer(text).next(); }

TEST(LexerPostgresTest, tokens_are_what_the_server_sees) {
  EXPECT_EQ(tokens("select a1$b, _x, \xc3\xa4"), "i:select i:a1$b ,:, i:_x ,:, i:\xc3\xa4");
  EXPECT_EQ(tokens("\"a\"\"b\".c(d)"), "q:\"a\"\"b\" .:. i:c (:( i:d ):)");
  EXPECT_EQ(tokens("a[1:2]::int;"), "i:a [:[ n:1 ::: n:2 [:] o::: i:int ;:;");
  EXPECT_EQ(tokens("$1+$23"), "p:$1 o:+ p:$23");
  EXPECT_EQ(tokens("a:=b"), "i:a o::= i:b");
}

TEST(LexerPostgresTest, numbers) {
  EXPECT_EQ(tokens("1 1.5 .5 1. 1e5 1E-5 1e+5"), "n:1 n:1.5 n:.5 n:1. n:1e5 n:1E-5 n:1e+5");
  EXPECT_EQ(tokens("0x1F 0o17 0b11 1_000.5"), "n:0x1F n:0o17 n:0b11 n:1_000.5");
  EXPECT_EQ(tokens("1..10"), "n:1 o:.. n:10");
  EXPECT_EQ(tokens("1from"), "n:1 i:from");
  EXPECT_EQ(tokens("1e'\\''"), "n:1 s:e'\\''");
  EXPECT_EQ(tokens("0b'1'"), "n:0 s:b'1'");
}

TEST(LexerPostgresTest, strings_in_all_forms) {
  EXPECT_EQ(tokens("'it''s' x"), "s:'it''s' i:x");
  EXPECT_EQ(tokens("'a\\' x"), "s:'a\\' i:x");
  EXPECT_EQ(tokens("E'a\\' x' y"), "s:E'a\\' x' i:y");
  EXPECT_EQ(tokens("e'\\\\' y"), "s:e'\\\\' i:y");
  EXPECT_EQ(tokens("U&'\\' u&\"a\" b'1' X'f' n'z'"), "s:U&'\\' q:u&\"a\" s:b'1' s:X'f' s:n'z'");
  EXPECT_EQ(tokens("u & 'x'"), "i:u o:& s:'x'");
  EXPECT_EQ(tokens("b'1''0'"), "s:b'1' s:'0'");
  EXPECT_EQ(tokens("fe'x'"), "i:fe s:'x'");
  EXPECT_EQ(first("E'x'").form, StringForm::escape);
  EXPECT_EQ(first("U&'x'").form, StringForm::unicode);
  EXPECT_EQ(first("X'1'").form, StringForm::bits);
  EXPECT_EQ(first("$$x$$").form, StringForm::dollar);
}

TEST(LexerPostgresTest, backslashes_escape_in_plain_strings_only_if_told) {
  EXPECT_EQ(tokens("'a\\' x'", true), "s:'a\\' x'");
  EXPECT_EQ(tokens("N'a\\' x'", true), "s:N'a\\' x'");
  EXPECT_EQ(tokens("b'\\' x", true), "s:b'\\' i:x");
}

TEST(LexerPostgresTest, strings_go_on_behind_a_newline) {
  EXPECT_EQ(tokens("'a'\n'b' x"), "s:'a'\n'b' i:x");
  EXPECT_EQ(tokens("'a' -- c\n 'b'"), "s:'a' -- c\n 'b'");
  EXPECT_EQ(tokens("E'a'\n'\\'b' x"), "s:E'a'\n'\\'b' i:x");
  EXPECT_EQ(tokens("'a' 'b'"), "s:'a' s:'b'");
  EXPECT_EQ(tokens("'a' /*\n*/ 'b'"), "s:'a' s:'b'");
}

TEST(LexerPostgresTest, dollar_quotes) {
  EXPECT_EQ(tokens("$$a;'$$ x"), "s:$$a;'$$ i:x");
  EXPECT_EQ(tokens("$t$ $$ $tt$ $t$ x"), "s:$t$ $$ $tt$ $t$ i:x");
  EXPECT_EQ(tokens("$t$$$t$ x"), "s:$t$$$t$ i:x");
  EXPECT_EQ(tokens("a$$b"), "i:a$$b");
  EXPECT_EQ(tokens("$a b"), "!:$ i:a i:b");
}

TEST(LexerPostgresTest, operators_end_at_comments_and_give_signs_back) {
  EXPECT_EQ(tokens("a=-1"), "i:a o:= o:- n:1");
  EXPECT_EQ(tokens("a@-1"), "i:a o:@- n:1");
  EXPECT_EQ(tokens("a->>'b' ?| c"), "i:a o:->> s:'b' o:?| i:c");
  EXPECT_EQ(tokens("+-+-1"), "o:+ o:- o:+ o:- n:1");
  EXPECT_EQ(tokens("1+--x\n2"), "n:1 o:+ n:2");
  EXPECT_EQ(tokens("1*/*x*/2"), "n:1 o:* n:2");
  EXPECT_EQ(tokens("1-/**/-2"), "n:1 o:- o:- n:2");
}

TEST(LexerPostgresTest, comments_nest_and_end_lines) {
  EXPECT_EQ(tokens("a/*/**/*/b"), "i:a i:b");
  EXPECT_EQ(tokens("a/*/b*/c"), "i:a i:c");
  EXPECT_EQ(tokens("a--b\rc--"), "i:a i:c");
  EXPECT_EQ(tokens("a /* ' */ b"), "i:a i:b");
}

TEST(LexerPostgresTest, what_has_no_end_is_said_so) {
  EXPECT_EQ(tokens("a 'b"), "i:a ?:'b");
  EXPECT_EQ(tokens("a 'b'''"), "i:a s:'b'''");
  EXPECT_EQ(tokens("a 'b''"), "i:a ?:'b''");
  EXPECT_EQ(tokens("E'\\"), "?:E'\\");
  EXPECT_EQ(tokens("\"a\"\""), "?:\"a\"\"");
  EXPECT_EQ(tokens("$a$ $b$"), "?:$a$ $b$");
  EXPECT_EQ(tokens("/* /* */"), "?:/* /* */");
  EXPECT_EQ(tokens("/*/"), "?:/*/");
  EXPECT_EQ(tokens("'a'\n'b"), "?:'a'\n'b");
}

TEST(LexerPostgresTest, contents_and_names) {
  EXPECT_EQ(inside(first("E'a''b'")), "a''b");
  EXPECT_EQ(inside(first("$t$a$t$")), "a");
  EXPECT_EQ(inside(first("$$$$")), "");
  EXPECT_EQ(inside(first("U&\"x\"")), "x");
  EXPECT_EQ(identifier_name("AbC"), "abc");
  EXPECT_EQ(identifier_name("\"A\"\"b\""), "A\"b");
}

TEST(LexerPostgresTest, words_are_found_in_any_case_and_nothing_else_is) {
  EXPECT_EQ(word_of("SeLeCt"), Word::select);
  EXPECT_EQ(word_of("pg_try_advisory_lock_shared"), Word::pg_try_advisory_lock_shared);
  EXPECT_EQ(word_of("PG\x7fTEMP"), Word::none);  // 0x7f is _ with the bit of lower case
  EXPECT_EQ(word_of("selecte"), Word::none);
  EXPECT_EQ(word_of(""), Word::none);
  for (std::size_t i = 1; i < std::size(kWordSpellings); ++i) {
    EXPECT_EQ(word_of(kWordSpellings[i]), Word(i)) << kWordSpellings[i];
  }
}

// Four megabytes of what would be quadratic in a careless lexer. Linear takes milliseconds; the
// bound is far from both.
TEST(LexerPostgresTest, bombs_take_linear_time) {
  for (const std::string_view piece :
       {"+-",    "-+",   "/*",  "*/",   "''", "'\n", "$a$", "$a", "$", "\"", "\"\"",
        "E'\\'", "''\n", "'' ", "--\n", "1e", "0x",  "1_",  "@-", "/", "((", ";("}) {
    std::string bomb;
    while (bomb.size() < (std::size_t{4} << 20)) bomb += piece;
    const auto start = std::chrono::steady_clock::now();
    Lexer lexer(bomb);
    std::size_t length = 0;
    for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
      length += token.text().size();
    }
    EXPECT_LE(length, bomb.size());
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10)) << piece;
  }
}

}  // namespace
}  // namespace sluice::query
