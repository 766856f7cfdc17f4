#include "sluice/query/facts.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>

#include "query/functions_postgres.h"
#include "query/parser_postgres.h"

namespace sluice::query {
namespace {

using Names = std::vector<std::string>;

// "users.id= users.name $1:items.n": a slot each, = for equality, - for one without a column.
std::string slots_of(std::string_view text) {
  std::string line;
  for (const Slot& slot : parse_facts(text).slots) {
    if (!line.empty()) line += ' ';
    if (slot.parameter != 0) line += "$" + std::to_string(slot.parameter) + ":";
    line += slot.column.empty() ? "-" : slot.column;
    if (slot.equality) line += '=';
  }
  return line;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(FactsTest, tables_are_read_or_written) {
  const Facts facts = parse_facts(
      "INSERT INTO s.log (id) SELECT a.id FROM Users a JOIN \"Orders\" o ON o.id = a.id "
      "WHERE EXISTS (SELECT 1 FROM items)");
  EXPECT_EQ(facts.verb, Verb::insert);
  EXPECT_EQ(facts.reads, (Names{"Orders", "items", "users"}));
  EXPECT_EQ(facts.writes, (Names{"s.log"}));
}

TEST(FactsTest, common_table_expressions_are_no_tables_where_they_are_known) {
  const Facts facts = parse_facts(
      "WITH t AS (SELECT * FROM t), u AS (SELECT * FROM t) SELECT * FROM u, s.u, (SELECT * FROM t) "
      "x");
  EXPECT_EQ(facts.reads, (Names{"s.u", "t"}));  // inside its own WITH, t is the table
  EXPECT_EQ(
      parse_facts("WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t").reads,
      Names{});
  EXPECT_EQ(parse_facts("WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t").writes, Names{"t"});
}

TEST(FactsTest, what_ddl_is_about_is_written) {
  EXPECT_EQ(parse_facts("DROP TABLE a, s.b").writes, (Names{"a", "s.b"}));
  EXPECT_EQ(parse_facts("TRUNCATE a, b").writes, (Names{"a", "b"}));
  const Facts view = parse_facts("CREATE VIEW v AS SELECT * FROM t");
  EXPECT_EQ(view.writes, Names{"v"});
  EXPECT_EQ(view.reads, Names{"t"});
  const Facts table = parse_facts("CREATE TABLE t (a int REFERENCES u)");
  EXPECT_EQ(table.writes, Names{"t"});
  EXPECT_EQ(table.reads, Names{"u"});
  EXPECT_EQ(parse_facts("ALTER TABLE p ATTACH PARTITION q DEFAULT").writes, (Names{"p", "q"}));
  EXPECT_EQ(parse_facts("COPY t FROM STDIN").writes, Names{"t"});
  EXPECT_EQ(parse_facts("COPY t TO STDOUT").reads, Names{"t"});
}

TEST(FactsTest, slots_know_the_column_they_are_compared_with) {
  EXPECT_EQ(slots_of("SELECT * FROM users WHERE id = 1"), "users.id=");
  EXPECT_EQ(slots_of("SELECT * FROM users u WHERE 1 = u.id AND u.name <> 'x'"),
            "users.id= users.name");
  EXPECT_EQ(slots_of("SELECT * FROM a, b WHERE id = 1 AND b.x = 2"), "id= b.x=");
  EXPECT_EQ(slots_of("SELECT * FROM users WHERE id IN (1, $2, - 3) AND age BETWEEN 4 AND 5"),
            "users.id= $2:users.id= users.id= users.age users.age");
  EXPECT_EQ(slots_of("SELECT * FROM users WHERE id = $1::int AND lower(email) = 'x'"),
            "$1:users.id= users.email");
  EXPECT_EQ(slots_of("SELECT * FROM users WHERE born > now() - interval '5 days'"), "users.born");
  EXPECT_EQ(slots_of("SELECT * FROM t WHERE (a, b) = (1, 'x') OR (a, b) IN ((2, 'y'))"),
            "t.a= t.b= t.a= t.b=");
  EXPECT_EQ(slots_of("SELECT * FROM t WHERE a = ANY (ARRAY[1, 2]) AND b = ANY ($1)"),
            "t.a= t.a= $1:t.b");
  EXPECT_EQ(slots_of("SELECT a + 1 FROM t WHERE j ->> 'k' = 'v' AND n = N'x' AND b = -(-7)"),
            "- - t.j t.n= t.b=");
  EXPECT_EQ(slots_of("SELECT (SELECT x FROM u WHERE u.id = t.id AND y = 1) FROM t WHERE t.z = 2"),
            "u.y= t.z=");
  EXPECT_EQ(slots_of("SELECT 1 FROM (SELECT 2 AS id) s WHERE s.id = 3"), "- - id=");
}

TEST(FactsTest, slots_know_the_column_they_are_assigned_to) {
  EXPECT_EQ(slots_of("INSERT INTO users (id, name) VALUES (1, $1), (2, upper('x'))"),
            "users.id $1:users.name users.id users.name");
  EXPECT_EQ(slots_of("INSERT INTO users VALUES (1)"), "-");
  EXPECT_EQ(slots_of("INSERT INTO users (id, name) SELECT 1, 'x' FROM s WHERE s.k = 2"),
            "users.id users.name s.k=");
  EXPECT_EQ(
      slots_of("INSERT INTO s.t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2 WHERE c = 3"),
      "s.t.a s.t.b s.t.c=");
  EXPECT_EQ(slots_of("UPDATE users u SET name = 'x', (a, b) = (1, 2), n = n + 3 WHERE u.id = 4"),
            "users.name users.a users.b users.n users.id=");
  EXPECT_EQ(slots_of("UPDATE users SET password = crypt('x', gen_salt('bf'))"),
            "users.password users.password");
  EXPECT_EQ(slots_of("MERGE INTO t USING s ON t.id = s.id AND s.k = 1 WHEN MATCHED THEN UPDATE SET "
                     "a = 2 WHEN NOT MATCHED THEN INSERT (b, c) VALUES (3, 4)"),
            "s.k= t.a t.b t.c");
}

TEST(FactsTest, literals_that_stay_in_the_template_are_no_slots) {
  EXPECT_EQ(slots_of("SELECT 'x'::varchar(5) FROM t ORDER BY 1 LIMIT 10"), "-");
}

TEST(FactsTest, an_unknown_function_is_volatile) {
  const auto volatility = [](std::string_view text) { return parse_facts(text).volatility; };
  EXPECT_EQ(volatility("SELECT lower('x') || upper($1)"), Volatility::stable);
  EXPECT_EQ(volatility("SELECT lower('x'), 5::int8"), Volatility::immutable);
  EXPECT_EQ(volatility("SELECT now()"), Volatility::stable);
  EXPECT_EQ(volatility("SELECT CURRENT_DATE"), Volatility::stable);
  EXPECT_EQ(volatility("SELECT random()"), Volatility::volatile_);
  EXPECT_EQ(volatility("SELECT nextval('s')"), Volatility::volatile_);
  EXPECT_EQ(volatility("SELECT my.lower('x')"), Volatility::volatile_);
  EXPECT_EQ(volatility("SELECT 1 OPERATOR(my.+) 2"), Volatility::volatile_);
  EXPECT_EQ(volatility("SELECT a::my_type FROM t"), Volatility::volatile_);
  EXPECT_EQ(volatility("SELECT 'x'::mood"), Volatility::stable);
  EXPECT_EQ(volatility("SELECT * FROM t TABLESAMPLE SYSTEM (1)"), Volatility::volatile_);
  EXPECT_EQ(volatility("VACUUM"), Volatility::volatile_);
  EXPECT_EQ(parse_facts("SELECT f(1), pg_catalog.lower('x'), s.g(), count(*)").functions,
            (Names{"count", "f", "lower", "s.g"}));
}

TEST(FactsTest, shape_is_that_of_the_outermost_query) {
  const Facts plain = parse_facts("SELECT a FROM t WHERE b = 1 ORDER BY a LIMIT 5");
  EXPECT_TRUE(plain.where && plain.order_by && plain.limit && !plain.aggregate &&
              !plain.locks_rows);
  const Facts inner =
      parse_facts("SELECT a FROM (SELECT a FROM t WHERE b = 1 ORDER BY a LIMIT 5) x");
  EXPECT_FALSE(inner.where || inner.order_by || inner.limit);
  EXPECT_TRUE(parse_facts("SELECT count(*) FROM t").aggregate);
  EXPECT_TRUE(parse_facts("SELECT a, sum(b) FROM t GROUP BY a").aggregate);
  EXPECT_FALSE(parse_facts("SELECT sum(b) OVER () FROM t").aggregate);
  EXPECT_FALSE(parse_facts("SELECT (SELECT count(*) FROM u) FROM t").aggregate);
  EXPECT_TRUE(parse_facts("SELECT * FROM (SELECT * FROM t FOR SHARE) x").locks_rows);
  EXPECT_TRUE(parse_facts("DELETE FROM t WHERE a = 1").where);
  EXPECT_TRUE(parse_facts("EXPLAIN SELECT 1 FROM t WHERE a = 1").where);
  EXPECT_FALSE(parse_facts("SELECT 1 LIMIT ALL").limit);
}

TEST(FactsTest, key_is_a_lone_equality) {
  const auto key = [](std::string_view text) {
    const Facts facts = parse_facts(text);
    return facts.key_table + ':' + facts.key_column;
  };
  EXPECT_EQ(key("SELECT * FROM s.users WHERE id = 1"), "s.users:id");
  EXPECT_EQ(key("SELECT u.a, lower(u.b) FROM users u WHERE $1::int = u.id"), "users:id");
  for (const auto text :
       {"SELECT * FROM users WHERE id = 1 LIMIT 1", "SELECT count(*) FROM users WHERE id = 1",
        "SELECT * FROM users WHERE id = 1 AND a = 2", "SELECT * FROM users, t WHERE id = 1",
        "SELECT unnest(a) FROM users WHERE id = 1", "SELECT DISTINCT a FROM users WHERE id = 1",
        "SELECT f(a) FROM users WHERE id = 1", "SELECT * FROM users WHERE id > 1",
        "SELECT * FROM users WHERE id = 1 FOR UPDATE", "SELECT * FROM users WHERE id = other",
        "SELECT rank() OVER () FROM users WHERE id = 1",
        "SELECT 1; SELECT * FROM users WHERE id = 1",
        "WITH users AS (SELECT 1 AS id) SELECT * FROM users WHERE id = 1"}) {
    EXPECT_EQ(key(text), ":") << text;
  }
}

TEST(FactsTest, parameters_count_to_the_highest) {
  EXPECT_EQ(parse_facts("SELECT $2, $7, $3").parameters, 7u);
  EXPECT_EQ(slots_of("SELECT * FROM t WHERE a = $2 AND b = $1 AND c = $2"),
            "$2:t.a= $1:t.b= $2:t.c=");
}

TEST(FactsTest, what_cannot_be_parsed_has_a_reason_and_nothing_else) {
  const auto reason = [](std::string_view text) { return parse_facts(text).unanalysed; };
  EXPECT_EQ(reason("SELECT FROM WHERE"), "syntax error at or near \"WHERE\"");
  EXPECT_NE(reason("SELECT JSON_OBJECT('a': 1)"), "");  // PostgreSQL 16
  EXPECT_NE(reason("SELECT 'open"), "");
  EXPECT_EQ(reason(std::string("SELECT 1\0", 9)), "invalid character");
  EXPECT_EQ(parse_facts("SELECT 1, 2", Dialect::postgres, 10).unanalysed, "too long");
  const Facts failed = parse_facts("SELECT FROM WHERE");
  EXPECT_EQ(failed.verb, Verb::unknown);
  EXPECT_EQ(failed.volatility, Volatility::volatile_);
  const Facts mysql = parse_facts("select `a` from `t`", Dialect::mysql);
  EXPECT_EQ(mysql.unanalysed, "no parser for mysql yet");
  EXPECT_EQ(mysql.verb, Verb::select);
  EXPECT_EQ(parse_facts("").verb, Verb::empty);
}

// Every way to nest, on the smallest stack that is allowed.
struct Nested {
  std::string before, part, middle, behind, end;
  std::string text(std::size_t times) const {
    return before + repeated(part, times) + middle + repeated(behind, times) + end;
  }
};

const Nested kNested[] = {
    {"select ", "(", "1", ")", ""},
    {"select 1", "+1", "", "", ""},
    {"select 1", " union select 1, 2", "", "", ""},
    {"select a", " || b", "", "", ""},
    {"select 1", " and 1=1", "", "", ""},
    {"select ", "not ", "1", "", ""},
    {"select ", "- ", "1", "", ""},
    {"select ", "f(", "1", ")", ""},
    {"select ", "f(1, ", "1", ")", ""},
    {"select ", "exists (select ", "1", ")", ""},
    {"", "select * from (", "select 1", ") a", ""},
    {"select from a", " join b on 1=1", "", "", ""},
    {"select a", "::int", "", "", ""},
    {"select a", "[1]", "", "", ""},
    {"select ", "array[", "1", "]", ""},
    {"select ", "case when 1=1 then ", "1", " end", ""},
    {"", "with a as (", "select 1", ") select 1", ""},
    {"select a", " <#> b", "", "", ""},
};

TEST(FactsTest, depth_never_overflows_a_small_stack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t thread;
  const auto body = [](void*) -> void* {
    for (const Nested& nested : kNested) {
      for (const std::size_t times : {20, 40, 120, 1000, 2600, 7900, 12000}) {
        const std::string text = nested.text(times);
        const Facts facts = parse_facts(text, Dialect::postgres, std::size_t{1} << 20);
        if (times <= 40) {
          EXPECT_EQ(facts.unanalysed, "") << nested.part;
        }
        if (times == 12000) {
          EXPECT_EQ(facts.unanalysed, "too deep") << nested.part;
        }
      }
    }
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(FactsTest, long_lists_are_not_deep) {
  EXPECT_LT(depth_bound("SELECT " + repeated("a + 1, ", 5000) + "b"), 20u);
  EXPECT_EQ(parse_facts("SELECT * FROM t WHERE a IN (" + repeated("1, ", 5000) + "2)").unanalysed,
            "");
  EXPECT_EQ(
      parse_facts("INSERT INTO t VALUES " + repeated("(1, 'x'), ", 2000) + "(2, 'y')").unanalysed,
      "");
}

TEST(FactsTest, functions_are_known_by_name) {
  EXPECT_EQ(function_facts("lower").volatility, Volatility::immutable);
  EXPECT_EQ(function_facts("to_char").volatility, Volatility::stable);
  EXPECT_FALSE(function_facts("lowe").known());
  EXPECT_FALSE(function_facts("").known());
  EXPECT_TRUE(function_facts("count").aggregate);
  EXPECT_TRUE(function_facts("generate_series").rows);
  EXPECT_EQ(operator_volatility("~~"), Volatility::immutable);
  EXPECT_EQ(operator_volatility("<"), Volatility::stable);
  EXPECT_EQ(operator_volatility("<<<"), Volatility::volatile_);
}

// A letter for each literal: R replaceable, - not.
std::string replaceable(std::string_view text) {
  std::string line;
  for (const Slot& slot : parse_facts(text).slots) line += slot.replaceable ? 'R' : '-';
  return line;
}

TEST(FactsTest, compared_literals_are_replaceable) {
  EXPECT_EQ(replaceable("SELECT a FROM t WHERE b = 1 AND 'x' <> c AND NOT (d IS NULL OR e >= 2)"),
            "RRR");
  EXPECT_EQ(
      replaceable("SELECT a FROM t JOIN u ON t.i = u.i AND u.k = 1 GROUP BY a HAVING sum(b) > 2"),
      "RR");
  EXPECT_EQ(replaceable("SELECT a FROM t WHERE b IN (1, '2', -3) AND c NOT BETWEEN 4 AND '5'"),
            "RR-RR");
  EXPECT_EQ(replaceable(
                "WITH w AS (SELECT b FROM t WHERE c = 1) SELECT (SELECT max(b) FROM w WHERE "
                "d = 2) FROM w, (SELECT b FROM t WHERE e = 3) s UNION SELECT 4 FROM t WHERE f = 5"),
            "RRR-R");
  EXPECT_EQ(
      replaceable("SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d = 1) AND (e = 2) IS TRUE"),
      "RR");
  EXPECT_EQ(
      replaceable("SELECT a FROM t WHERE now() > '2' AND a[1] = 3 AND b::int = 4 AND c + 5 = 6"),
      "R--R-R");
}

TEST(FactsTest, literals_that_may_decide_more_are_not_replaceable) {
  for (const auto text : {"SELECT 1, a = 2 FROM t",
                          "SELECT a FROM t WHERE f(1)",
                          "SELECT a FROM t WHERE f(a = 1)",
                          "SELECT a FROM t WHERE b = 1 + c",
                          "SELECT a FROM t WHERE b = - 1",
                          "SELECT a FROM t WHERE b LIKE 'x' OR b ~ 'y'",
                          "SELECT a FROM t WHERE b = 'x'::text",
                          "SELECT a FROM t WHERE b = interval '1 day'",
                          "SELECT a FROM t WHERE (a, b) = (1, 2)",
                          "SELECT a FROM t WHERE b = ANY (ARRAY[1, 2])",
                          "SELECT a FROM t WHERE 1 = 2",
                          "SELECT a FROM t WHERE coalesce(b, 'x') = 'y'",
                          "SELECT a FROM t WHERE t.* = 'x'",
                          "SELECT a FROM t WHERE CASE WHEN b = 1 THEN true END",
                          "SELECT a FROM t WHERE b = B'1'",
                          "SELECT a FROM t WHERE b BETWEEN SYMMETRIC 1 AND 2",
                          "SELECT a FROM t WHERE b = N'x'",
                          "SELECT a FROM t WHERE b = 'x' COLLATE \"C\"",
                          "SELECT a FROM t WHERE b IS DISTINCT FROM 1",
                          "SELECT a FROM t WHERE b OPERATOR(own.=) 1",
                          "VALUES (1), ('x')",
                          "SELECT a FROM t GROUP BY b = 1 ORDER BY c = 2",
                          "SELECT count(*) FILTER (WHERE b = 1) FROM t",
                          "SELECT sum(a) OVER (PARTITION BY b = 1) FROM t",
                          "SELECT a FROM f(1), unnest('x')",
                          "UPDATE t SET a = 1 WHERE b = 2",
                          "INSERT INTO t SELECT a FROM u WHERE b = 1",
                          "SELECT a FROM t WHERE b = 1 FOR UPDATE",
                          "SELECT a FROM t WHERE b = 1; SELECT 2",
                          "SELECT a FROM t WHERE b = 1 AND c = $1"}) {
    EXPECT_FALSE(replaceable(text).contains('R')) << text;
  }
  // Copied before it is read.
  EXPECT_EQ(
      replaceable("SELECT a FROM t WHERE (SELECT b FROM u WHERE c = 'x') + d BETWEEN 1 AND 2"),
      "-RR");
}

TEST(FactsTest, what_is_preparable_is_one_select_and_has_no_parameters) {
  EXPECT_TRUE(parse_facts("SELECT a FROM t").preparable);
  EXPECT_TRUE(parse_facts("SELECT a FROM t UNION ALL SELECT 1 LIMIT 5;").preparable);
  for (const auto text : {"SELECT $1", "SELECT 1; SELECT 2", "EXPLAIN ANALYZE SELECT 1", "SHOW x",
                          "SELECT a FROM t WHERE a = NULL", "SELECT a FROM t FOR SHARE", ""}) {
    EXPECT_FALSE(parse_facts(text).preparable) << text;
  }
}

TEST(ExampleTest, slots_are_filled_and_kept_text_is_left_alone) {
  EXPECT_EQ(example_of("select ?, '?', b'?', x'?', n'?' from t limit 10"),
            "select 0, '', b'', x'', n'' from t limit 10");
  EXPECT_EQ(example_of("where j \\? '?' and j ?| $1 and j @? '?'"),
            "where j ? '' and j ?| $1 and j @? ''");
  EXPECT_EQ(example_of("select \"?\", \"a\"\"?\", E'\\'?', $q$?$q$, 'it''s ?', a?"),
            "select \"?\", \"a\"\"?\", E'\\'?', $q$?$q$, 'it''s ?', a0");
  EXPECT_EQ(example_of("select '?' uescape '!', '?'"), "select U&'' uescape '!', ''");
  for (const auto broken : {"'", "\"", "$a$", "e'\\", "\\", "?", "$", "b'", "'?", "\"\"\""}) {
    EXPECT_LE(example_of(broken).size(), 4u) << broken;  // ends
  }
}

}  // namespace
}  // namespace sluice::query
