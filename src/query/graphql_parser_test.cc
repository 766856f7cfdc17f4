#include "query/graphql_parser.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/query/graphql.h"

namespace sluice::query::graphql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Document parsed(std::string_view text) {
  Result<Document> document = parse(text);
  EXPECT_TRUE(document.has_value()) << text << "\n" << document.error().text();
  return document ? std::move(*document) : Document{};
}

std::string error_of(std::string_view text, Limits limits = {}) {
  const Result<Document> document = parse(text, limits);
  return document ? "none" : document.error().detail;
}

std::string times(std::size_t n, std::string_view what) {
  std::string all;
  all.reserve(n * what.size());
  for (std::size_t i = 0; i < n; ++i) all += what;
  return all;
}

TEST(GraphqlParserTest, a_document_with_everything) {
  const std::string_view text = R"(
    query Q($id: [ID !] ! = ["a", 1], $n: Int @v(a: 1)) @live {
      me: user(id: $id, f: {a: 1.5, b: [RED, null, true, """x"""]}) @include(if: $n) { ...F }
      ... on T @skip(if: false) { a }
      ... @d { b }
      ... { fragment on query: mutation }
    }
    fragment F on User @x { name })";
  const Document document = parsed(text);
  ASSERT_EQ(document.operations.size(), 1);
  const Operation& q = document.operations[0];
  EXPECT_EQ(q.name, "Q");
  ASSERT_EQ(q.variables.size(), 2);
  EXPECT_EQ(q.variables[0].type, "[ID!]!");
  ASSERT_TRUE(q.variables[0].fallback);
  EXPECT_EQ(q.variables[0].fallback->kind, Value::Kind::list);
  EXPECT_EQ(q.variables[0].fallback->items[1].text, "1");
  EXPECT_FALSE(q.variables[1].fallback);
  EXPECT_EQ(q.variables[1].directives[0].arguments[0].name, "a");
  EXPECT_EQ(q.directives[0].name, "live");

  ASSERT_EQ(q.selections.size(), 4);
  const Selection& user = q.selections[0];
  EXPECT_EQ(user.alias, "me");
  EXPECT_EQ(user.name, "user");
  EXPECT_EQ(user.arguments[0].kind, Value::Kind::variable);
  EXPECT_EQ(user.arguments[0].text, "id");
  const Value& b = user.arguments[1].items[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.items[0].kind, Value::Kind::enum_);
  EXPECT_EQ(b.items[1].kind, Value::Kind::null);
  EXPECT_EQ(b.items[2].kind, Value::Kind::boolean);
  EXPECT_EQ(value_of(b.items[3]), "x");
  EXPECT_EQ(user.selections[0].kind, Selection::Kind::spread);
  EXPECT_EQ(document.fragments[user.selections[0].fragment].name, "F");
  EXPECT_EQ(q.selections[1].name, "T");
  EXPECT_EQ(q.selections[2].name, "");
  EXPECT_EQ(q.selections[2].directives[0].name, "d");
  EXPECT_THAT(q.selections[3].selections[2].alias, "query");
  EXPECT_EQ(document.fragments[0].type, "User");
  EXPECT_EQ(document.fragments[0].directives[0].name, "x");
}

TEST(GraphqlParserTest, keywords_are_names_where_names_may_stand) {
  parsed("query query { query mutation: fragment on(on: on) true null type }");
  parsed("query fragment($on: on) { ... on on { on } ...fragment } fragment fragment on on { on }");
  parsed("subscription S { a }");
  parsed("mutation { a(b: {}, c: []) }");
}

