#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "query/analyzer_testing.h"
#include "query/lexer_postgres.h"
#include "query/statements_testing.h"
#include "sluice/query/facts.h"

namespace sluice::query {
namespace {

TemplateRef intern(Templates& templates, std::string_view text, bool backslash_escapes = false) {
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text, Dialect::postgres, backslash_escapes);
  if (seen.fault != nullptr) return nullptr;
  return templates.intern(seen, text, Dialect::postgres, backslash_escapes);
}

TEST(TemplatesTest, texts_that_differ_in_literals_share_a_template) {
  Templates templates;
  const TemplateRef one = intern(templates, "SELECT * FROM t WHERE id = 1");
  const TemplateRef other = intern(templates, "select *  from T where id = 25 /* x */");
  EXPECT_EQ(one, other);
  EXPECT_EQ(one->text(), "select * from t where id = ?");
  EXPECT_EQ(templates.find(one->fingerprint()), one);
  EXPECT_NE(intern(templates, "SELECT * FROM u WHERE id = 1"), one);
  EXPECT_EQ(templates.counts().interned, 3u);
}

TEST(TemplatesTest, a_template_lives_as_long_as_somebody_holds_it) {
  Templates templates;
  TemplateRef held = intern(templates, "SELECT 1");
  const Fingerprint fingerprint = held->fingerprint();
  EXPECT_EQ(templates.counts().templates, 1u);
  held.reset();
  EXPECT_EQ(templates.find(fingerprint), nullptr);
  EXPECT_EQ(templates.counts().templates, 0u);
  EXPECT_EQ(templates.parse_queued(), 1u);  // of nobody's any more: nothing to parse
  EXPECT_EQ(templates.counts().parsed, 0u);
}

TEST(TemplatesTest, facts_come_with_parsing) {
  Templates templates;
  const TemplateRef one = intern(templates, "UPDATE users SET name = 'x' WHERE id = 1");
  const TemplateRef wrong = intern(templates, "UPDATE users SET WHERE");
  EXPECT_EQ(one->facts(), nullptr);
  EXPECT_EQ(templates.counts().queued, 2u);
  EXPECT_EQ(templates.parse_queued(1), 1u);
  ASSERT_NE(one->facts(), nullptr);
  EXPECT_EQ(one->facts()->writes, std::vector<std::string>{"users"});
  ASSERT_EQ(one->facts()->slots.size(), 2u);
  EXPECT_EQ(one->facts()->slots[1].column, "users.id");
  EXPECT_EQ(wrong->facts(), nullptr);
  EXPECT_EQ(templates.parse_queued(), 1u);
  EXPECT_NE(wrong->facts()->unanalysed, "");
  EXPECT_EQ(templates.counts().parsed, 1u);
  EXPECT_EQ(templates.counts().unanalysed, 1u);
}

TEST(TemplatesTest, a_full_queue_leaves_new_ones_unanalysed) {
  Templates templates;
  std::vector<TemplateRef> held;
  for (std::size_t i = 0; i <= Templates::kMaxQueued; ++i) {
    held.push_back(intern(templates, "SELECT a FROM t" + std::to_string(i)));
  }
  EXPECT_EQ(templates.counts().queued, Templates::kMaxQueued);
  EXPECT_EQ(held.front()->facts(), nullptr);
  ASSERT_NE(held.back()->facts(), nullptr);
  EXPECT_EQ(held.back()->facts()->unanalysed, "too many new statements");
  const TemplateRef restored = templates.restore("select b from u where c = ?", Dialect::postgres);
  ASSERT_NE(restored->facts(), nullptr);
  EXPECT_EQ(restored->facts()->reads, std::vector<std::string>{"u"});
}

TEST(TemplatesTest, a_restored_template_is_the_one_that_texts_have) {
  Templates templates;
  const TemplateRef restored = templates.restore("select * from t where id = ?", Dialect::postgres);
  EXPECT_EQ(intern(templates, "SELECT * FROM t WHERE id = 5"), restored);
  EXPECT_EQ(templates.restore("select * from t where id = ?", Dialect::postgres), restored);
  EXPECT_NE(restored->analysis(), nullptr);
  EXPECT_EQ(templates.restore("set a = ?", Dialect::postgres)->analysis(), nullptr);
}

TEST(TemplatesTest, texts_of_equal_fingerprints_are_told_apart) {
  Templates templates;
  const Fingerprint same{.high = 1, .low = 2};
  const Normalised a{.text = "select a", .fingerprint = same, .literals = {}, .comment = {}};
  const Normalised b{.text = "select b", .fingerprint = same, .literals = {}, .comment = {}};
  const TemplateRef first = templates.intern(a, "select a", Dialect::postgres, false);
  const TemplateRef second = templates.intern(b, "select b", Dialect::postgres, false);
  EXPECT_EQ(second->text(), "select b");
  EXPECT_EQ(templates.find(same), first);
  EXPECT_EQ(templates.intern(a, "select a", Dialect::postgres, false), first);
  const TemplateRef mysql = templates.intern(a, "select a", Dialect::mysql, false);
  EXPECT_EQ(mysql->dialect(), Dialect::mysql);
  EXPECT_EQ(mysql->analysis(), nullptr);
}

TEST(TemplatesTest, tables_of_what_nobody_holds_stay_small) {
  Templates templates;
  std::vector<TemplateRef> held;
  for (int i = 0; i < 20000; ++i) {
    TemplateRef one = intern(templates, "SELECT c" + std::to_string(i));
    if (i % 100 == 0) held.push_back(std::move(one));
    if (i % 1000 == 0) templates.parse_queued(SIZE_MAX);
  }
  EXPECT_EQ(templates.counts().templates, held.size());
  for (const TemplateRef& one : held) EXPECT_EQ(templates.find(one->fingerprint()), one);
}

TEST(TemplatesTest, threads_get_the_same_templates) {
  Templates templates;
  std::vector<std::set<TemplateRef>> seen(4);
  std::atomic<bool> done = false;
  std::thread parser([&] {
    while (!done) templates.parse_queued();
  });
  {
    std::vector<std::jthread> threads;
    for (auto& mine : seen) {
      threads.emplace_back([&templates, &mine] {
        for (int i = 0; i < 4000; ++i) {
          mine.insert(
              intern(templates, "SELECT a FROM t" + std::to_string(i % 200) + " WHERE id = 7"));
        }
      });
    }
  }
  done = true;
  parser.join();
  templates.parse_queued(SIZE_MAX);
  for (const auto& mine : seen) EXPECT_EQ(mine, seen[0]);
  EXPECT_EQ(seen[0].size(), 200u);
  for (const TemplateRef& one : seen[0]) EXPECT_EQ(one->facts()->unanalysed, "");
  EXPECT_EQ(templates.counts().parsed, 200u);
}

// What Analysis says, its views into the text as text.
std::string described(std::string_view text, bool backslash_escapes) {
  return testing::describe(Analyzer().examine(text, backslash_escapes));
}

// The text with other literals of the same kinds.
std::string with_other_literals(std::string_view text, std::span<const Literal> literals,
                                testing::StatementWriter& writer) {
  constexpr std::string_view kTricky[] = {"'set_config'", "'x; begin'",        "''",
                                          "'it''s'",      "'search_path'",     "'pg_temp'",
                                          "'true'",       "'-- /* $1 select'", "'insert into'"};
  std::string other;
  std::size_t from = 0;
  for (const Literal& literal : literals) {
    other += text.substr(from, literal.at - from);
    switch (literal.kind) {
      case Literal::Kind::number: other += std::to_string(writer.pick(1000)); break;
      case Literal::Kind::string: other += kTricky[writer.pick(std::size(kTricky))]; break;
      case Literal::Kind::bits: other += "b'1'"; break;
      case Literal::Kind::hex: other += "x'e'"; break;
      case Literal::Kind::national: other += "n'y'"; break;
    }
    from = literal.at + literal.size;
  }
  return other + std::string(text.substr(from));
}

const std::vector<std::string>& texts() {
  static const std::vector<std::string> texts = [] {
    auto all = testing::written_statements();
    testing::StatementWriter writer(7);
    while (all.size() < 2000) all.push_back(writer.statement());
    for (const auto more :
         {"SELECT set_config('a.b', 'x', true)", "SELECT set_config('a.b', 'x', false), 5",
          "SELECT set_config('role', 'x', false) FROM t", "SELECT set_config($1, 'x', false)",
          "SELECT pg_advisory_lock(5)", "SELECT currval('s')",
          "INSERT INTO t VALUES (set_config('a', 'b', 'f'))",
          "UPDATE pg_settings SET setting = 'x' WHERE name = 'y'", "DO 'BEGIN LISTEN x; END'",
          "SELECT 1; SELECT 2", "SELECT U&\"d\\0061ta\" FROM t WHERE a = 1", "DEALLOCATE a",
          "DEALLOCATE \"A\""}) {
      all.emplace_back(more);
    }
    return all;
  }();
  return texts;
}

TEST(TemplatesTest, analysis_of_a_template_is_that_of_each_of_its_texts) {
  testing::StatementWriter writer(99);
  Normaliser normaliser;
  std::size_t with_analysis = 0, compared = 0;
  for (const std::string& text : texts()) {
    Templates templates;
    const Normalised& seen = normaliser.read(text);
    ASSERT_EQ(seen.fault, nullptr) << text;
    const std::vector<Literal> literals(seen.literals.begin(), seen.literals.end());
    const TemplateRef known = templates.intern(seen, text, Dialect::postgres, false);
    if (known->analysis() == nullptr) continue;
    ++with_analysis;
    const std::string expected = testing::describe(*known->analysis());
    EXPECT_EQ(described(text, false), expected) << text;
    EXPECT_EQ(described(example_of(known->text()), false), expected) << text;
    for (int i = 0; i < 8; ++i) {
      const std::string other = with_other_literals(text, literals, writer);
      const TemplateRef same = intern(templates, other);
      ASSERT_NE(same, nullptr) << other;
      if (same->text() != known->text()) continue;  // a literal in a place where it counts
      EXPECT_EQ(described(other, false), expected) << other;
      compared += literals.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(with_analysis, texts().size() / 2);
  EXPECT_GT(compared, texts().size() * 4);
}

TEST(TemplatesTest, analysis_is_missing_where_literals_count) {
  Templates templates;
  for (const auto text :
       {"SET a = 5", "SELECT set_config('a', 'b', true)", "SELECT set_config($1, 'b', false), 5",
        "SELECT 1; SELECT 2", "DEALLOCATE a",
        "UPDATE pg_settings SET setting = 'x' WHERE name = 'y'"}) {
    EXPECT_EQ(intern(templates, text)->analysis(), nullptr) << text;
  }
  for (const auto text : {"SELECT 1", "INSERT INTO t VALUES (1, 'x')", "BEGIN", "LISTEN x",
                          "COMMIT", "SELECT pg_advisory_lock(5)", "CREATE TEMP TABLE t (a int)"}) {
    EXPECT_NE(intern(templates, text)->analysis(), nullptr) << text;
  }
}

// A zero byte leaves a text unanalysed wherever it stands; it must not hide in a literal of a template.
TEST(TemplatesTest, no_template_has_texts_with_zero_bytes) {
  Normaliser normaliser;
  EXPECT_NE(normaliser.read(std::string_view("SELECT 'a\0b'", 12)).fault, nullptr);
  EXPECT_NE(normaliser.read(std::string_view("SELECT 1 /*\0*/", 14)).fault, nullptr);
}

}  // namespace
}  // namespace sluice::query
