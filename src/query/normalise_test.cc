#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sluice/query/fingerprint.h"

namespace sluice::query {
namespace {

// The normalised text, or the fault in parentheses.
std::string normal(std::string_view text, Dialect dialect = Dialect::postgres) {
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text, dialect, dialect == Dialect::mysql);
  if (seen.fault != nullptr) return "(" + std::string(seen.fault) + ")";
  return std::string(seen.text);
}
std::string mysql(std::string_view text) { return normal(text, Dialect::mysql); }

// The literals of a text, a blank between them.
std::string literals(std::string_view text) {
  Normaliser normaliser;
  std::string row;
  for (const Literal& literal : normaliser.read(text).literals) {
    if (!row.empty()) row += ' ';
    row += literal.of(text);
  }
  return row;
}

TEST(NormaliserTest, what_does_not_matter_goes) {
  EXPECT_EQ(normal("SELECT * FROM t WHERE id = 42 -- hot"), "select * from t where id = ?");
  EXPECT_EQ(normal("  select\ta ,b\nfrom T/* c */where id=1and name='x' ; "),
            "select a, b from t where id = ? and name = '?'");
  EXPECT_EQ(normal(";;select 1;;select 2;;"), "select ?; select ?");
  EXPECT_EQ(normal(""), "");
  EXPECT_EQ(normal(" -- nothing"), "");
  EXPECT_EQ(normal(";"), "");
}

TEST(NormaliserTest, reads_like_sql) {
  EXPECT_EQ(normal("select count ( * ) , t . a :: text , x [ 1 : 2 ] from f ( ) t"),
            "select count(*), t.a::text, x[?:?] from f() t");
  EXPECT_EQ(normal("select(a+b)*c where x in(1,2)and not(y)"),
            "select (a + b) * c where x in (?, ?) and not (y)");
  EXPECT_EQ(normal("insert into T(A,\"B\")values(1,'a'),(-2,null)"),
            "insert into t(a, \"B\") values (?, '?'), (- ?, null)");
}

TEST(NormaliserTest, quoted_names_and_parameters_stay) {
  EXPECT_EQ(normal("select \"A b\"\"c\", U&\"d\", $1 from \"T\""),
            "select \"A b\"\"c\", U&\"d\", $1 from \"T\"");
}

TEST(NormaliserTest, a_slot_tells_the_kind_of_its_literal) {
  EXPECT_EQ(normal("select 1, .5, 1e3, 'a', E'b', $$c$$, U&'d', n'e', B'01', x'1F'"),
            "select ?, ?, ?, '?', '?', '?', '?', n'?', b'?', x'?'");
}

TEST(NormaliserTest, a_question_mark_is_no_slot) {
  EXPECT_EQ(normal("select a ? 'b', c ?| d, e ?& f, ? "), "select a \\? '?', c ?| d, e ?& f, \\?");
  EXPECT_NE(normal("select a ? b"), normal("select a 1 b"));
  EXPECT_NE(normal("select \"?\""), normal("select 'x'"));
  EXPECT_NE(normal("select 1"), normal("select '1'"));
}

TEST(NormaliserTest, tokens_that_would_merge_are_kept_apart) {
  EXPECT_EQ(normal("select a<-1, b- -2, c-(-3)"), "select a < - ?, b - - ?, c - (- ?)");
  EXPECT_EQ(normal("select 1 .a, a. 5, 1..2, x[1: :b]"), "select ? .a, a. ?, ? .. ?, x[?: :b]");
  EXPECT_EQ(normal("select u & 'x', e 'y', 'a' 'b'"), "select u & '?', e '?', '?' '?'");
  EXPECT_EQ(normal("select a : :: b"), "select a: ::b");
}

TEST(NormaliserTest, numbers_behind_limit_stay) {
  EXPECT_EQ(normal("select 1 limit 10 offset 20"), "select ? limit 10 offset 20");
  EXPECT_EQ(normal("select 1 limit (10) offset $1"), "select ? limit (10) offset $1");
  EXPECT_EQ(normal("select 1 fetch first 5 rows only"), "select ? fetch first 5 rows only");
  EXPECT_EQ(normal("select 1 offset 2 rows fetch next 5 rows only"),
            "select ? offset 2 rows fetch next 5 rows only");
  EXPECT_EQ(normal("select (select a limit 1), 5"), "select (select a limit 1), ?");
  EXPECT_EQ(normal("select t.limit, 5 from t where t.offset 5"),
            "select t.limit, ? from t where t.offset ?");
}

TEST(NormaliserTest, positions_in_order_by_and_group_by_stay) {
  EXPECT_EQ(normal("select a from t group by 1, 2 order by 1 desc, 2 nulls last, x + 3"),
            "select a from t group by 1, 2 order by 1 desc, 2 nulls last, x + ?");
  EXPECT_EQ(normal("select a from t order by 1 + 2, 3::text, 1.5, f(4, 5), 6"),
            "select a from t order by ? + ?, ?::text, 1.5, f(?, ?), 6");
  EXPECT_EQ(normal("select a from t group by (1), rollup(2, 3), grouping sets ((4), 5)"),
            "select a from t group by (1), rollup (2, 3), grouping sets ((4), 5)");
  EXPECT_EQ(normal("select a from t group by a union select b, 5"),
            "select a from t group by a union select b, ?");
  EXPECT_EQ(normal("select a from t order by (select x from y order by 1), 2, array[3, 4]"),
            "select a from t order by (select x from y order by 1), 2, array[?, ?]");
  EXPECT_EQ(normal("select f() over (partition by 1, 2 order by 3)"),
            "select f() over (partition by ?, ? order by 3)");
  EXPECT_EQ(normal("select a from t group by b having c in (1, 2) order by d"),
            "select a from t group by b having c in (?, ?) order by d");
}

TEST(NormaliserTest, type_modifiers_stay) {
  EXPECT_EQ(normal("select a::varchar(10), cast(b as numeric(10,2)), timestamp(3) 'x'"),
            "select a::varchar(10), cast(b as numeric(10, 2)), timestamp(3) '?'");
  EXPECT_EQ(normal("select a::public.vec(3), b::geometry(Point, 4326), c::int[3]"),
            "select a::public.vec(3), b::geometry(point, 4326), c::int[3]");
  EXPECT_EQ(normal("select '1' :: character varying (5), interval '1' second(3), interval(3) '1'"),
            "select '?'::character varying(5), interval '?' second(3), interval(3) '?'");
  EXPECT_EQ(normal("select current_timestamp(3), second(3), f(4)"),
            "select current_timestamp(3), second(?), f(?)");
  EXPECT_EQ(normal("with x as materialized (select a, 5 from b) select x.f(6)"),
            "with x as materialized (select a, ? from b) select x.f(?)");
}

TEST(NormaliserTest, of_utility_statements_only_strings_go) {
  EXPECT_EQ(normal("SET statement_timeout = 5000"), "set statement_timeout = 5000");
  EXPECT_EQ(normal("alter role x password 'secret' connection limit 5"),
            "alter role x password '?' connection limit 5");
  EXPECT_EQ(normal("create table t (a varchar(10) default 5 check (a > 3))"),
            "create table t(a varchar(10) default 5 check (a > 3))");
  EXPECT_EQ(normal("fetch 10 from c; select 5"), "fetch 10 from c; select ?");
  EXPECT_EQ(normal("explain select 5"), "explain select ?");
  EXPECT_EQ(normal("execute p(5, 'x')"), "execute p(?, '?')");
  EXPECT_EQ(normal("(select 5)"), "(select ?)");
}

TEST(NormaliserTest, literals_are_where_they_stand) {
  EXPECT_EQ(literals("select 1,'it''s' , E'\\'' limit 5"), "1 'it''s' E'\\''");
  EXPECT_EQ(literals("select x order by 1, 2 + 3, 4"), "2 3");
  EXPECT_EQ(literals("select 'a'\n'b', b'1', $q$;$q$"), "'a'\n'b' b'1' $q$;$q$");
}

TEST(NormaliserTest, the_last_comment_and_the_parameters_are_told) {
  Normaliser normaliser;
  EXPECT_EQ(normaliser.read("/* a */ select $2, $1 /* c='d' */ -- e").comment, " c='d' ");
  EXPECT_EQ(normaliser.read("select $2, $1, $11").parameters, 11U);
  EXPECT_EQ(normaliser.read("select $99999999999999999999").parameters, 65535U);
  EXPECT_EQ(normaliser.read("select /* /* x */ */ 1").comment, " /* x */ ");
  EXPECT_EQ(normaliser.read("select 1").comment, "");
  EXPECT_EQ(normaliser.read("select ?, ?", Dialect::mysql).parameters, 2U);
}

TEST(NormaliserTest, a_reading_leaves_nothing_to_the_next) {
  Normaliser normaliser;
  normaliser.read("select 'a', $5 /* x */");
  EXPECT_EQ(normaliser.read("'").literals.size(), 0U);
  const Normalised& seen = normaliser.read("select a");
  EXPECT_EQ(seen.text, "select a");
  EXPECT_EQ(seen.fault, nullptr);
  EXPECT_EQ(seen.fingerprint, fingerprint_of("select a", Dialect::postgres));
  EXPECT_TRUE(seen.literals.empty());
  EXPECT_TRUE(seen.comment.empty());
  EXPECT_EQ(seen.parameters, 0U);
}

TEST(NormaliserMysqlTest, speaks_its_dialect) {
  EXPECT_EQ(mysql("SELECT `A`, \"s\", 'it\\'s', 0x1F, 0b1, N'x', _utf8'y', \\N FROM T # c"),
            "select `A`, '?', '?', x'?', b'?', n'?', _utf8 '?', \\N from t");
  EXPECT_EQ(mysql("select @V:=1, @@Global.x, a->'$.x', b->>'$.y' where c<=>? && d || e"),
            "select @v := ?, @@global.x, a -> '?', b ->> '?' where c <=> \\? && d || e");
  EXPECT_EQ(mysql("select 5--3, t.1a, 1e5 -- x"), "select ? - - ?, t.1a, ?");
  EXPECT_EQ(mysql("select 'a' \"b\", {d '2020-01-01'}"), "select '?' '?', {d '?'}");
}

TEST(NormaliserMysqlTest, hints_and_version_comments_stay) {
  EXPECT_EQ(mysql("select /*+ MAX_EXECUTION_TIME(1000) */ /*!40001 SQL_NO_CACHE*/ a /* b */"),
            "select /*+ MAX_EXECUTION_TIME(1000) */ /*!40001 sql_no_cache */ a");
  EXPECT_NE(mysql("select /*+ a */ 1"), mysql("select /*+ b */ 1"));
}

TEST(NormaliserMysqlTest, what_a_number_decides_stays) {
  EXPECT_EQ(mysql("select a from t order by 1, field(a, 3, 4) limit 5, 10"),
            "select a from t order by 1, field(a, ?, ?) limit 5, 10");
  EXPECT_EQ(mysql("select a limit ?, 10"), "select a limit \\?, 10");
  EXPECT_EQ(mysql("select cast(x as char(10)), convert(x, decimal(10,2)), convert(x, char(5))"),
            "select cast(x as char(10)), convert(x, decimal(10, 2)), convert(x, char(5))");
  EXPECT_EQ(mysql("select char(65, 66), interval(5, 1, 10)"),
            "select char(?, ?), interval(?, ?, ?)");
  EXPECT_EQ(mysql("create user 'u'@'h' identified by 'secret' with max_user_connections 5"),
            "create user '?' @ '?' identified by '?' with max_user_connections 5");
}

TEST(NormaliserHostileTest, a_text_without_its_end_has_no_fingerprint) {
  for (const std::string_view text :
       {"select 'a", "select \"a", "select $a$ b $c$", "E'\\", "'a'\n'"}) {
    EXPECT_EQ(normal(text), "(unterminated string)") << text;
  }
  EXPECT_EQ(normal("select /* a"), "(unterminated comment)");
  EXPECT_EQ(mysql("select `a"), "(unterminated string)");
  EXPECT_EQ(mysql("select /*! a"), "(unterminated comment)");
  EXPECT_EQ(mysql("select /*+ a"), "(unterminated comment)");
}

TEST(NormaliserHostileTest, a_view_of_nothing_is_an_empty_text) {
  EXPECT_EQ(normal(std::string_view()), "");
  EXPECT_EQ(mysql(std::string_view()), "");
}

TEST(NormaliserHostileTest, bytes_that_are_no_text_have_no_fingerprint) {
  using namespace std::string_view_literals;
  EXPECT_EQ(normal("select \x01"), "(invalid character)");
  EXPECT_EQ(normal("select a\\b"), "(invalid character)");
  EXPECT_EQ(normal("select '\0'"sv), "(invalid character)");
  EXPECT_EQ(normal("select 'abcdefgh' from thisone where a = '\0'"sv), "(invalid character)");
  EXPECT_EQ(mysql("select /* \0 */ 1"sv), "(invalid character)");
  for (const std::string_view bytes :
       {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xc3", "\xf4\x90\x80\x80",
        "\xf0\x80\x80\x80", "\x80", "\xe2\x82"}) {
    EXPECT_EQ(normal("select '" + std::string(bytes) + "'"), "(not UTF-8)");
  }
  EXPECT_EQ(normal("select \xc3\xa4, '\xe2\x82\xac', \"\xf0\x9f\x98\x80\""),
            "select \xc3\xa4, '?', \"\xf0\x9f\x98\x80\"");
}

TEST(NormaliserHostileTest, a_text_beyond_the_cap_is_not_read) {
  const std::string most(Normaliser::kMaxText, 'a');
  EXPECT_EQ(normal(most), most);
  EXPECT_EQ(normal(most + "a"), "(too long)");
  const std::string huge(10 << 20, '\'');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(normal(huge), "(too long)");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

// Each fills the cap; quadratic would be seconds. The longest possible output must fit as well.
TEST(NormaliserHostileTest, bombs_take_linear_time) {
  Normaliser normaliser;
  for (const Dialect dialect : {Dialect::postgres, Dialect::mysql}) {
    for (const std::string_view piece :
         {"/*",  "*/",   "/*/**/", "'",     "''",         "' ",      "$a$",   "$$",   "$a",
          "(",   "((1,", "[",      ")",     "order by (", "1,",      "1+",    "? ",   "?",
          "+-",  "::",   ":",      ": :",   ". ",         "..",      "a.1",   "--\n", "-- ",
          "#\n", "@",    "@'a'",   "/*!*/", "/*!",        "/*+*/",   "E'\\'", "\"\"", "``",
          "1 .", ";",    ";a",     "a;",    "limit 1,",   "x::a(1,", "\\N",   "b'' ", "n'' "}) {
      std::string bomb;
      while (bomb.size() + piece.size() <= Normaliser::kMaxText) bomb += piece;
      const auto start = std::chrono::steady_clock::now();
      const Normalised& seen = normaliser.read(bomb, dialect, dialect == Dialect::mysql);
      EXPECT_LE(seen.text.size(), 3 * bomb.size()) << piece;
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2)) << piece;
    }
  }
}

TEST(NormaliserHostileTest, comments_nest_as_deep_as_they_like) {
  std::string text = "select 1 ";
  for (int i = 0; i < 15000; ++i) text += "/*";
  EXPECT_EQ(normal(text), "(unterminated comment)");
  for (int i = 0; i < 15000; ++i) text += "*/";
  EXPECT_EQ(normal(text), "select ?");
}

}  // namespace
}  // namespace sluice::query
