// Advice is read by people and pasted into programs: the tests hold whole sentences and statements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sluice/query/loops.h"

namespace sluice::query {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LoopAdviceTest : public testing::Test {
 protected:
  TemplateRef known(const char* text) {
    TemplateRef known = templates_.intern(normaliser_.read(text), text, Dialect::postgres, false);
    templates_.parse_queued();
    return known;
  }
  static Loop proven(std::string column, unsigned parameter = 1) {
    Loop loop;
    loop.kind = LoopKind::proven;
    loop.source_column = std::move(column);
    loop.parameter = parameter;
    loop.p50 = 20;
    loop.max = 48;
    return loop;
  }

  Normaliser normaliser_;
  Templates templates_;
};

TEST_F(LoopAdviceTest, a_lookup_by_one_column_takes_an_array) {
  const auto books = known("SELECT id, title FROM books WHERE author_id = $1");
  const auto authors = known("SELECT id FROM authors");
  const LoopAdvice advice = advice_for(proven("id"), books.get(), authors.get());
  EXPECT_EQ(advice.sql, "select author_id, id, title from books where author_id = any($1)");
  EXPECT_EQ(
      advice.sentence,
      "Each row of authors is followed by a query of books with the row's id (N+1), 20 to 48 "
      "statements each time. One query with all values would do: its condition takes an array. "
      "Or join them: FROM authors JOIN books ON books.author_id = authors.id.");
}

TEST_F(LoopAdviceTest, a_literal_becomes_the_array_too) {
  const auto books = known(
      "SELECT \"books\".\"id\", \"books\".\"author_id\" FROM \"books\" WHERE "
      "\"books\".\"author_id\" = 17");
  const LoopAdvice advice = advice_for(proven("id"), books.get(), nullptr);
  EXPECT_EQ(advice.sql,
            "select \"books\".\"id\", \"books\".\"author_id\" from \"books\" where "
            "\"books\".\"author_id\" = any($1)");
  EXPECT_EQ(advice.orm, "prefetch_related(\"...\")");
}

TEST_F(LoopAdviceTest, what_has_an_order_and_a_limit_keeps_them_for_each_value) {
  const auto newest =
      known("SELECT title FROM books WHERE price > $1 AND author_id = $2 ORDER BY id DESC LIMIT 3");
  const LoopAdvice advice = advice_for(proven("id", 2), newest.get(), nullptr);
  EXPECT_EQ(
      advice.sql,
      "select keys.value, found.* from unnest($2) with ordinality as keys(value, place) cross "
      "join lateral (select title from books where price > $1 and author_id = keys.value order "
      "by id desc limit 3) as found order by keys.place");
}

TEST_F(LoopAdviceTest, a_foreign_key_is_one_row) {
  const auto author = known(
      "SELECT \"authors\".\"id\", \"authors\".\"name\" FROM \"authors\" WHERE \"authors\".\"id\" = "
      "4 LIMIT 21");
  EXPECT_EQ(advice_for(proven("author_id"), author.get(), nullptr).orm, "select_related(\"...\")");
}

TEST_F(LoopAdviceTest, tags_name_the_framework) {
  const auto books = known("select * from books where author_id = $1");
  Loop loop = proven("id");
  EXPECT_THAT(advice_for(loop, books.get(), nullptr).orm, IsEmpty());
  for (const auto& [tags, hint] : std::vector<std::pair<std::string, std::string>>{
           {"controller=a,framework=django:4.2", "prefetch_related"},
           {"db_framework=SQLAlchemy:1.4", "selectinload"},
           {"framework=sequelize", "include"},
           {"framework=typeorm", "relations"},
           {"framework=prisma", "include"},
           {"framework=rails:7", "includes"},
           {"framework=hibernate", "@BatchSize"}}) {
    loop.callers.assign(1, {.caller = {.application = "x", .tags = tags}});
    EXPECT_THAT(advice_for(loop, books.get(), nullptr).orm, HasSubstr(hint)) << tags;
  }
}

TEST_F(LoopAdviceTest, style_names_the_framework_where_no_tag_does) {
  const auto hint = [&](const char* text) {
    return advice_for(proven("id"), known(text).get(), nullptr).orm;
  };
  EXPECT_THAT(hint("SELECT books.id AS books_id, books.title AS books_title FROM books WHERE 4 = "
                   "books.author_id"),
              HasSubstr("selectinload"));
  EXPECT_THAT(
      hint("SELECT \"id\", \"title\" FROM \"books\" AS \"book\" WHERE \"book\".\"author_id\" = 4"),
      HasSubstr("findAll"));
  EXPECT_THAT(hint("SELECT \"books\".* FROM \"books\" WHERE \"books\".\"author_id\" = $1"),
              HasSubstr("includes"));
  EXPECT_THAT(hint("SELECT \"public\".\"Book\".\"id\" FROM \"public\".\"Book\" WHERE "
                   "\"public\".\"Book\".\"authorId\" = $1"),
              HasSubstr("findMany"));
  EXPECT_THAT(hint("select b1_0.author_id,b1_0.id from book b1_0 where b1_0.author_id=?"),
              HasSubstr("JOIN FETCH"));
}

TEST_F(LoopAdviceTest, a_tree_wants_recursion_and_duplicates_a_memory) {
  const auto nodes = known("select id from nodes where parent = $1");
  Loop loop = proven("id");
  loop.kind = LoopKind::chained;
  EXPECT_THAT(advice_for(loop, nodes.get(), nodes.get()).sentence, HasSubstr("WITH RECURSIVE"));
  loop.kind = LoopKind::duplicate;
  EXPECT_THAT(advice_for(loop, nodes.get(), nullptr).sentence, HasSubstr("same values"));
  EXPECT_THAT(advice_for(loop, nodes.get(), nullptr).sql, IsEmpty());
}

TEST_F(LoopAdviceTest, templates_that_are_gone_leave_a_sentence) {
  for (const LoopKind kind : {LoopKind::proven, LoopKind::repeated, LoopKind::duplicate,
                              LoopKind::interleaved, LoopKind::chained}) {
    Loop loop = proven("id");
    loop.kind = kind;
    const LoopAdvice advice = advice_for(loop, nullptr, nullptr);
    EXPECT_THAT(advice.sentence, Not(IsEmpty()));
    EXPECT_THAT(advice.sql, IsEmpty());
  }
}

}  // namespace
}  // namespace sluice::query