TEST(GraphqlParserTest, errors_say_where_and_what_was_expected) {
  EXPECT_EQ(error_of(""), "1:1: expected an operation or a fragment, found the end");
  EXPECT_EQ(error_of("  # nothing\n"), "2:1: expected an operation or a fragment, found the end");
  EXPECT_EQ(error_of("{ a } b"), "1:7: expected an operation or a fragment, found the name `b`");
  EXPECT_EQ(error_of("{}"), "1:2: expected a field or `...`, found `}`");
  EXPECT_EQ(error_of("{ a {} }"), "1:6: expected a field or `...`, found `}`");
  EXPECT_EQ(error_of("{ a"), "1:4: expected a field or `...`, found the end");
  EXPECT_EQ(error_of("{ a() }"), "1:5: expected an argument's name, found `)`");
  EXPECT_EQ(error_of("{ a(b) }"), "1:6: expected `:`, found `)`");
  EXPECT_EQ(error_of("{ a(b: ) }"), "1:8: expected a value, found `)`");
  EXPECT_EQ(error_of("{ a(b: [1 }"), "1:11: expected a value, found `}`");
  EXPECT_EQ(error_of("{ a(b: {1: 2}) }"),
            "1:9: expected an input field's name or `}`, found the number `1`");
  EXPECT_EQ(error_of("{ a: }"), "1:6: expected a field's name, found `}`");
  EXPECT_EQ(error_of("{ a @ }"), "1:7: expected a directive's name, found `}`");
  EXPECT_EQ(error_of("query"), "1:6: expected `{`, found the end");
  EXPECT_EQ(error_of("query Q() { a }"), "1:9: expected a variable, found `)`");
  EXPECT_EQ(error_of("query ($a Int) { a }"), "1:11: expected `:`, found the name `Int`");
  EXPECT_EQ(error_of("query ($a: [Int) { a }"), "1:16: expected `]`, found `)`");
  EXPECT_EQ(error_of("query ($a: Int!!) { a }"), "1:16: expected a variable, found `!`");
  EXPECT_EQ(error_of("query ($a: Int = $b) { a }"),
            "1:18: expected a value without variables, found `$`");
  EXPECT_EQ(error_of("query ($a: I = [{b: $b}]) { a }"),
            "1:21: expected a value without variables, found `$`");
  EXPECT_EQ(error_of("query ($a: I @d(b: $b)) { a }"),
            "1:20: expected a value without variables, found `$`");
  EXPECT_EQ(error_of("fragment on on T { a }"),
            "1:10: expected a fragment's name other than `on`, found the name `on`");
  EXPECT_EQ(error_of("fragment F { a }"), "1:12: expected `on`, found `{`");
  EXPECT_EQ(error_of("{ ... }"),
            "1:7: expected a fragment's name, `on`, a directive or `{`, found `}`");
  EXPECT_EQ(error_of("{ ...on }"), "1:9: expected a type, found `}`");
  EXPECT_EQ(error_of("{ a(b: \"x\n\") }"), "1:10: expected `\"`: a string ends in its line");
  EXPECT_EQ(error_of("{\n a %"), "2:4: unexpected character");
  EXPECT_THAT(error_of("{a} " + std::string(1000, 'x')), HasSubstr("xxx...`"));
}

TEST(GraphqlParserTest, definitions_of_types_are_refused_by_name) {
  for (const std::string_view word :
       {"schema", "scalar", "type", "interface", "union", "enum", "input", "directive", "extend"}) {
    EXPECT_EQ(error_of("{ a } " + std::string(word) + " X"),
              "1:7: expected an operation or a fragment, found the name `" + std::string(word) +
                  "`: definitions of types can't be executed");
  }
  EXPECT_THAT(error_of("\"described\" type T { a: Int }"), HasSubstr("definitions of types"));
}

TEST(GraphqlParserTest, names_are_unique_where_they_must_be) {
  EXPECT_EQ(error_of("query A { a } mutation A { a }"),
            "1:24: expected each operation's name once, this is one again");
  EXPECT_EQ(error_of("query A { a } { b }"),
            "1:17: expected a name: an anonymous operation stands alone");
  EXPECT_EQ(error_of("{ ... { x: a } } { b }"),
            "1:9: expected a name: an anonymous operation stands alone");
  EXPECT_EQ(error_of("fragment F on A { a } fragment F on B { a }"),
            "1:32: expected each fragment's name once, this is one again");
  EXPECT_EQ(error_of("query ($a: A, $b: B, $a: A) { a }"),
            "1:23: expected each variable once, this is one again");
  EXPECT_EQ(error_of("{ a(b: 1, c: 2, b: 3) }"),
            "1:17: expected each argument once, this is one again");
  EXPECT_EQ(error_of("{ a @d(b: 1, b: 3) }"),
            "1:14: expected each argument once, this is one again");
  EXPECT_EQ(error_of("{ a(b: [{x: 1, x: 2}]) }"),
            "1:16: expected each input field once, this is one again");
  parsed("{ a(a: {a: {a: 1}}) a(a: 2) @a @a } fragment a on a { a }");
}

