// Three promises, held for every statement of a large corpus: the lexical reading and the parse tree agree
// on the verb; the facts have all tables and no others; and what a normalised text stands for is the
// statement it came from, but for the constants in its slots.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <gtest/gtest.h>
#include <pg_query.h>

#include "query/facts_postgres.h"
#include "query/lexer_postgres.h"
#include "query/statements_testing.h"
#include "query/tree_postgres.h"
#include "sluice/query/facts.h"

namespace sluice::query {
namespace {

std::optional<Tree> parsed(const std::string& text) {
  const PgQueryParseResult result = pg_query_parse(text.c_str());
  std::optional<Tree> tree;
  if (result.error == nullptr) tree = Tree::read(result.parse_tree);
  pg_query_free_parse_result(result);
  return tree;
}

// libpg_query doesn't know NOT LIKE when a comment stands between the two.
std::string without_comments(const std::string& text) {
  std::string blank(text.size(), ' ');
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    blank.replace(static_cast<std::size_t>(token.begin() - text.data()), token.size, token.text());
  }
  return blank;
}

std::optional<Tree> tree_of(const std::string& text) {
  auto tree = parsed(text);
  return tree ? std::move(tree) : parsed(without_comments(text));
}

const std::vector<std::string>& corpus() {
  static const std::vector<std::string> statements = [] {
    auto all = testing::written_statements();
    for (const std::string& text : testing::recorded_statements()) all.push_back(text);
    testing::StatementWriter writer(20240501);
    for (const std::size_t enough = all.size() + 3000; all.size() < enough;)
      all.push_back(writer.statement());
    return all;
  }();
  return statements;
}

// Every RangeVar of a tree, found without knowing any statement.
struct Tables {
  std::set<std::string> expressions;
  std::set<std::string> found;

  void name_expressions(const TreeNode& node) {
    if (node.name == "CommonTableExpr") expressions.emplace(node.text_of("ctename"));
    for (const TreeNode& child : children(node)) name_expressions(child);
  }
  void look(const TreeNode& node) {
    if (node.name == "lockingClause") return;  // aliases
    if (node.member("relname") != nullptr) {
      const std::string name(node.text_of("relname"));
      const std::string schema(node.text_of("schemaname"));
      const std::string database(node.text_of("catalogname"));
      const bool expression =
          node.name == "RangeVar" && schema.empty() && expressions.contains(name);
      if (!expression) {
        found.insert((database.empty() ? "" : database + ".") +
                     (schema.empty() ? "" : schema + ".") + name);
      }
    }
    if (node.name == "DropStmt") name_objects(node.text_of("removeType"), node.member("objects"));
    if (node.name == "CommentStmt" || node.name == "SecLabelStmt") {
      name_objects(node.text_of("objtype"), node.member("object"));
    }
    for (const TreeNode& child : children(node)) look(child);
  }
  // Lists of names are the other way to name a relation.
  void name_objects(std::string_view type, const TreeNode* objects) {
    static const std::map<std::string_view, std::size_t> kBehindTable = {
        {"OBJECT_TABLE", 0},  {"OBJECT_VIEW", 0},         {"OBJECT_MATVIEW", 0},
        {"OBJECT_INDEX", 0},  {"OBJECT_SEQUENCE", 0},     {"OBJECT_FOREIGN_TABLE", 0},
        {"OBJECT_COLUMN", 1}, {"OBJECT_TRIGGER", 1},      {"OBJECT_RULE", 1},
        {"OBJECT_POLICY", 1}, {"OBJECT_TABCONSTRAINT", 1}};
    const auto known = kBehindTable.find(type);
    if (known == kBehindTable.end() || objects == nullptr) return;
    const auto add = [&](const TreeNode& list) {
      const TreeNode* items = list.member("items");
      std::string name;
      std::size_t left = items->size() - known->second;
      for (const TreeNode& item : children(items)) {
        if (left-- == 0) break;
        name += (name.empty() ? "" : ".") + std::string(item.member("String")->text_of("sval"));
      }
      found.insert(name);
    };
    if (const TreeNode* single = objects->member("List")) return add(*single);
    for (const TreeNode& object : children(objects)) add(*object.member("List"));
  }
};

// A tree in one line, without places, and with a sign in place of what is a slot.
struct Canonical {
  std::set<std::int64_t> slots;
  std::string line;

