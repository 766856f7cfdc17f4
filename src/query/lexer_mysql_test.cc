#include "query/lexer_mysql.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sluice::query {
namespace {

// The tokens of a text, one letter of kind each with the token behind: "i:select n:1".
std::string tokens(std::string_view text, bool backslash_escapes = true) {
  constexpr std::string_view kLetters = "_iqsnpo,.;[:()!?";
  std::string row;
  MysqlLexer lexer(text, backslash_escapes);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    if (!row.empty()) row += ' ';
    row += kLetters[static_cast<std::size_t>(token.kind)];
    row.append(":").append(token.text());
  }
  return row;
}

TEST(MysqlLexerTest, names_may_begin_with_digits) {
  EXPECT_EQ(tokens("select a1$b, 1a, 1e, 0xyz, \xc3\xa4"),
            "i:select i:a1$b ,:, i:1a ,:, i:1e ,:, i:0xyz ,:, i:\xc3\xa4");
  EXPECT_EQ(tokens("t.1 t.1a.2 t .5 t. 5 `t`.5"),
            "i:t .:. i:1 i:t .:. i:1a .:. i:2 i:t n:.5 i:t .:. n:5 q:`t` n:.5");
  EXPECT_EQ(tokens("`a``b`.c(d)"), "q:`a``b` .:. i:c (:( i:d ):)");
}

TEST(MysqlLexerTest, numbers) {
  EXPECT_EQ(tokens("1 1.5 .5 1. 1e5 1E-5 1.5e+5"), "n:1 n:1.5 n:.5 n:1. n:1e5 n:1E-5 n:1.5e+5");
  EXPECT_EQ(tokens("0x1F 0b01 0X1F 0b2 0x"), "s:0x1F s:0b01 i:0X1F i:0b2 i:0x");
}

TEST(MysqlLexerTest, strings_in_all_forms) {
  EXPECT_EQ(tokens("'it''s' \"a\"\"b\" 'a\\' x'"), "s:'it''s' s:\"a\"\"b\" s:'a\\' x'");
  EXPECT_EQ(tokens("'a\\' x", false), "s:'a\\' i:x");
  EXPECT_EQ(tokens("N'a' x'1F' X'1F' b'01' _utf8'x'"),
            "s:N'a' s:x'1F' s:X'1F' s:b'01' i:_utf8 s:'x'");
  EXPECT_EQ(tokens("'a'\n'b'"), "s:'a' s:'b'");
}

TEST(MysqlLexerTest, variables_and_accounts) {
  EXPECT_EQ(tokens("@a:=@@global.x"), "i:@a o::= i:@@global.x");
  EXPECT_EQ(tokens("@'a b' @`c` 'u'@'h'"), "q:@'a b' q:@`c` s:'u' o:@ s:'h'");
}

TEST(MysqlLexerTest, operators) {
  EXPECT_EQ(tokens("a<=>b->c->>d&&e||f!=g<<1"),
            "i:a o:<=> i:b o:-> i:c o:->> i:d o:&& i:e o:|| i:f o:!= i:g o:<< n:1");
  EXPECT_EQ(tokens("a=-1 ? \\N"), "i:a o:= o:- n:1 p:? q:\\N");
}

TEST(MysqlLexerTest, comments_of_three_kinds) {
  EXPECT_EQ(tokens("a # b\n-- c\n--\nd /* ' */ e /*/*/ f"), "i:a i:d i:e i:f");
  EXPECT_EQ(tokens("5--3"), "n:5 o:- o:- n:3");
  EXPECT_EQ(tokens("a --"), "i:a");
  EXPECT_EQ(tokens("/* /* */ a */"), "i:a o:* o:/");
}

TEST(MysqlLexerTest, hints_and_version_comments_are_code) {
  EXPECT_EQ(tokens("select /*+ X(1) */ a"), "i:select q:/*+ X(1) */ i:a");
  EXPECT_EQ(tokens("/*!40101 set a=1 */;"), "q:/*!40101 i:set i:a o:= n:1 q:*/ ;:;");
  EXPECT_EQ(tokens("/*! x /* y */ z */"), "q:/*! i:x i:z q:*/");
  EXPECT_EQ(tokens("/*!123 x*/"), "q:/*! n:123 i:x q:*/");
  EXPECT_EQ(tokens("/*M!100100 x*/"), "q:/*M!100100 i:x q:*/");
}

TEST(MysqlLexerTest, the_last_comment_is_known) {
  MysqlLexer lexer("/*a*/ b /* c='d' */ /*+ e */");
  while (lexer.next().kind != TokenKind::end) {
  }
  EXPECT_EQ(lexer.last_comment(), " c='d' ");
}

TEST(MysqlLexerTest, what_has_no_end_is_said_so) {
  EXPECT_EQ(tokens("a 'b"), "i:a ?:'b");
  EXPECT_EQ(tokens("a 'b\\'"), "i:a ?:'b\\'");
  EXPECT_EQ(tokens("'\\"), "?:'\\");
  EXPECT_EQ(tokens("`a"), "?:`a");
  EXPECT_EQ(tokens("x'1"), "?:x'1");
  EXPECT_EQ(tokens("/* a *"), "?:/* a *");
  EXPECT_EQ(tokens("/*+ a"), "?:/*+ a");
  EXPECT_EQ(tokens("/*! a"), "q:/*! i:a ?:");
  EXPECT_EQ(tokens("/*! a /*! b */"), "q:/*! i:a ?:/*! b */");
}

// What would be quadratic in a careless lexer. Linear takes milliseconds; the bound is far from
// both.
TEST(MysqlLexerTest, bombs_take_linear_time) {
  for (const std::string_view piece :
       {"+-", "/*",  "*/", "''",  "'\n", "\"", "`",  "\\", "'\\'", "--\n", "--", "#",  "1e",
        "0x", "0b1", "1.", "a.1", "@",   "@'", "@@", "->", "/*!",  "/*+",  "x'", "t.", "(("}) {
    std::string bomb;
    while (bomb.size() < (std::size_t{2} << 20)) bomb += piece;
    const auto start = std::chrono::steady_clock::now();
    MysqlLexer lexer(bomb);
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
