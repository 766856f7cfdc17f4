// Properties of the GraphQL parser over pieces in any order, where failures shrink to the few that matter.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "query/graphql_lexer.h"
#include "sluice/query/graphql.h"

namespace sluice::query::graphql {
namespace {

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& p : pieces) text.append(p).append(" ");
  return text;
}

// Pieces of the grammar in any order: mostly errors.
std::string soup() {
  const auto piece = rc::gen::element<std::string>(
      "{ a }", "{ a }", "{", "}", "a", "b: a", "(x: 1)", "(x: [1 2], y: \"s\")", "(x: {z: $v})",
      "@d", "...F", "... {", "... on T {", "fragment F on T { a }", "fragment G on T { ...F }",
      "query", "query A", "mutation B", "($v: [I!] = [1])", "...", "\"\"\"s\"\"\"", "# c\n", ",",
      "type");
  return joined(*rc::gen::container<std::vector<std::string>>(piece));
}

// Definitions in order, selections in any: an error only where a fragment is missing.
std::string sorted_soup() {
  struct Head {
    std::string_view text, spread;
  };
  std::string text;
  for (const Head& head : {Head{"query A($v: [I!] = [1])", "...F"}, Head{"mutation B", "...G"},
                           Head{"fragment F on T", "... on T @d { a ...G }"},
                           Head{"fragment G on T @d", "... { b }"}}) {
    if (*rc::gen::inRange(0, 8) == 0) continue;
    const auto selection = rc::gen::element<std::string>(
        "a", "b: a(x: 1, y: [2, 3, \"s\"])", "c(z: {x: $v, y: [{w: 1.5}, {w: 2.5}]}) @d { a }",
        "# {\n,", "d { e { f: f } }", std::string(head.spread));
    text.append(head.text).append(" { __typename ");
    text += joined(*rc::gen::container<std::vector<std::string>>(selection)) + "}";
  }
  return text;
}

// The text from "line:column" at the front of an error on; the soup is ASCII.
std::string_view from_place(std::string_view text, const std::string& error) {
  const auto line = std::stoul(error);
  const auto column = std::stoul(error.substr(error.find(':') + 1));
  for (unsigned long n = 1; n < line; ++n) text.remove_prefix(text.find('\n') + 1);
  return text.substr(column - 1);
}

TEST(GraphqlSoupTest, what_is_read_is_written_and_read_again) {
  int documents = 0;
  EXPECT_TRUE(rc::check([&] {
    const std::string text = sorted_soup();
    const Result<Document> document = parse(text);
    if (!document) return;
    ++documents;
    const std::string printed = print(*document);
    const Result<Document> again = parse(printed);
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == *document);
    for (std::size_t i = 0; i < document->operations.size(); ++i) {
      const Normalised one = normalise(*document, document->operations[i]);
      const Normalised other = normalise(*again, again->operations[i]);
      RC_ASSERT(one.text == other.text);
      RC_ASSERT(one.literals == other.literals);
    }
  }));
  EXPECT_GT(documents, 20);  // of 100
}

TEST(GraphqlSoupTest, what_an_error_says_was_found_stands_where_it_says) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = soup();
    const Result<Document> document = parse(text);
    if (document) return;
    const std::string& error = document.error().detail;
    const std::string_view rest = from_place(text, error);
    const Token found = Lexer(rest).next();
    RC_ASSERT(found.text.data() == rest.data() || found.kind == TokenKind::end);
    if (error.find(", found ") != std::string::npos) {
      RC_ASSERT(error.find(", found " + describe(found)) != std::string::npos);
    }
  }));
}

}  // namespace
}  // namespace sluice::query::graphql
