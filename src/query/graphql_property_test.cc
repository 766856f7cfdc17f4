// Properties of the GraphQL parser over random documents, from a fixed seed: they parse, printing and
// parsing again gives the same, and only what is asked changes the shape.
#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "query/graphql_lexer.h"
#include "sluice/query/graphql.h"

namespace sluice::query::graphql {
namespace {

constexpr int kRounds = 2000;

// Makes documents as lists of tokens, so that what stands between tokens is free.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::vector<std::string> document() {
    tokens_.clear();
    fragments_ = below(4);
    const unsigned operations = 1 + below(3);
    if (operations == 1 && below(2) == 0) {
      if (below(2) == 0) put("query");
      selections(0);
    } else {
      for (unsigned i = 0; i < operations; ++i) operation("Op" + std::to_string(i));
    }
    for (first_ = 1; first_ <= fragments_; ++first_) {
      put("fragment", "F" + std::to_string(first_ - 1), "on", name());
      directives(false);
      selections(0);
    }
    first_ = 0;
    return tokens_;
  }

  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }

  // Blanks, commas, comments, byte order marks; at least one where two words would meet.
  std::string gap(bool needed) {
    constexpr std::string_view kGaps[] = {
        " ", "\n", "\t", "\r\n", ",", "# {a \"\"\" \xE2\x82\xAC\n", "\xEF\xBB\xBF"};
    std::string text;
    for (unsigned n = below(3) + (needed ? 1 : 0); n > 0; --n)
      text += kGaps[below(std::size(kGaps))];
    return text;
  }

  std::string literal(TokenKind kind) {
    const std::string number = (below(2) == 0 ? "-" : "") + std::to_string(below(1000));
    switch (kind) {
      case TokenKind::int_: return number;
      case TokenKind::float_: return number + (below(2) == 0 ? ".5" : "e-3");
      case TokenKind::string: {
        constexpr std::string_view kStrings[] = {R"("")", R"("{ a }")", R"("\"#,\u00e4\n")",
                                                 "\"\xF0\x9F\x98\x80\""};
        return std::string(kStrings[below(std::size(kStrings))]);
      }
      default: {
        constexpr std::string_view kBlocks[] = {R"("""""")", "\"\"\"\n  a\n \"b\" #\n\"\"\"",
                                                R"("""\""" {}""")"};
        return std::string(kBlocks[below(std::size(kBlocks))]);
      }
    }
  }

 private:
  template <class... Words>
  void put(const Words&... words) {
    (tokens_.emplace_back(words), ...);
  }

  std::string name() {
    constexpr std::string_view kNames[] = {"a",     "id",   "user",       "_x9",
                                           "query", "type", "__typename", "onward"};
    return std::string(kNames[below(std::size(kNames))]);
  }

  void operation(const std::string& called) {
    constexpr std::string_view kTypes[] = {"query", "mutation", "subscription"};
    put(kTypes[below(3)], called);
    if (below(2) == 0) {
      put("(");
      for (unsigned i = 0, n = 1 + below(3); i < n; ++i) {
        put("$", "v" + std::to_string(i), ":");
        type(0);
        if (below(2) == 0) {
          put("=");
          value(0, true);
        }
        directives(true);
      }
      put(")");
    }
    directives(false);
    selections(0);
  }

  void type(unsigned depth) {
    if (depth < 3 && below(3) == 0) {
      put("[");
      type(depth + 1);
      put("]");
    } else {
      put(name());
    }
    if (below(3) == 0) put("!");
  }

  void directives(bool constant) {
    while (below(4) == 0) {
      put("@", name());
      arguments(constant);
    }
  }

  void arguments(bool constant) {
    if (below(2) == 0) return;
    put("(");
    for (unsigned i = 0, n = 1 + below(3); i < n; ++i) {
      put("x" + std::to_string(i), ":");
      value(0, constant);
    }
    put(")");
  }

  void value(unsigned depth, bool constant) {
    switch (below(depth < 3 ? 10 : 8)) {
      case 0: return put(literal(TokenKind::int_));
      case 1: return put(literal(TokenKind::float_));
      case 2: return put(literal(TokenKind::string));
      case 3: return put(literal(TokenKind::block_string));
      case 4: return put("RED");
      case 5: return put("true");
      case 6: return put("null");
      case 7: return constant ? put("BLUE") : put("$", "v0");
      case 8:
        put("[");
        for (unsigned n = below(4); n > 0; --n) value(depth + 1, constant);
        return put("]");
      default:
        put("{");
        for (unsigned i = 0, n = below(3); i < n; ++i) {
          put("x" + std::to_string(i), ":");
          value(depth + 1, constant);
        }
        return put("}");
    }
  }

  void selections(unsigned depth) {
    put("{");
    for (unsigned n = 1 + below(4); n > 0; --n) selection(depth);
    put("}");
  }

  // A fragment spreads only those behind it.
  void selection(unsigned depth) {
    const unsigned kind = below(6);
    if (kind == 0 && first_ < fragments_) {
      put("...", "F" + std::to_string(first_ + below(fragments_ - first_)));
      directives(false);
    } else if (kind == 1 && depth < 4) {
      put("...");
      if (below(2) == 0) put("on", name());
      directives(false);
      selections(depth + 1);
    } else {
      if (below(3) == 0) put(name(), ":");
      put(name());
      arguments(false);
      directives(false);
      if (depth < 4 && below(3) == 0) selections(depth + 1);
    }
  }

  std::mt19937 random_;
  std::vector<std::string> tokens_;
  unsigned fragments_ = 0;
  unsigned first_ = 0;  // the first fragment that may be spread here
};

