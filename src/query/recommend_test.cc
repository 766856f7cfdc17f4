#include "sluice/query/recommend.h"

#include <map>

#include <gmock/gmock.h>

#include "query/recommend_rules.h"

namespace sluice::query {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Statements as the recorder would know them, parsed.
class RecommendTest : public testing::Test {
 protected:
  TemplateRef statement(std::string_view text, bool parsed = true) {
    const Normalised& seen = normaliser_.read(text);
    TemplateRef t = templates_.intern(seen, text, Dialect::postgres, false);
    if (parsed) templates_.parse_queued();
    known_[t->fingerprint()] = t;
    return t;
  }
  QueryStats& add(std::string_view text, std::uint64_t calls, std::uint64_t rows_per_call = 0) {
    QueryStats q;
    q.statement = statement(text);
    q.calls = q.prepared = calls;
    q.rows = calls * rows_per_call;
    q.max_rows = rows_per_call;
    q.total = calls * 2ms;
    q.server = calls * 1ms;
    q.transfer = calls * 1ms;
    stats_.push_back(std::move(q));
    return stats_.back();
  }
  std::vector<Recommendation> all() {
    return recommend(stats_, loops_, [this](const Fingerprint& f) { return known_[f]; }, options_);
  }
  // References that add() returned stay good.
  static std::vector<QueryStats> reserved() {
    std::vector<QueryStats> stats;
    stats.reserve(16);
    return stats;
  }
  std::vector<std::string> kinds() {
    std::vector<std::string> out;
    for (const auto& r : all()) out.emplace_back(name_of(r.kind));
    return out;
  }

