#include "sluice/query/fingerprint.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace sluice::query {
namespace {

// What the only literal of a text says.
std::string value(std::string_view literal, Dialect dialect = Dialect::postgres,
                  bool backslash_escapes = false) {
  const std::string text = "select " + std::string(literal);
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text, dialect, backslash_escapes);
  if (seen.literals.size() != 1) return "(" + std::to_string(seen.literals.size()) + " literals)";
  std::string scratch;
  return std::string(value_of(seen.literals[0], text, dialect, backslash_escapes, scratch));
}
std::string mysql_value(std::string_view literal, bool backslash_escapes = true) {
  return value(literal, Dialect::mysql, backslash_escapes);
}

TEST(FingerprintTest, is_the_same_in_every_release) {
  EXPECT_EQ(fingerprint_of("select ?", Dialect::postgres).text(),
            "bc017f50ca1e19e53dc6e9b2c2e6cc1f");
  EXPECT_EQ(fingerprint_of("select ?", Dialect::mysql).text(), "1101790ee4d92c3c9638a7845f612d5c");
}

TEST(FingerprintTest, text_and_back) {
  const Fingerprint f = fingerprint_of("select 1", Dialect::postgres);
  EXPECT_EQ(Fingerprint::parse(f.text()), f);
  const Fingerprint small{0, 1};
  EXPECT_EQ(small.text(), "00000000000000000000000000000001");
  EXPECT_EQ(Fingerprint::parse(small.text()), small);
}

TEST(FingerprintTest, what_is_no_fingerprint_is_refused) {
  for (const std::string_view text :
       {"", "0000000000000000000000000000001", "000000000000000000000000000000001",
        "0000000000000000000000000000000g", "-0000000000000000000000000000001",
        "000000000000000 0000000000000001"}) {
    EXPECT_FALSE(Fingerprint::parse(text)) << text;
  }
}

TEST(ValueOfTest, numbers_are_as_they_are) {
  EXPECT_EQ(value("42"), "42");
  EXPECT_EQ(value("1.5e-3"), "1.5e-3");
  EXPECT_EQ(mysql_value("1.50"), "1.50");
}

TEST(ValueOfTest, quotes_are_undone) {
  EXPECT_EQ(value("'it''s'"), "it's");
  EXPECT_EQ(value("''"), "");
  EXPECT_EQ(value("''''"), "'");
  EXPECT_EQ(value("n'x'"), "x");
  EXPECT_EQ(value("$$it's$$"), "it's");
  EXPECT_EQ(value("$a$$$$a$"), "$$");
  EXPECT_EQ(value("b'01'"), "01");
  EXPECT_EQ(value("X'1F'"), "1F");
  EXPECT_EQ(value("'a\\nb'"), "a\\nb");
  EXPECT_EQ(value("U&'d\\0061''t'"), "d\\0061't");
}

TEST(ValueOfTest, escapes_of_postgres_are_undone) {
  EXPECT_EQ(value("E'a\\n\\'\\\\\\101\\x42\\u00e4'"), "a\n'\\AB\xc3\xa4");
  EXPECT_EQ(value("e'\\ud83d\\ude00\\U0001F600'"), "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
  EXPECT_EQ(value("E'\\ud83dx'"), "\xef\xbf\xbdx");
  EXPECT_EQ(value("E'\\q\\x\\''"), "qx'");
  EXPECT_EQ(value("'a\\'b'", Dialect::postgres, true), "a'b");
}

TEST(ValueOfTest, a_string_goes_on_behind_a_newline) {
  EXPECT_EQ(value("'a'\n  'b''c'"), "ab'c");
  EXPECT_EQ(value("'a' -- don't\n 'b'"), "ab");
  EXPECT_EQ(value("E'\\n'\n'\\t'"), "\n\t");
}

TEST(ValueOfTest, escapes_of_mysql_are_undone) {
  EXPECT_EQ(mysql_value("'a\\n\\'\\\"\\\\\\%\\_\\q'"), "a\n'\"\\\\%\\_q");
  EXPECT_EQ(mysql_value("'\\0\\Z'"), std::string_view("\0\x1a", 2));
  EXPECT_EQ(mysql_value("\"a\"\"b'c\""), "a\"b'c");
  EXPECT_EQ(mysql_value("'a\\'", false), "a\\");
  EXPECT_EQ(mysql_value("N'x'"), "x");
  EXPECT_EQ(mysql_value("0x1F"), "1F");
  EXPECT_EQ(mysql_value("x'1F'"), "1F");
  EXPECT_EQ(mysql_value("0b01"), "01");
}

TEST(NormaliserTest, escape_character_of_a_unicode_name_stays_because_it_decides_the_name) {
  Normaliser normaliser;
  const auto text = [&](std::string_view sql) { return std::string(normaliser.read(sql).text); };
  EXPECT_EQ(text("SELECT U&\"d!0061\" UESCAPE '!'"), "select U&\"d!0061\" uescape '!'");
  EXPECT_NE(text("SELECT U&\"d!0061\" UESCAPE '!'"), text("SELECT U&\"d!0061\" UESCAPE '#'"));
}

}  // namespace
}  // namespace sluice::query