bool wordy(char c) {
  return c == '_' || c == '-' || c == '.' || (c >= '0' && c <= '9') || (c | 0x20) >= 'a';
}

std::string join(const std::vector<std::string>& tokens, Maker& maker) {
  std::string text;
  for (const std::string& token : tokens) {
    const bool strings = !text.empty() && text.back() == '"' && token.front() == '"';
    const bool words = !text.empty() && wordy(text.back()) && wordy(token.front());
    text += maker.gap(words || strings) + token;
  }
  return text + maker.gap(false);
}

std::vector<std::string> with_other_literals(std::vector<std::string> tokens, Maker& maker) {
  for (std::string& token : tokens) {
    const TokenKind kind = Lexer(token).next().kind;
    if (kind >= TokenKind::int_ && kind <= TokenKind::block_string) token = maker.literal(kind);
  }
  return tokens;
}

Document parsed(const std::string& text) {
  Result<Document> document = parse(text);
  EXPECT_TRUE(document.has_value()) << text << "\n" << document.error().text();
  return document ? std::move(*document) : Document{};
}

std::vector<Normalised> shapes(const Document& document) {
  std::vector<Normalised> all;
  all.reserve(document.operations.size());
  for (const Operation& o : document.operations) all.push_back(normalise(document, o));
  return all;
}

TEST(GraphqlPropertyTest, a_printed_document_is_the_same_document) {
  Maker maker(1);
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = join(maker.document(), maker);
    const Document document = parsed(text);
    ASSERT_FALSE(document.operations.empty()) << text;
    const std::string printed = print(document);
    const Document again = parsed(printed);
    ASSERT_EQ(again, document) << text << "\n" << printed;
    ASSERT_EQ(print(again), printed);
  }
}

TEST(GraphqlPropertyTest, what_stands_between_tokens_changes_nothing) {
  Maker maker(2);
  for (int i = 0; i < kRounds; ++i) {
    const std::vector<std::string> tokens = maker.document();
    const std::string one = join(tokens, maker);
    const std::string other = join(tokens, maker);
    const Document first = parsed(one);
    const Document second = parsed(other);
    ASSERT_EQ(first, second) << one << "\n" << other;
    const auto a = shapes(first);
    const auto b = shapes(second);
    for (std::size_t n = 0; n < a.size(); ++n) {
      ASSERT_EQ(a[n].text, b[n].text);
      ASSERT_EQ(a[n].fingerprint, b[n].fingerprint);
      ASSERT_EQ(a[n].exact, b[n].exact);
    }
  }
}

TEST(GraphqlPropertyTest, other_literals_have_the_same_shape_and_fill_the_same_slots) {
  Maker maker(3);
  int differ = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::vector<std::string> tokens = maker.document();
    const std::string one = join(tokens, maker);
    const std::string other = join(with_other_literals(tokens, maker), maker);
    const Document first = parsed(one);
    const Document second = parsed(other);
    const auto a = shapes(first);
    const auto b = shapes(second);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t n = 0; n < a.size(); ++n) {
      ASSERT_EQ(a[n].text, b[n].text) << one << "\n" << other;
      ASSERT_EQ(a[n].literals.size(), b[n].literals.size());
      ASSERT_EQ(a[n].exact == b[n].exact, a[n].literals == b[n].literals);
      differ += a[n].exact != b[n].exact ? 1 : 0;
    }
  }
  EXPECT_GT(differ, kRounds / 4);
}

TEST(GraphqlPropertyTest, a_damaged_document_is_an_error_or_a_document) {
  Maker maker(4);
  int errors = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::string text = join(maker.document(), maker);
    for (unsigned n = 1 + maker.below(3); n > 0 && !text.empty(); --n) {
      const unsigned at = maker.below(static_cast<unsigned>(text.size()));
      if (maker.below(2) == 0) {
        text.erase(at, 1 + maker.below(5));
      } else {
        text[at] = static_cast<char>(maker.below(256));
      }
    }
    const Result<Document> document = parse(text);
    if (document) {
      const std::string printed = print(*document);
      ASSERT_EQ(*parse(printed), *document) << text;
    } else {
      ++errors;
      ASSERT_NE(document.error().detail.find(": "), std::string::npos) << text;
    }
  }
  EXPECT_GT(errors, kRounds / 2);
}

}  // namespace
}  // namespace sluice::query::graphql