TEST(GraphqlParserTest, spread_fragments_exist_and_form_no_cycle) {
  EXPECT_EQ(error_of("{ ...F }"), "1:6: expected the name of a fragment of this document");
  EXPECT_EQ(error_of("{ a } fragment F on T { a { ...G } }"),
            "1:32: expected the name of a fragment of this document");
  EXPECT_EQ(error_of("{ a } fragment F on T { a { ...F } }"),
            "1:32: expected no cycle of fragments, this closes F -> F");
  EXPECT_EQ(error_of("fragment A on T { ...B } fragment B on T { ... { x ...C } }"
                     "fragment C on T { ...B }"),
            "1:81: expected no cycle of fragments, this closes B -> C -> B");
  std::string ring;
  for (int i = 0; i < 500; ++i) {
    ring += "fragment F" + std::to_string(i) + " on T{...F" + std::to_string((i + 1) % 500) + "}";
  }
  EXPECT_THAT(error_of(ring),
              HasSubstr("F0 -> F1 -> F2 -> F3 -> F4 -> F5 -> F6 -> F7 -> ... -> F0"));
}

TEST(GraphqlParserTest, an_operation_is_chosen_as_the_specification_says) {
  const Document several = parsed("query A { a } mutation B { b }");
  const Document one = parsed("query A { a }");
  const Document anonymous = parsed("{ a }");
  const Document none = parsed("fragment F on T { a }");
  EXPECT_EQ((*choose(several, "B"))->type, OperationType::mutation);
  EXPECT_EQ(choose(several, "C").error().code, Code::not_found);
  EXPECT_EQ(choose(several, std::nullopt).error().code, Code::invalid_argument);
  EXPECT_EQ((*choose(one, std::nullopt))->name, "A");
  EXPECT_EQ((*choose(one, "A"))->name, "A");
  EXPECT_EQ((*choose(anonymous, std::nullopt))->name, "");
  EXPECT_EQ(choose(anonymous, "").error().code, Code::not_found);
  EXPECT_EQ(choose(none, std::nullopt).error().code, Code::invalid_argument);
}

TEST(GraphqlParserTest, a_summary_counts_with_fragments_expanded) {
  const Document document = parsed(
      "subscription S { x: a { b ...F } ... { ...G c } a ...G }"
      "fragment F on T { d { y: e { f } } } fragment G on T { a g { ...F } }");
  const Summary s = summarise(document, document.operations[0]);
  EXPECT_EQ(s.type, OperationType::subscription);
  EXPECT_EQ(s.name, "S");
  EXPECT_EQ(s.size.fields, 2 + 3 + 1 + 1 + 2 * 5);  // a b F, c, a, twice G = a g F
  EXPECT_EQ(s.size.aliases, 1 + 1 + 2);
  EXPECT_EQ(s.size.depth, 4);
  EXPECT_THAT(s.top_fields, ElementsAre("a", "g", "c"));
}

TEST(GraphqlParserTest, exponential_fragments_are_counted_in_no_time) {
  std::string text = "{ ...F0 ...F0 } ";
  for (int i = 0; i < 1000; ++i) {
    const std::string next = "...F" + std::to_string(i + 1);
    text += "fragment F" + std::to_string(i) + " on T { a { " + next + " " + next + " } }";
  }
  text += "fragment F1000 on T { a }";
  const Document document = parsed(text);
  const Summary s = summarise(document, document.operations[0]);
  EXPECT_EQ(s.size.fields, UINT64_MAX);
  EXPECT_EQ(s.size.depth, 1001);
  EXPECT_THAT(s.top_fields, ElementsAre("a"));
}

TEST(GraphqlParserTest, a_chain_of_fragments_is_as_long_as_it_likes) {
  const int links = 100'000;
  std::string text = "{ ...F0 }";
  for (int i = 0; i < links; ++i) {
    text += "fragment F" + std::to_string(i) + " on T{...F" + std::to_string(i + 1) + "}";
  }
  text += "fragment F" + std::to_string(links) + " on T{a}";
  const Result<Document> document = parse(text, {.max_bytes = 100 << 20, .max_tokens = 10'000'000});
  ASSERT_TRUE(document) << document.error().text();
  EXPECT_EQ(document->operations[0].size.depth, 1);
  EXPECT_THAT(summarise(*document, document->operations[0]).top_fields, ElementsAre("a"));
  EXPECT_EQ(normalise(*document, document->operations[0]).literals.size(), 0);
}