  Normaliser normaliser_;
  Templates templates_;
  std::map<Fingerprint, TemplateRef> known_;
  std::vector<QueryStats> stats_ = reserved();
  std::vector<Loop> loops_;
  AdviceOptions options_;
};

std::string evidence(const Recommendation& r, std::string_view name) {
  for (const auto& [key, value] : r.evidence)
    if (key == name) return value;
  return "(none)";
}

TEST_F(RecommendTest, whole_tables_read_again_and_again_want_a_where) {
  add("SELECT * FROM users", 40, 4000);
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  const Recommendation& r = found[0];
  EXPECT_EQ(r.kind, AdviceKind::missing_where);
  EXPECT_THAT(r.title, HasSubstr("users"));
  EXPECT_THAT(r.sentence, HasSubstr("4000 rows"));
  EXPECT_EQ(evidence(r, "mean"), "4000 rows");
  EXPECT_EQ(evidence(r, "bound"), "1000 rows");
  EXPECT_EQ(r.saved, 30ms);  // three quarters of 40 ms
  EXPECT_THAT(r.id, testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(r.id.size(), 16u);
}

TEST_F(RecommendTest, small_bounded_and_counting_results_are_fine) {
  add("SELECT * FROM settings", 5000, 20);
  add("SELECT * FROM users LIMIT 5000", 40, 5000);
  add("SELECT country, count(*) FROM users GROUP BY country", 40, 1500);
  add("SELECT * FROM generate_series(1, 5000)", 40, 5000);
  add("SELECT * FROM users WHERE id = 3", 100'000, 1);
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(RecommendTest, sorted_without_limit_gets_one) {
  add("SELECT * FROM orders WHERE paid = true ORDER BY at DESC", 30, 2000);
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, AdviceKind::missing_limit_sorted);
  EXPECT_THAT(found[0].sql, testing::EndsWith("order by at desc limit 100"));
}

TEST_F(RecommendTest, large_answers_are_found_by_the_largest) {
  QueryStats& q = add("SELECT * FROM orders WHERE customer = 7", 1000, 30);
  q.max_rows = 250'000;
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, AdviceKind::unbounded_result);
  EXPECT_EQ(evidence(found[0], "largest"), "250000 rows");
}

TEST_F(RecommendTest, nothing_is_said_twice_of_one_result) {
  add("SELECT * FROM orders ORDER BY at", 30, 50'000);
  EXPECT_THAT(kinds(), ElementsAre("missing_where"));
}

TEST_F(RecommendTest, open_transactions_are_found_after_begin_too) {
  QueryStats& q = add("BEGIN", 500);
  q.pauses = 500;
  q.pause_total = 70s;
  q.pause_max = 65s;
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, AdviceKind::idle_in_transaction);
  EXPECT_EQ(found[0].severity, Severity::critical);
  EXPECT_EQ(evidence(found[0], "longest pause"), "65.0 s");
}

TEST_F(RecommendTest, think_time_counts_from_its_mean_and_often_enough) {
  QueryStats& q = add("SELECT * FROM carts WHERE id = 1 FOR UPDATE", 500, 1);
  q.pauses = 19;
  q.pause_total = 19 * 60ms;
  q.pause_max = 60ms;
  EXPECT_THAT(kinds(), IsEmpty());
  stats_[0].pauses = 20;
  stats_[0].pause_total = 20 * 60ms;
  EXPECT_THAT(kinds(), ElementsAre("held_transaction"));
  stats_[0].pause_total = 20 * 49ms;
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(RecommendTest, texts_parsed_anew_should_be_prepared) {
  QueryStats& q = add("SELECT name FROM users WHERE id = 1", 5000, 1);
  q.simple = 3000, q.unnamed = 2000, q.prepared = 0;
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, AdviceKind::not_prepared);
  EXPECT_EQ(evidence(found[0], "parsed anew"), "5000 times");
  EXPECT_EQ(found[0].saved, 500ms);
  stats_[0].prepared = 501;
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(RecommendTest, errors_are_named_by_their_meaning) {
  QueryStats& q = add("INSERT INTO users (name) VALUES ('a')", 100);
  q.errors = 30;
  q.states = {{"23505", 28}, {"XX999", 2}};
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, AdviceKind::frequent_errors);
  EXPECT_THAT(found[0].sentence, HasSubstr("unique violation"));
  EXPECT_THAT(found[0].action, HasSubstr("ON CONFLICT"));
  EXPECT_EQ(evidence(found[0], "XX999"), "2 times");
  EXPECT_EQ(found[0].saved, 60ms);
  stats_[0].calls = 1000;  // 3 %
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(RecommendTest, cancelled_calls_are_errors_too) {
  QueryStats& q = add("SELECT count(*) FROM events WHERE kind = 1", 100);
  q.errors = 5;
  q.cancelled = 40;
  q.states = {{"40001", 5}};
  const auto found = all();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].sentence, HasSubstr("45 of 100 calls failed"));
  EXPECT_THAT(found[0].sentence, HasSubstr("57014"));
}

TEST_F(RecommendTest, utility_and_ddl_are_left_alone) {
  QueryStats& set = add("SET search_path = a", 5000);
  set.simple = 5000, set.prepared = 0, set.errors = 4000;
  QueryStats& create = add("CREATE TABLE t (id int)", 5000);
  create.errors = 5000;
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(RecommendTest, statements_that_are_not_parsed_only_get_what_needs_no_facts) {
  QueryStats q;
  q.statement = statement("SELECT * FROM unknown_yet", false);
  q.calls = q.prepared = 100;
  q.rows = 5'000'000;
  q.max_rows = 50'000;
  q.errors = 50;
  q.states = {{"57014", 50}};
  stats_.push_back(std::move(q));
  EXPECT_THAT(kinds(), ElementsAre("frequent_errors"));
}

TEST_F(RecommendTest, loops_around_one_statement_are_one_recommendation) {
  Loop proven;
  proven.kind = LoopKind::proven;
  proven.statement = statement("SELECT * FROM reviews WHERE book_id = 1")->fingerprint();
  proven.source = statement("SELECT id FROM books WHERE author = 1")->fingerprint();
  proven.source_column = "id";
  proven.parameter = 1;
  proven.bursts = 2, proven.calls = 40, proven.p50 = 20, proven.max = 25;
  proven.wasted = 2s;
  Loop repeated = proven;
  repeated.kind = LoopKind::repeated;
  repeated.source = {};
  repeated.wasted = 3s;
  Loop duplicate = repeated;
  duplicate.kind = LoopKind::duplicate;
  duplicate.wasted = 1s;
  loops_ = {repeated, proven, duplicate};
  const auto found = all();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].kind, AdviceKind::n_plus_one);
  EXPECT_EQ(found[0].saved, 5s);
  EXPECT_EQ(found[0].title, "Load books with their reviews");
  EXPECT_EQ(evidence(found[0], "loop"), "proven");
  EXPECT_EQ(evidence(found[0], "statements"), "80");
  EXPECT_EQ(evidence(found[0], "values come from"), "column id");
  EXPECT_FALSE(found[0].sentence.empty());
  EXPECT_EQ(found[1].kind, AdviceKind::duplicate_query);
  EXPECT_NE(found[0].id, found[1].id);
}

TEST_F(RecommendTest, loops_whose_statements_are_forgotten_are_still_told) {
  Loop loop;
  loop.statement = {1, 2};
  loop.wasted = 1s;
  loops_ = {loop};
  ASSERT_EQ(all().size(), 1u);
  EXPECT_EQ(all()[0].title, "Send one statement instead of many");
}

TEST_F(RecommendTest, costliest_first_and_severe_by_what_is_saved) {
  QueryStats& small = add("SELECT * FROM a", 40, 4000);
  small.transfer = 10ms;
  QueryStats& large = add("SELECT * FROM b", 40, 4000);
  large.total = large.transfer = 100s;
  const auto found = all();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0].title, HasSubstr("of b"));
  EXPECT_EQ(found[0].severity, Severity::critical);
  EXPECT_EQ(found[1].severity, Severity::info);
}

TEST(RecommendIdTest, ids_depend_on_kind_and_statement_alone) {
  const Fingerprint a{1, 2}, b{1, 3};
  EXPECT_EQ(id_of(AdviceKind::not_prepared, a), id_of(AdviceKind::not_prepared, a));
  EXPECT_NE(id_of(AdviceKind::not_prepared, a), id_of(AdviceKind::frequent_errors, a));
  EXPECT_NE(id_of(AdviceKind::not_prepared, a), id_of(AdviceKind::not_prepared, b));
}

}  // namespace
}  // namespace sluice::query