  void write(const TreeNode& node) {
    using Kind = TreeNode::Kind;
    if (is_place(node)) return;
    line += node.name;
    if (options_ > 0 && is_value(node.name)) return void(line += "? ");
    if (node.name == "A_Const" && slots.contains(node.number_of("location", -1)))
      return write_slot(node);
    if (node.kind > Kind::list) {
      line += is_literal_field(node.name) ? "=?" : "=" + std::string(node.text);
      line += ' ';
      return;
    }
    line += node.kind == Kind::list ? "[" : "{";
    // (The server ignores the bounds of an array type.)
    if (node.name == "arrayBounds" || node.name == "DefElem" || node.name == "CreateEnumStmt" ||
        node.name == "CreateTrigStmt") {
      ++options_;
      for (const TreeNode& child : children(node)) write(child);
      --options_;
    } else {
      for (const TreeNode& child : children(node)) write(child);
    }
    line += node.kind == Kind::list ? "]" : "}";
  }

 private:
  // Below an option of a utility statement such a node may come from a literal.
  static bool is_value(std::string_view name) {
    return name == "String" || name == "Integer" || name == "Float";
  }
  static bool is_place(const TreeNode& node) {
    return node.kind == TreeNode::Kind::number &&
           (node.name.ends_with("location") || node.name == "stmt_len");
  }
  static bool is_literal_field(std::string_view name) {
    static const std::set<std::string_view> kFields = {"gid",
                                                       "payload",
                                                       "comment",
                                                       "label",
                                                       "filename",
                                                       "conninfo",
                                                       "location",
                                                       "servertype",
                                                       "version",
                                                       "newVal",
                                                       "oldVal",
                                                       "newValNeighbor",
                                                       "for_encoding_name",
                                                       "to_encoding_name",
                                                       "provider"};
    return kFields.contains(name);
  }
  void write_slot(const TreeNode& node) {
    for (const auto kind : {"sval", "bsval"}) {
      if (node.member(kind) != nullptr) return void(line += std::string("?") + kind);
    }
    line += node.member("isnull") != nullptr || node.member("boolval") != nullptr ? "no literal"
                                                                                  : "?number";
  }
  unsigned options_ = 0;
};

// Where the constants of a text's slots are in its tree: at the literal, or at the sign before it.
std::set<std::int64_t> constants(const std::string& text, const std::vector<std::int64_t>& slots) {
  std::set<std::int64_t> places;
  std::vector<std::int64_t> signs;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    const std::int64_t at = token.begin() - text.data();
    if (token.text() == "-") signs.push_back(at);
    if (token.text() == "-" || token.kind == TokenKind::open_paren) continue;
    if (std::ranges::find(slots, at) != slots.end()) {
      places.insert({at, at + 1});
      places.insert(signs.begin(), signs.end());
    }
    signs.clear();
  }
  return places;
}

std::string canonical(const std::string& text, const std::vector<std::int64_t>& slots) {
  const auto tree = tree_of(text);
  if (!tree) return "no tree";
  Canonical canonical;
  canonical.slots = constants(text, slots);
  canonical.write(*tree->root().member("stmts"));
  return canonical.line;
}

