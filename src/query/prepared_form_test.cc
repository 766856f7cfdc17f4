#include "sluice/query/prepared_form.h"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "query/facts_postgres.h"
#include "query/lexer_postgres.h"
#include "query/statements_testing.h"
#include "query/value_types.h"

namespace sluice::query {
namespace {

const bool kSeeded = ::setenv("RC_PARAMS", "seed=1 max_success=500", 0) == 0;

constexpr std::uint32_t kString = 0;

// What a gateway knows of a text: its literals, and the facts of its template.
struct Known {
  explicit Known(std::string_view text, bool backslash_escapes = false) {
    const Normalised& seen = normaliser.read(text, Dialect::postgres, backslash_escapes);
    literals = seen.literals;
    if (seen.fault == nullptr) facts = facts_of(example_with_slots(seen.text));
  }
  Normaliser normaliser;
  std::span<const Literal> literals;
  Facts facts;
};

std::vector<std::uint32_t> types_of(const PreparedForm& form) {
  std::vector<std::uint32_t> types;
  for (std::size_t at = 0; at + 4 <= form.types.size(); at += 4) {
    types.push_back(static_cast<std::uint32_t>(big_endian(form.types.substr(at, 4))));
  }
  return types;
}

std::string name_of_type(std::uint32_t type) {
  switch (type) {
    case kString: return "string";
    case type::kInt4: return "int4";
    case type::kInt8: return "int8";
    case type::kNumeric: return "numeric";
    default: return std::to_string(type);
  }
}

// "SELECT ... $1 <int4 5>"; "-" for a text without a form.
std::string form_of(std::string_view text, bool backslash_escapes = false) {
  const Known known(text, backslash_escapes);
  PreparedForm form;
  if (!prepare(text, known.literals, known.facts, backslash_escapes, form)) return "-";
  std::string line = form.text;
  const auto types = types_of(form);
  EXPECT_EQ(types.size(), form.values.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    line += " <" + name_of_type(types[i]) + " " + std::string(form.values[i]) + ">";
  }
  return line;
}

// Of a condition on t.
std::string condition(std::string_view text, bool backslash_escapes = false) {
  const std::string front = "select a from t where ";
  const std::string form = form_of(front + std::string(text), backslash_escapes);
  return form.starts_with(front) ? form.substr(front.size()) : form;
}

TEST(PreparedFormTest, a_compared_literal_is_a_parameter) {
  EXPECT_EQ(form_of("SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"),
            "SELECT abalance FROM pgbench_accounts WHERE aid = $1 <int4 12345>");
  EXPECT_EQ(condition("b = 'x' and 5 < c"), "b = $1 and $2 < c <string x> <int4 5>");
  EXPECT_EQ(condition("b in (1, 'x') or not c between 2 and 3"),
            "b in ($1, $2) or not c between $3 and $4 <int4 1> <string x> <int4 2> <int4 3>");
  EXPECT_EQ(condition("b = any ('{1,2}') and lower(c) <> 'y'"),
            "b = any ($1) and lower(c) <> $2 <string {1,2}> <string y>");
  EXPECT_EQ(form_of("select 1 from t"), "select 1 from t");
}

TEST(PreparedFormTest, a_number_has_the_type_of_a_constant) {
  EXPECT_EQ(condition("a = 2147483647"), "a = $1 <int4 2147483647>");
  EXPECT_EQ(condition("a = 2147483648"), "a = $1 <int8 2147483648>");
  EXPECT_EQ(condition("a = 9223372036854775808"), "a = $1 <numeric 9223372036854775808>");
  EXPECT_EQ(condition("a = 00000000000000000007"), "a = $1 <int4 00000000000000000007>");
  EXPECT_EQ(condition("a = 0000"), "a = $1 <int4 0000>");
  EXPECT_EQ(condition("a = 1.50"), "a = $1 <numeric 1.50>");
}

TEST(PreparedFormTest, integers_beyond_an_oid_have_a_text_of_their_own) {
  EXPECT_EQ(condition("a = 4294967295"), "a = $1 <int8 4294967295>");
  EXPECT_EQ(condition("a = 4294967296"), "a =  $1 <int8 4294967296>");
  EXPECT_EQ(condition("a = 9223372036854775807"), "a =  $1 <int8 9223372036854775807>");
}

TEST(PreparedFormTest, numbers_of_another_spelling_stay) {
  for (const auto text :
       {"a = 0x1F", "a = 1e5", "a = .5", "a = 5.", "a = -5", "a = - 5", "a = -(5)"}) {
    EXPECT_EQ(condition(text), text);
  }
  const std::string big = "a = " + std::string(37, '9');
  EXPECT_EQ(condition(big), big);
}

TEST(PreparedFormTest, a_string_says_what_it_said) {
  EXPECT_EQ(condition("a = 'it''s'"), "a = $1 <string it's>");
  EXPECT_EQ(condition("a = ''"), "a = $1 <string >");
  EXPECT_EQ(condition("a = $$it's$$"), "a = $1 <string it's>");
  EXPECT_EQ(condition("a = $q$ $1 $q$"), "a = $1 <string  $1 >");
  EXPECT_EQ(condition("a = E'a\\\\b\\n''c'"), "a = $1 <string a\\b\n'c>");
  EXPECT_EQ(condition("a = '\xc3\xa4\\'"), "a = $1 <string \xc3\xa4\\>");
  EXPECT_EQ(condition("a = '--' and b = '/*'"), "a = $1 and b = $2 <string --> <string /*>");
}

TEST(PreparedFormTest, strings_that_settings_or_encodings_decide_have_no_form) {
  for (const auto text : {"a = E'\\x41'", "a = E'\\101'", "a = E'\\u0041'", "a = E'\\'x'",
                          "a = U&'x'", "a = U&'x' uescape '!'", "a = 'a'\n'b'"}) {
    EXPECT_EQ(condition(text), "-") << text;
  }
  EXPECT_EQ(condition("a = 'x\\\\y'", true), "-");
  EXPECT_EQ(condition("a = 'x'", true), "a = $1 <string x>");
}

TEST(PreparedFormTest, tokens_stay_apart) {
  EXPECT_EQ(condition("a='x'and'y'=b"), "a=$1 and $2=b <string x> <string y>");
  EXPECT_EQ(condition("(a)=5"), "(a)=$1 <int4 5>");
  EXPECT_EQ(condition("a in(5,6)"), "a in($1,$2) <int4 5> <int4 6>");
  EXPECT_EQ(condition("a=7and b=8"), "-");  // PostgreSQL refuses it from 15 on
}

TEST(PreparedFormTest, comments_and_what_is_behind_go) {
  EXPECT_EQ(form_of("/* trace='1' */select a -- it's\n from t/*x/*y*/'*/where a=1 ; -- z"),
            " select a  \n from t where a=$1 <int4 1>");
  EXPECT_EQ(form_of("/*+ SeqScan(t) */select a from t"), "/*+ SeqScan(t) */select a from t");
  EXPECT_EQ(condition("\"--\" = 1 and \"a\"\"/*\" = 2"),
            "\"--\" = $1 and \"a\"\"/*\" = $2 <int4 1> <int4 2>");
}

TEST(PreparedFormTest, strings_stay_only_where_they_mean_the_same_at_any_time) {
  for (const auto text :
       {"a > now() - interval '1 day'", "a > date '2024-01-31'", "a like 'x%'", "a->>'key' is null",
        "a > '2024-01-31 10:00:00.5'::timestamp", "date_trunc('day', a) is null",
        "to_char(a, 'HH24:MI') is null", "a = '7'::int", "a at time zone 'Europe/Rome' is null"}) {
    EXPECT_EQ(condition(text), text);
  }
  for (const auto text :
       {"a > interval '-1 day'", "a > date 'today'", "a > date '31/01/2024'", "f(a, 'x') is null",
        "a > 'now'::timestamptz", "a > timestamptz '2024-01-31 00:00:00'", "a->>'now' is null",
        "a = 'x'::mood", "a = own.text 'x'", "a = array['x']", "(a, b) = ('x', 'y')",
        "a like 'x\\%'", "coalesce(a, 'now') is null", "a || 'x' is null", "a ~ 'x'",
        "date_trunc('tomorrow', a) is null", "a = 'x' collate \"C\""}) {
    EXPECT_EQ(condition(text), "-") << text;
  }
  EXPECT_EQ(form_of("select 'now', N'x' from t"), "select 'now', N'x' from t");
  EXPECT_EQ(form_of("select 'now' union select current_date::text"), "-");
}

TEST(PreparedFormTest, only_one_plain_select_has_a_form) {
  for (const auto text :
       {"select a from t where a = $1", "select 1; select 2", "explain analyze select 1",
        "select a from t where a = 1 for update", "update t set a = 1 where b = 2",
        "select a into u from t", "with x as (delete from t returning 1) select * from x",
        "select current_query()", "select query from pg_catalog.pg_stat_activity",
        "select a from t where a = null", "show work_mem", "", ";", "select a from", "select '"}) {
    EXPECT_EQ(form_of(text), "-") << text;
  }
  EXPECT_EQ(form_of("select " + std::string(64, 'a')), "-");  // the server would cut the name
}

TEST(PreparedFormTest, forms_with_strings_leave_types_to_the_server) {
  const auto declared = [](std::string_view text) {
    const Known known(text);
    PreparedForm form;
    EXPECT_TRUE(prepare(text, known.literals, known.facts, false, form)) << text;
    return form.declared();
  };
  EXPECT_TRUE(declared("select 'x' from t"));
  EXPECT_TRUE(declared("select a from t where a in (1, 2147483648, 1.5)"));
  EXPECT_FALSE(declared("select a from t where a in (1, 'x')"));
}

TEST(PreparedFormTest, too_many_literals_have_no_form) {
  std::string list = "1";
  for (std::size_t i = 1; i < kMaxReplaced; ++i) list += ",1";
  EXPECT_NE(condition("a in (" + list + ")"), "-");
  EXPECT_EQ(condition("a in (" + list + ",1)"), "-");
}

TEST(PreparedFormTest, facts_of_another_statement_do_no_harm) {
  const Known other("select a from t where a = 'x' and b = 1");
  for (const std::string_view text :
       {"select a from t where a = 1 and b = 'x'", "select 'a", "1", "'' 1"}) {
    const Known own(text);
    PreparedForm form;
    prepare(text, own.literals, other.facts, false, form);
    EXPECT_EQ(form.types.size(), 4 * form.values.size());
  }
}

TEST(PreparedFormTest, a_form_is_used_again_and_moves_with_its_values) {
  PreparedForm form;
  for (const std::string text : {"select a from t where a = 'x''y' and b = 'z''' and c = 1",
                                 "select a from t where a = '''' and b = '' and c = 2"}) {
    const Known known(text);
    ASSERT_TRUE(prepare(text, known.literals, known.facts, false, form));
    EXPECT_EQ(form.text, "select a from t where a = $1 and b = $2 and c = $3");
    PreparedForm moved = std::move(form);
    ASSERT_EQ(moved.values.size(), 3u);
    EXPECT_EQ(moved.values[0], text.contains("x''y") ? "x'y" : "'");
    form = std::move(moved);
  }
  EXPECT_EQ(form.values[0], "'");
}

// ---- properties
// ---------------------------------------------------------------------------------------

// The text that a form stands for: strings in quotes, numbers as they are.
std::string put_back(const PreparedForm& form) {
  const auto types = types_of(form);
  std::string text;
  std::size_t next = 0;
  // Its own literals may have a $1 inside; they stand in their order.
  for (std::size_t at = 0; at < form.text.size();) {
    const std::string mark = "$" + std::to_string(next + 1);
    Lexer lexer(std::string_view(form.text).substr(at));
    const Token token = lexer.next();
    if (token.kind == TokenKind::end) break;
    const std::size_t begin = static_cast<std::size_t>(token.start - form.text.data());
    text.append(form.text, at, begin - at);
    at = begin + token.size;
    if (token.kind != TokenKind::parameter) {
      text += token.text();
      continue;
    }
    RC_ASSERT(token.text() == mark);
    if (types[next] != kString) {
      text += form.values[next];
    } else {
      text += '\'';
      for (const char c : form.values[next]) text.append(c == '\'' ? 2 : 1, c);
      text += '\'';
    }
    ++next;
  }
  RC_ASSERT(next == form.values.size());
  return text;
}

void check_round_trip(const std::string& text) {
  const Known known(text);
  PreparedForm form;
  if (!prepare(text, known.literals, known.facts, false, form)) return;
  RC_LOG(text + "\n" + form.text);
  const std::string back = put_back(form);
  Normaliser first, second;
  const Normalised& seen = first.read(text);
  const Normalised& again = second.read(back);
  RC_ASSERT(seen.text == again.text);
  RC_ASSERT(seen.fingerprint == again.fingerprint);
  RC_ASSERT(seen.literals.size() == again.literals.size());
  std::string one, other;
  for (std::size_t i = 0; i < seen.literals.size(); ++i) {
    RC_ASSERT(seen.literals[i].kind == again.literals[i].kind);
    RC_ASSERT(value_of(seen.literals[i], text, Dialect::postgres, false, one) ==
              value_of(again.literals[i], back, Dialect::postgres, false, other));
  }
}

int below(int n) { return *rc::gen::inRange(0, n); }
template <std::size_t n>
std::string one_of(const std::array<std::string_view, n>& words) {
  return std::string(words[static_cast<std::size_t>(below(static_cast<int>(n)))]);
}

std::string some_literal() {
  return one_of(std::array<std::string_view, 22>{
      "0",          "7",     "2147483648", "4294967296", "1.50",    "1e5",
      ".5",         "-3",    "''",         "'x'",        "'it''s'", "'$1'",
      "'/*'",       "'--'",  "E'a\\\\b'",  "E'\\x41'",   "$$d$$",   "$q$it's $1$q$",
      "'\xc3\xa4'", "'{1}'", "N'n'",       "'a'\n'b'"});
}
std::string some_gap() {
  return one_of(std::array<std::string_view, 7>{"", " ", "\n", "/*'*/", "--'\n", "/*+ h */", "  "});
}
std::string some_column() {
  return one_of(
      std::array<std::string_view, 6>{"a", "T.b", "\"--\"", "\"q\"\"'\"", "lower(a)", "count(*)"});
}
std::string some_condition(int depth) {
  const std::string g = some_gap();
  switch (below(depth > 0 ? 8 : 5)) {
    case 0: return some_column() + g + "=" + some_gap() + some_literal();
    case 1: return some_literal() + some_gap() + "<" + g + some_column();
    case 2: return some_column() + " in" + g + "(" + some_literal() + "," + some_literal() + ")";
    case 3: return some_column() + " between " + some_literal() + " and " + some_literal();
    case 4: return some_column() + " like " + some_literal();
    case 5:
      return "(" + some_condition(depth - 1) + ")and" + g + "(" + some_condition(depth - 1) + ")";
    case 6: return some_condition(depth - 1) + " or " + some_condition(depth - 1);
    default:
      return "exists(select " + some_literal() + " from u where" + " " + some_condition(depth - 1) +
             ")";
  }
}

RC_GTEST_PROP(PreparedFormProperty, values_put_back_make_the_same_statement, ()) {
  std::string text = some_gap() + "select " + some_column() + " from t where" + some_gap() + " " +
                     some_condition(3);
  if (below(3) == 0) text += " limit 10" + some_gap();
  if (below(3) == 0) text += " ; " + some_gap();
  check_round_trip(text);
}

RC_GTEST_PROP(PreparedFormProperty, values_of_random_statements_put_back_too, ()) {
  testing::StatementWriter writer(static_cast<std::uint64_t>(below(1 << 30)));
  check_round_trip(writer.statement());
}

RC_GTEST_PROP(PreparedFormProperty, any_bytes_do_no_harm, ()) {
  std::string text = "select a from t where ";
  for (int n = below(12); n >= 0; --n) {
    text +=
        below(2) == 0
            ? some_literal()
            : one_of(std::array<std::string_view, 14>{"a", "=", "'", "\"", "/*", "*/", "--", "\n",
                                                      "$", "$1", "\\", "(", " and ", "U&"});
  }
  check_round_trip(text);
}

}  // namespace
}  // namespace sluice::query