TEST(GraphqlParserTest, limits_are_kept_and_named) {
  EXPECT_EQ(error_of("{ a }", {.max_bytes = 4}), "the document has 5 bytes, 4 are allowed");
  EXPECT_EQ(error_of("{ a }", {.max_tokens = 2}), "1:5: more than 2 tokens");
  EXPECT_EQ(error_of("{ a }", {.max_tokens = 3}), "none");
  EXPECT_EQ(error_of("{ a { b { c } } }", {.max_depth = 2}), "1:9: nested deeper than 2");
  EXPECT_EQ(error_of("{ a { b } }", {.max_depth = 2}), "none");
  EXPECT_EQ(error_of("{ a(b: [{c: 1}]) }", {.max_depth = 2}), "1:9: nested deeper than 2");
  EXPECT_EQ(error_of("query ($a: [[I]]) { a }", {.max_depth = 1}), "1:13: nested deeper than 1");
  EXPECT_EQ(parse("{ a }", {.max_tokens = 2}).error().code, Code::exhausted);
  EXPECT_EQ(parse("{ a }", {.max_bytes = 1}).error().code, Code::exhausted);
  EXPECT_EQ(parse("{{", {.max_depth = 0}).error().code, Code::exhausted);
}

TEST(GraphqlParserTest, hostile_texts_end_in_an_error_soon) {
  const Limits wide{.max_bytes = 100 << 20, .max_tokens = 100'000'000, .max_depth = 1'000'000'000};
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string_view open : {"{a", "{...{", "{a(b:[", "{a(b:{c:", "["}) {
    EXPECT_THAT(error_of("{a(b:" + times(100'000, open), wide), HasSubstr(":")) << open;
    EXPECT_NE(error_of(times(100'000, open), wide), "none") << open;
  }
  EXPECT_THAT(error_of(times(100'000, "{a"), wide), HasSubstr("nested deeper than 1000"));
  EXPECT_THAT(error_of("{a(b:" + times(100'000, "["), wide), HasSubstr("nested deeper than 1000"));
  EXPECT_THAT(error_of("query($a:" + times(100'000, "["), wide),
              HasSubstr("nested deeper than 1000"));
  const std::size_t ten_mb = 10 << 20;
  EXPECT_THAT(error_of(std::string(ten_mb, '{')), HasSubstr("bytes"));
  EXPECT_THAT(error_of("{ a(b: \"" + std::string(ten_mb, 'x'), wide), HasSubstr("1:8: "));
  EXPECT_THAT(error_of("\"\"\"" + std::string(ten_mb, '\n'), wide), HasSubstr("1:1: "));
  EXPECT_THAT(error_of(std::string(ten_mb, '#'), wide), HasSubstr("found the end"));
  EXPECT_THAT(error_of(std::string(ten_mb, '\n'), wide), HasSubstr("found the end"));
  EXPECT_THAT(error_of(std::string(ten_mb, 'x'), wide), HasSubstr("1:1: "));
  EXPECT_THAT(error_of("{ a(b:" + std::string(ten_mb, '1'), wide), HasSubstr("found the end"));
  EXPECT_THAT(error_of("{" + times(ten_mb / 20, "a "), wide), HasSubstr("found the end"));
  EXPECT_THAT(error_of("{a(" + times(ten_mb / 20, "a:1 ") + ")}", wide),
              HasSubstr("argument once"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(GraphqlParserTest, the_deepest_documents_are_read_written_and_destroyed) {
  const std::string texts[] = {
      times(1000, "{a") + times(1000, "}"),
      times(999, "{...") + "{a}" + times(999, "}"),
      "{a(b:" + times(999, "[") + "1" + times(999, "]") + ")}",
      "{a(b:" + times(999, "{c:") + "1" + times(999, "}") + ")}",
      "query($a:" + times(1000, "[") + "I" + times(1000, "]") + "){a}",
  };
  for (const std::string& text : texts) {
    const Result<Document> document = parse(text, {.max_depth = 5000});
    ASSERT_TRUE(document) << document.error().text();
    const std::string printed = print(*document);
    EXPECT_EQ(*parse(printed, {.max_depth = 1000}), *document);
    EXPECT_FALSE(normalise(*document, document->operations[0]).text.empty());
  }
}

}  // namespace
}  // namespace sluice::query::graphql
