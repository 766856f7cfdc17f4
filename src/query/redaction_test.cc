// Redaction: what a sample shows, and what nobody may see.
#include "query/redaction.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "query/value_types.h"
#include "query/workload_testing.h"

namespace sluice::query {
namespace {

using namespace std::string_literals;
using Redact = WorkloadOptions::Redact;
using testing::binary;
using ::testing::ElementsAre;
using testing::text;

class RedactionTest : public ::testing::Test {
 protected:
  TemplateRef parsed(const std::string& query) {
    const TemplateRef statement = unparsed(query);
    while (templates_.parse_queued() > 0) {
    }
    EXPECT_NE(statement->facts(), nullptr);
    return statement;
  }
  TemplateRef unparsed(const std::string& query) {
    Normaliser normaliser;
    return templates_.intern(normaliser.read(query), query, Dialect::postgres, false);
  }
  std::vector<std::string> shown(const TemplateRef& statement, std::vector<Value> values,
                                 std::size_t literals, Redact redact = Redact::automatic) {
    std::vector<KeptValue> kept;
    for (const Value& value : values) kept.push_back({value, false});
    WorkloadOptions options;
    options.redact = redact;
    return unpack_values(pack_values(*statement, {kept, literals, 0}, options));
  }

  Templates templates_;
};

TEST(ReadableTest, values_look_like_sql) {
  EXPECT_EQ(readable(text("42")), "42");
  EXPECT_EQ(readable(text("-1.5e+3")), "-1.5e+3");
  EXPECT_EQ(readable(text("it's")), "'it''s'");
  EXPECT_EQ(readable(text("42", type::kText)), "'42'");
  EXPECT_EQ(readable(text("1-2")), "'1-2'");
  EXPECT_EQ(readable(text("")), "''");
  EXPECT_EQ(readable(text("t", type::kBool)), "true");
  EXPECT_EQ(readable({{}, 0, Value::Form::null}), "null");
}

TEST(ReadableTest, binary_values_are_decoded_by_their_type) {
  EXPECT_EQ(readable(binary("\xff\xfe"s, type::kInt2)), "-2");
  EXPECT_EQ(readable(binary("\0\0\1\0"s, type::kInt4)), "256");
  EXPECT_EQ(readable(binary("\xff\xff\xff\xff\xff\xff\xff\xff"s, type::kInt8)), "-1");
  EXPECT_EQ(readable(binary("\xff\xff\xff\xff"s, type::kOid)), "4294967295");
  EXPECT_EQ(readable(binary("\0"s, type::kBool)), "false");
  EXPECT_EQ(readable(binary("\x3f\xc0\0\0"s, type::kFloat4)), "1.5");
  EXPECT_EQ(readable(binary("\x3f\xb9\x99\x99\x99\x99\x99\x9a"s, type::kFloat8)), "0.1");
  EXPECT_EQ(readable(binary("\x0d\x9c\xb3\xa1\x54\xab\x4f\x3a\x9d\x4e\x1f\x2a\x3b\x4c\x5d\x6e",
                            type::kUuid)),
            "'0d9cb3a1-54ab-4f3a-9d4e-1f2a3b4c5d6e'");
  EXPECT_EQ(readable(binary("it's", type::kVarchar)), "'it''s'");
  EXPECT_EQ(readable(binary("\x01{\"a\": 1}", type::kJsonb)), "'{\"a\": 1}'");
  EXPECT_EQ(readable(binary("\0\xab"s, type::kByteArray)), "'\\x00ab'");
  EXPECT_EQ(readable(binary("\0\xab"s, type::kInt8)), "'\\x00ab'");
}

TEST(ReadableTest, long_values_are_cut_and_say_so) {
  const std::string shown = readable(text(std::string(1000, 'x')));
  EXPECT_EQ(shown, "'" + std::string(kMaxShownBytes, 'x') + "...'");
  EXPECT_EQ(readable(text("123"), true), "'123...'");
  EXPECT_LE(readable(binary(std::string(1000, 'x'), 0)).size(), kMaxShownBytes + 8);
  // never half a character
  EXPECT_EQ(readable(text(std::string(kMaxShownBytes - 1, 'x') + "é")),
            "'" + std::string(kMaxShownBytes - 1, 'x') + "...'");
}

TEST(ReadableTest, control_bytes_and_wrong_utf8_dont_come_through) {
  EXPECT_EQ(readable(text("a\0b\n\xff\xc3"s)),
            "'a b ?"
            "?'");
}

TEST_F(RedactionTest, values_of_secret_columns_are_hidden) {
  const auto statement = parsed("update users set Password_Hash = 'x', name = 'y' where id = 1");
  EXPECT_THAT(shown(statement, {text("x"), text("y"), text("1")}, 3),
              ElementsAre("(redacted)", "'y'", "1"));
}

TEST_F(RedactionTest, parameters_of_secret_columns_are_hidden_in_any_order) {
  const auto statement = parsed("select 1 from users where id = $2 and api_key = $1");
  EXPECT_THAT(shown(statement, {text("k"), text("7")}, 0), ElementsAre("(redacted)", "7"));
}

TEST_F(RedactionTest, literals_stand_before_parameters) {
  const auto statement = parsed("select 1 from users where id = $1 and token = 'x' and name = 'y'");
  EXPECT_THAT(shown(statement, {text("1"), text("x"), text("y"), text("7")}, 3),
              ElementsAre("1", "(redacted)", "'y'", "7"));
}

TEST_F(RedactionTest, where_lexer_and_parser_disagree_no_literal_is_shown) {
  const auto statement = parsed("select 1 from users where token = 'x' and name = $1");
  EXPECT_THAT(shown(statement, {text("a"), text("b"), text("c"), text("y")}, 3),
              ElementsAre("(redacted)", "(redacted)", "(redacted)", "'y'"));
}

TEST_F(RedactionTest, strings_are_hidden_until_the_statement_is_parsed) {
  const auto statement = unparsed("select * from users where name = 'x' and id = 1");
  EXPECT_THAT(shown(statement, {text("x"), text("1")}, 2), ElementsAre("(redacted)", "1"));
  while (templates_.parse_queued() > 0) {
  }
  EXPECT_THAT(shown(statement, {text("x"), text("1")}, 2), ElementsAre("'x'", "1"));
}

// A string may look like a number: the text tells them apart.
TEST_F(RedactionTest, a_string_of_digits_is_a_string) {
  const auto statement = unparsed("select * from users where pin = '1234' and id = 1");
  EXPECT_THAT(shown(statement, {text("1234"), text("1")}, 2), ElementsAre("(redacted)", "1"));
}

TEST_F(RedactionTest, strings_of_utility_statements_are_hidden) {
  const auto statement = parsed("alter role bob with password 'x'");
  EXPECT_THAT(shown(statement, {text("x")}, 1), ElementsAre("(redacted)"));
}

TEST_F(RedactionTest, strings_of_what_cant_be_parsed_are_hidden) {
  const auto statement = parsed("select from where a = 'x' and b = 1");
  EXPECT_THAT(shown(statement, {text("x"), text("1")}, 2), ElementsAre("(redacted)", "1"));
}

TEST_F(RedactionTest, typed_numbers_are_shown_before_parsing) {
  const auto statement = unparsed("select * from users where id = $1 and name = $2 and k = $3");
  EXPECT_THAT(
      shown(statement, {binary("\0\0\0\5"s, type::kInt4), text("x", type::kText), text("7")}, 0),
      ElementsAre("5", "(redacted)", "(redacted)"));
}

TEST_F(RedactionTest, all_hides_everything_and_none_nothing) {
  const auto statement = parsed("select * from users where password = 'x' and id = 1");
  EXPECT_THAT(shown(statement, {text("x"), text("1")}, 2, Redact::all),
              ElementsAre("(redacted)", "(redacted)"));
  EXPECT_THAT(shown(statement, {text("x"), text("1")}, 2, Redact::none), ElementsAre("'x'", "1"));
}

RC_GTEST_PROP(RedactionPackTest, packing_keeps_texts, (const std::vector<std::string>& texts)) {
  RC_ASSERT(unpack_values(pack_texts(texts)) == texts);
}

}  // namespace
}  // namespace sluice::query
