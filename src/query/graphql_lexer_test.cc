#include "query/graphql_lexer.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sluice/query/graphql.h"

namespace sluice::query::graphql {
namespace {

// The tokens of a text, one letter of kind each with the token behind; a fault with its place.
std::string tokens(std::string_view text) {
  constexpr std::string_view kLetters = "_!$&()~:=@[]{|}nifsbX";
  std::string row;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    if (!row.empty()) row += ' ';
    if (token.kind == TokenKind::bad) {
      return row + position_of(text, token.text) + " " + std::string(lexer.fault());
    }
    const char letter = kLetters[static_cast<std::size_t>(token.kind)];
    if (token.kind < TokenKind::name) {
      row += letter;
    } else {
      row.append({letter, ':'}).append(token.text);
    }
  }
  return row;
}

std::string said(std::string_view text) {
  const Token token = Lexer(text).next();
  const auto kind =
      token.kind == TokenKind::string ? Value::Kind::string : Value::Kind::block_string;
  return value_of({.kind = kind, .name = {}, .text = token.text, .items = {}});
}

TEST(GraphqlLexerTest, every_token_of_the_grammar) {
  EXPECT_EQ(tokens("! $ & ( ) ... : = @ [ ] { | }"), "! $ & ( ) ~ : = @ [ ] { | }");
  EXPECT_EQ(tokens("!$&()...:=@[]{|}"), "! $ & ( ) ~ : = @ [ ] { | }");
  EXPECT_EQ(tokens("a _ __x A9_z fragment"), "n:a n:_ n:__x n:A9_z n:fragment");
  EXPECT_EQ(tokens("0 -0 7 -12 1.5 -0.0 1e9 1E+9 2.50e-3"),
            "i:0 i:-0 i:7 i:-12 f:1.5 f:-0.0 f:1e9 f:1E+9 f:2.50e-3");
  EXPECT_EQ(tokens(R"("" "a" "\"" """""" """a"b""c""" """\"""""")"),
            R"(s:"" s:"a" s:"\"" b:"""""" b:"""a"b""c""" b:"""\"""""")");
}

TEST(GraphqlLexerTest, what_is_ignored_separates_tokens) {
  EXPECT_EQ(tokens("\xEF\xBB\xBF"
                   "a,\t,b\r\nc\rd#e { \xF0\x9F\x98\x80\nf\xEF\xBB\xBFg#"),
            "n:a n:b n:c n:d n:f n:g");
  EXPECT_EQ(tokens(" ,\n# only this"), "");
  EXPECT_EQ(tokens(""), "");
}

TEST(GraphqlLexerTest, a_number_ends_where_the_grammar_lets_it) {
  const std::string runs = " a number runs into what follows";
  for (const std::string_view number : {"1a", "1_", "0x", "1.5.", "1e5e", "1.5a"}) {
    EXPECT_EQ(tokens(number), "1:" + std::to_string(number.size()) + runs) << number;
  }
  EXPECT_EQ(tokens("00"), "1:2 a number has a digit behind its leading 0");
  EXPECT_EQ(tokens("-01"), "1:3 a number has a digit behind its leading 0");
  EXPECT_EQ(tokens("-"), "1:2 expected a digit behind `-`");
  EXPECT_EQ(tokens("--1"), "1:2 expected a digit behind `-`");
  EXPECT_EQ(tokens("1."), "1:3 expected a digit behind the decimal point");
  EXPECT_EQ(tokens("1.a"), "1:3 expected a digit behind the decimal point");
  EXPECT_EQ(tokens("1e"), "1:3 expected a digit in the exponent");
  EXPECT_EQ(tokens("1e+"), "1:4 expected a digit in the exponent");
  EXPECT_EQ(tokens("+1"), "1:1 unexpected character");
  EXPECT_EQ(tokens(".5"), "1:1 expected `...`");
  EXPECT_EQ(tokens("1...a"), "1:3 expected a digit behind the decimal point");
  EXPECT_EQ(tokens("1\"a\"2"), "i:1 s:\"a\" i:2");
}

TEST(GraphqlLexerTest, what_no_token_begins_with_is_bad_for_good) {
  for (const std::string_view text :
       {"%", "'a'", "?", "\\", "a\x01", "\xC3\xA4", "\xEF\xBB", "~", "\x7F"}) {
    Lexer lexer(text);
    Token token = lexer.next();
    if (token.kind == TokenKind::name) token = lexer.next();
    EXPECT_EQ(token.kind, TokenKind::bad) << text;
    EXPECT_EQ(lexer.next().kind, TokenKind::bad) << text;
    EXPECT_EQ(lexer.fault(), "unexpected character") << text;
  }
  EXPECT_EQ(tokens(".."), "1:1 expected `...`");
  EXPECT_EQ(tokens("...."), "~ 1:4 expected `...`");
  EXPECT_EQ(tokens(std::string_view("a\0b", 3)), "n:a 1:2 unexpected character");
}

TEST(GraphqlLexerTest, strings_end_in_their_line_and_have_known_escapes) {
  const std::string no_end = "1:1 expected `\"`: the string has no end";
  EXPECT_EQ(tokens("\""), no_end);
  EXPECT_EQ(tokens("\"a"), no_end);
  EXPECT_EQ(tokens("\"a\\\""), no_end);
  EXPECT_EQ(tokens("\"a\nb\""), "1:3 expected `\"`: a string ends in its line");
  EXPECT_EQ(tokens("\"a\rb\""), "1:3 expected `\"`: a string ends in its line");
  EXPECT_EQ(tokens(R"("a\xb")"), "1:3 unknown escape");
  EXPECT_EQ(tokens(R"("\'")"), "1:2 unknown escape");
  EXPECT_EQ(tokens("\"\\"), "1:2 unknown escape");
  const std::string hex = "1:2 expected four hexadecimal digits behind `\\u`";
  EXPECT_EQ(tokens(R"("\u12g4")"), hex);
  EXPECT_EQ(tokens(R"("\u12")"), hex);
  EXPECT_EQ(tokens(R"("\u{1F600}")"), hex);  // a later edition's
  EXPECT_EQ(tokens("\"a\x1F\""), "1:3 unexpected control character");
  EXPECT_EQ(tokens("\"a\tb\x7F\""), "s:\"a\tb\x7F\"");
  EXPECT_EQ(tokens("\"\"\"a\x02\"\"\""), "1:5 unexpected control character");
  EXPECT_EQ(tokens("\"\"\"a\"\""), "1:1 expected `\"\"\"`: the block string has no end");
  EXPECT_EQ(tokens(R"("""a\""")"), "1:1 expected `\"\"\"`: the block string has no end");
  EXPECT_EQ(tokens("#\x03"), "1:2 unexpected control character");
}

TEST(GraphqlLexerTest, strings_and_comments_are_utf8) {
  for (const std::string_view good :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    const std::string text = "\"" + std::string(good) + "\"";
    EXPECT_EQ(tokens(text), "s:" + text);
    EXPECT_EQ(tokens("#" + std::string(good)), "");
  }
  for (const std::string_view wrong :
       {"\x80", "\xC1\xBF", "\xC2", "\xC2x", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_EQ(tokens("\"" + std::string(wrong) + "\""), "1:2 invalid UTF-8");
    EXPECT_EQ(tokens("\"\"\"" + std::string(wrong) + "\"\"\""), "1:4 invalid UTF-8");
    EXPECT_EQ(tokens("#" + std::string(wrong)), "1:2 invalid UTF-8");
  }
}

TEST(GraphqlLexerTest, escapes_say_what_they_mean) {
  EXPECT_EQ(said(R"("a\"b\\c\/d\b\f\n\r\te")"), "a\"b\\c/d\b\f\n\r\te");
  EXPECT_EQ(said(R"("\u0041\u00e4\u20AC")"), "A\xC3\xA4\xE2\x82\xAC");
  EXPECT_EQ(said(R"("\uD83D\uDE00!")"), "\xF0\x9F\x98\x80!");
  EXPECT_EQ(said(R"("\uD83Dx\uDE00\uD83D")"), "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(said(R"("\uD83D\u0041")"),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(said(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(said(R"("")"), "");
}

// The examples of section 2.9.4, and BlockStringValue's corners.
TEST(GraphqlLexerTest, block_strings_lose_indentation_and_blank_edges) {
  EXPECT_EQ(said("\"\"\"\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  \"\"\""),
            "Hello,\n  World!\n\nYours,\n  GraphQL.");
  EXPECT_EQ(said("\"\"\"   a\n   b\n\"\"\""), "   a\nb");
  EXPECT_EQ(said("\"\"\"a\r\n  b\r  c\n\n\"\"\""), "a\nb\nc");
  EXPECT_EQ(said("\"\"\"\n\ta\n\t\tb\n \n\t c\"\"\""), "a\n\tb\n\n c");
  EXPECT_EQ(said("\"\"\"\n  \n \t\n\"\"\""), "");
  EXPECT_EQ(said(R"("""""")"), "");
  EXPECT_EQ(said(R"("""a \""" \n \u0041""")"), R"(a """ \n \u0041)");
}

TEST(GraphqlLexerTest, positions_count_lines_of_all_kinds_and_characters) {
  const std::string_view text = "a\nb\r\nc\rd \xE2\x82\xAC\xF0\x9F\x98\x80!";
  const auto place = [&](char c) { return position_of(text, text.substr(text.find(c))); };
  EXPECT_EQ(place('a'), "1:1");
  EXPECT_EQ(place('b'), "2:1");
  EXPECT_EQ(place('c'), "3:1");
  EXPECT_EQ(place('d'), "4:1");
  EXPECT_EQ(place('!'), "4:5");
  EXPECT_EQ(position_of({}, {}), "1:1");
}

}  // namespace
}  // namespace sluice::query::graphql