// Empty, or what is wrong.
std::string judge_meaning(const std::string& text) {
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text);
  if (seen.fault != nullptr) return seen.fault;
  const std::string normalised(seen.text);
  std::vector<std::int64_t> from, to;
  for (const Literal& literal : seen.literals) from.push_back(literal.at);
  const Example example = example_with_slots(normalised);
  for (const SlotPlace& slot : example.slots) {
    if (slot.parameter == 0) to.push_back(slot.at);
  }
  const std::string where = "\n  normalised: " + normalised + "\n  example: " + example.text;
  if (from.size() != to.size())
    return "slots: " + std::to_string(from.size()) + " and " + std::to_string(to.size()) + where;
  const std::string wanted = canonical(text, from);
  const std::string got = canonical(example.text, to);
  if (wanted != got) {
    const auto at = std::ranges::mismatch(wanted, got).in1 - wanted.begin();
    const std::size_t start = static_cast<std::size_t>(std::max<std::ptrdiff_t>(at - 60, 0));
    return "other tree: " + wanted.substr(start, 120) + "\n  and " +
           got.substr(std::min(start, got.size()), 120) + where;
  }
  const std::string again(normaliser.read(example.text).text);
  return again == normalised ? "" : "normalised again: " + again + where;
}

TEST(FactsCorpusTest, is_large_and_parses) {
  EXPECT_GE(testing::written_statements().size(), 850u);
  EXPECT_GE(testing::recorded_statements().size(), 300u);
  std::size_t parsed = 0;
  for (const std::string& text : corpus()) {
    const bool parses = tree_of(text).has_value();
    parsed += parses ? 1 : 0;
    EXPECT_TRUE(parses) << text;
  }
  EXPECT_GE(parsed, 3000u);
}

TEST(FactsCorpusTest, lexical_verb_is_the_verb_of_the_tree) {
  for (const std::string& text : corpus()) {
    const Facts facts = parse_facts(text);
    const Analysis seen = Analyzer().examine(text);
    EXPECT_EQ(name_of(seen.verb), name_of(facts.verb)) << text;
    EXPECT_EQ(seen.statements, facts.statements) << text;
  }
}

TEST(FactsCorpusTest, facts_have_all_tables_of_the_tree) {
  for (const std::string& text : corpus()) {
    const auto tree = tree_of(text);
    ASSERT_TRUE(tree) << text;
    Tables tables;
    tables.name_expressions(tree->root());
    tables.look(tree->root());
    const Facts facts = parse_facts(text);
    std::set<std::string> known(facts.reads.begin(), facts.reads.end());
    known.insert(facts.writes.begin(), facts.writes.end());
    EXPECT_EQ(known, tables.found) << text;
  }
}

TEST(FactsCorpusTest, normalised_text_means_the_statement_it_came_from) {
  for (const std::string& text : corpus()) {
    const std::string wrong = judge_meaning(text);
    EXPECT_TRUE(wrong.empty()) << text << "\n  " << wrong;
  }
}

TEST(FactsCorpusTest, facts_of_the_template_are_those_of_its_texts) {
  Normaliser normaliser;
  for (const std::string& text : corpus()) {
    const Facts of_text = parse_facts(text);
    const Facts of_template = facts_of(example_with_slots(normaliser.read(text).text));
    EXPECT_EQ(of_template.unanalysed, "") << text;
    EXPECT_EQ(of_template.verb, of_text.verb) << text;
    EXPECT_EQ(of_template.reads, of_text.reads) << text;
    EXPECT_EQ(of_template.writes, of_text.writes) << text;
    EXPECT_EQ(of_template.functions, of_text.functions) << text;
    EXPECT_EQ(of_template.volatility, of_text.volatility) << text;
    EXPECT_EQ(of_template.key_column, of_text.key_column) << text;
    ASSERT_EQ(of_template.slots.size(), of_text.slots.size()) << text;
    for (std::size_t i = 0; i < of_text.slots.size(); ++i) {
      EXPECT_EQ(of_template.slots[i].column, of_text.slots[i].column) << text << " slot " << i;
      EXPECT_EQ(of_template.slots[i].parameter, of_text.slots[i].parameter)
          << text << " slot " << i;
    }
  }
}

}  // namespace
}  // namespace sluice::query
