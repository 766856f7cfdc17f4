#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/query/graphql.h"

namespace sluice::query::graphql {
namespace {

using ::testing::ElementsAre;

// Of the first operation. The literals are views into `text`.
Normalised shape(std::string_view text) {
  const Result<Document> document = parse(text);
  EXPECT_TRUE(document.has_value()) << text << "\n" << document.error().text();
  return document ? normalise(*document, document->operations.at(0)) : Normalised{};
}

TEST(GraphqlNormaliseTest, literals_become_slots_by_kind) {
  const Normalised seen =
      shape(R"({a(i: 1, f: -1.5e3, s: "x", b: """y""", e: RED, t: true, n: null, v: $v)})");
  EXPECT_EQ(
      seen.text,
      "query { a(i: ?int, f: ?float, s: ?string, b: ?string, e: RED, t: true, n: null, v: $v) }");
  EXPECT_THAT(seen.literals, ElementsAre("1", "-1.5e3", "\"x\"", "\"\"\"y\"\"\""));
}

TEST(GraphqlNormaliseTest, a_list_of_literals_has_one_shape_whatever_its_length) {
  EXPECT_EQ(shape("{a(b: [1, 2, 3])}").text, "query { a(b: [?int]) }");
  EXPECT_EQ(shape("{a(b: [1])}").text, "query { a(b: [?int]) }");
  EXPECT_EQ(shape("{a(b: [])}").text, "query { a(b: []) }");
  EXPECT_EQ(shape("{a(b: [[1, 2], [3]])}").text, "query { a(b: [[?int]]) }");
  EXPECT_EQ(shape("{a(b: [{x: 1}, {x: 2}, {y: 3}])}").text,
            "query { a(b: [{x: ?int}, {y: ?int}]) }");
  EXPECT_EQ(shape("{a(b: [1, \"x\", 2, 2])}").text, "query { a(b: [?int, ?string, ?int]) }");
  EXPECT_EQ(shape("{a(b: [RED, RED, $v, $v, null])}").text,
            "query { a(b: [RED, RED, $v, $v, null]) }");
  EXPECT_THAT(shape("{a(b: [1, 2, 3])}").literals, ElementsAre("1", "2", "3"));
}

TEST(GraphqlNormaliseTest, commas_comments_and_blanks_change_nothing) {
  const Normalised tight =
      shape("query Q($a:[Int!]=[1],$b:B@d){x:a(b:$a,c:{d:2})@i(if:true){...on T{e}}}");
  const Normalised loose = shape(
      "# hot\n query\tQ ( $ a : [ Int ! ] = [ 1, ], $b : B @ d ) ,, {\r\n x : a ( b : $a c : { d : "
      "2 } )"
      " @i(if: true) { ... on T { e, }, } } # done");
  EXPECT_EQ(tight.text,
            "query Q($a: [Int!] = [?int], $b: B @d) { x: a(b: $a, c: {d: ?int}) @i(if: true) "
            "{ ... on T { e } } }");
  EXPECT_EQ(loose.text, tight.text);
  EXPECT_EQ(loose.fingerprint, tight.fingerprint);
  EXPECT_EQ(loose.exact, tight.exact);
}

TEST(GraphqlNormaliseTest, fragments_come_by_first_use_and_others_not_at_all) {
  const std::string_view expected =
      "query A { ...Z ...Y } fragment Z on T { ...X } fragment Y on T { y } fragment X on T { x }";
  EXPECT_EQ(
      shape("query A { ...Z ...Y } query B { ...W } fragment W on T { w } fragment X on T { x }"
            "fragment Y on T { y } fragment Z on T { ...X }")
          .text,
      expected);
  EXPECT_EQ(shape("fragment Z on T { ...X } fragment X on T { x } fragment Y on T { y }"
                  "query A { ...Z ...Y }")
                .text,
            expected);
}

TEST(GraphqlNormaliseTest, what_is_asked_decides_the_fingerprint_and_literals_only_the_exact_one) {
  const Normalised a = shape("{ user(id: 1) { name } }");
  const Normalised b = shape("{ user(id: 2) { name } }");
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_NE(a.exact, b.exact);
  for (const std::string_view other :
       {"{ user(id: \"1\") { name } }", "{ user(id: A) { name } }", "{ user(id: $v) { name } }",
        "{ user(id: 1) { name id } }", "{ x: user(id: 1) { name } }",
        "mutation { user(id: 1) { name } }", "query Q { user(id: 1) { name } }",
        "{ user(id: 1) @d { name } }", "{ user(uid: 1) { name } }"}) {
    EXPECT_NE(shape(other).fingerprint, a.fingerprint) << other;
    EXPECT_NE(shape(other).exact, a.exact) << other;
  }
  EXPECT_NE(shape("{ a b }").fingerprint, shape("{ b a }").fingerprint);
  EXPECT_NE(shape("{ a(x: [1, 2], y: [3]) }").exact, shape("{ a(x: [1], y: [2, 3]) }").exact);
}

// Stored by users: a change of this text is a change of the format.
TEST(GraphqlNormaliseTest, fingerprints_stay_what_they_are) {
  EXPECT_EQ(shape("{ user(id: 1) { name } }").text, "query { user(id: ?int) { name } }");
  const Fingerprint seen = shape("{ user(id: 1) { name } }").fingerprint;
  EXPECT_EQ(seen.high, 10555020603080196170U);
  EXPECT_EQ(seen.low, 15692235028256279597U);
}

TEST(GraphqlNormaliseTest, a_printed_document_is_all_of_it_in_one_line) {
  const Result<Document> document = parse(
      "fragment F on T @d { a } mutation M($v: I = {a: [1]}) @d(x: \"y\") { z: b(c: $v) ... { d } "
      "...F }");
  ASSERT_TRUE(document);
  EXPECT_EQ(print(*document),
            "mutation M($v: I = {a: [1]}) @d(x: \"y\") { z: b(c: $v) ... { d } ...F } "
            "fragment F on T @d { a }");
}

}  // namespace
}  // namespace sluice::query::graphql
