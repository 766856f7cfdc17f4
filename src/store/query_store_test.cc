// The query store: everything comes back as it went, and damage costs what is damaged.
#include "store/query_store.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/blob.h"
#include "store/query_detail.h"
#include "store/store_testing.h"

namespace sluice::store {
namespace {

using query::Caller;
using query::Dialect;
using query::Loop;
using query::LoopKind;
using query::QueryStats;
using query::SlowQuery;
using namespace std::chrono_literals;

class QueryStoreTest : public ::testing::Test {
 protected:
  QueryStats stats(const std::string& text, std::uint64_t calls = 3) {
    QueryStats s;
    s.statement = templates_.restore(text, Dialect::postgres);
    s.database = "app";
    s.user = "bob";
    std::uint64_t n = 1;
    for (const auto field :
         {&QueryStats::errors, &QueryStats::cancelled, &QueryStats::lost, &QueryStats::slow,
          &QueryStats::rows, &QueryStats::max_rows, &QueryStats::bytes, &QueryStats::simple,
          &QueryStats::unnamed, &QueryStats::prepared, &QueryStats::pauses})
      s.*field = n++;
    for (const auto field : {&QueryStats::total, &QueryStats::queue, &QueryStats::pool_wait,
                             &QueryStats::server, &QueryStats::transfer, &QueryStats::max,
                             &QueryStats::pause_total, &QueryStats::pause_max})
      s.*field = Duration(static_cast<std::int64_t>(n++));
    s.calls = calls;
    s.latency = {
        .schema = 3, .count = 3, .raw_sum = 77, .zeros = 1, .first = -80, .buckets = {1, 0, 1}};
    s.states = {{"23505", 2}, {"40001", 1}};
    s.callers = {{{"web", "controller=users"}, 2, 5ms}, {{"cron", ""}, 1, 1ms}};
    s.uniform = {{{"42", "'it''s'"}, 3ms, 1700000001}};
    s.slowest = {{{"(redacted)"}, 9ms, 1700000002}, {{}, 8ms, 1700000003}};
    s.first_seen = 1700000000;
    s.last_seen = 1700000009;
    return s;
  }
  static void expect_equal(const QueryStats& a, const QueryStats& b) {
    EXPECT_EQ(a.statement->fingerprint(), b.statement->fingerprint());
    EXPECT_EQ(a.statement->text(), b.statement->text());
    EXPECT_EQ(a.database, b.database);
    EXPECT_EQ(a.user, b.user);
    for (const auto field :
         {&QueryStats::calls, &QueryStats::errors, &QueryStats::cancelled, &QueryStats::lost,
          &QueryStats::slow, &QueryStats::rows, &QueryStats::max_rows, &QueryStats::bytes,
          &QueryStats::simple, &QueryStats::unnamed, &QueryStats::prepared, &QueryStats::pauses})
      EXPECT_EQ(a.*field, b.*field);
    for (const auto field : {&QueryStats::total, &QueryStats::queue, &QueryStats::pool_wait,
                             &QueryStats::server, &QueryStats::transfer, &QueryStats::max,
                             &QueryStats::pause_total, &QueryStats::pause_max})
      EXPECT_EQ(a.*field, b.*field);
    EXPECT_EQ(a.latency, b.latency);
    EXPECT_EQ(a.states, b.states);
    EXPECT_EQ(a.first_seen, b.first_seen);
    EXPECT_EQ(a.last_seen, b.last_seen);
    // callers and samples: their bytes say all of them
    EXPECT_EQ(detail_of(a), detail_of(b));
  }

  QueryStore open() {
    auto store = QueryStore::open(path_, 1700000000);
    EXPECT_TRUE(store) << store.error().text();
    return std::move(*store);
  }
  std::vector<std::string> texts(QueryStore& store) {
    std::vector<std::string> all;
    const auto loaded = store.load(templates_);
    for (const QueryStats& one : *loaded) all.push_back(one.statement->text());
    return all;
  }

  testing::TestFolder folder_;
  std::string path_ = folder_.path("queries.db");
  query::Templates templates_;
};

TEST_F(QueryStoreTest, statistics_come_back_as_they_went) {
  const std::vector<QueryStats> saved = {stats("select a from t where b = ?"), stats("select 1")};
  {
    ASSERT_TRUE(open().save(saved));
  }
  QueryStore store = open();
  const auto loaded = store.load(templates_);
  ASSERT_TRUE(loaded) << loaded.error().text();
  ASSERT_EQ(loaded->size(), 2U);
  for (const QueryStats& one : *loaded) {
    const bool first = one.statement->fingerprint() == saved[0].statement->fingerprint();
    expect_equal(one, saved[first ? 0 : 1]);
  }
}

TEST_F(QueryStoreTest, a_save_takes_the_place_of_the_one_before) {
  QueryStore store = open();
  ASSERT_TRUE(store.save(std::vector{stats("select 1", 1), stats("select 2", 1)}));
  ASSERT_TRUE(store.save(std::vector{stats("select 2", 5), stats("select 3", 1)}));
  EXPECT_THAT(texts(store), ::testing::UnorderedElementsAre("select 2", "select 3"));
  const auto loaded = store.load(templates_);
  for (const QueryStats& one : *loaded)
    EXPECT_EQ(one.calls, one.statement->text() == "select 2" ? 5U : 1U);
}

// After a reset there may be as many calls again.
TEST_F(QueryStoreTest, a_save_sees_other_statistics_with_the_same_counts) {
  QueryStore store = open();
  ASSERT_TRUE(store.save(std::vector{stats("select 1")}));
  QueryStats later = stats("select 1");
  later.last_seen += 60;
  later.user = "alice";
  ASSERT_TRUE(store.save(std::vector{later}));
  EXPECT_EQ(store.load(templates_)->at(0).user, "alice");
}

// Another process's file: what is in it is known from the start.
TEST_F(QueryStoreTest, a_save_after_a_restart_takes_it_too) {
  {
    ASSERT_TRUE(open().save(std::vector{stats("select 1"), stats("select 2")}));
  }
  QueryStore store = open();
  ASSERT_TRUE(store.save(std::vector{stats("select 2")}));
  EXPECT_THAT(texts(store), ::testing::ElementsAre("select 2"));
}

TEST_F(QueryStoreTest, slow_statements_come_back_newest_first) {
  std::vector<SlowQuery> slow;
  for (std::uint64_t id : {7U, 6U, 5U}) {
    slow.push_back({.statement = templates_.restore("select pg_sleep(?)", Dialect::postgres),
                    .database = "app",
                    .user = "bob",
                    .caller = {"web", "action=show"},
                    .sample = {{"5"}, 5s, 1700000000},
                    .state = "57014",
                    .queue = 1ms,
                    .pool_wait = 2ms,
                    .server = 3s,
                    .transfer = 4ms,
                    .rows = 1,
                    .bytes = 30,
                    .id = id,
                    .plan = "[{}]"});
  }
  {
    ASSERT_TRUE(open().save_slow(slow));
  }
  QueryStore store = open();
  const auto loaded = store.load_slow(templates_);
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->size(), 3U);
  const SlowQuery& newest = loaded->front();
  EXPECT_EQ(newest.id, 7U);
  EXPECT_EQ(newest.statement->text(), "select pg_sleep(?)");
  EXPECT_EQ(newest.caller, (Caller{"web", "action=show"}));
  EXPECT_THAT(newest.sample.values, ::testing::ElementsAre("5"));
  EXPECT_EQ(newest.sample.took, 5s);
  EXPECT_EQ(newest.state, "57014");
  EXPECT_EQ(newest.queue + newest.pool_wait + newest.server + newest.transfer, 3s + 7ms);
  EXPECT_EQ(newest.rows, 1U);
  EXPECT_EQ(newest.bytes, 30U);
  EXPECT_EQ(newest.plan, "[{}]");
}

TEST_F(QueryStoreTest, loops_come_back_by_waste) {
  Loop loop{.id = "0123456789abcdef",
            .kind = LoopKind::interleaved,
            .statement = {1, 2},
            .cycle = {{1, 2}, {3, UINT64_MAX}},
            .source = {5, 6},
            .source_column = "id",
            .parameter = 1,
            .bursts = 10,
            .calls = 100,
            .p50 = 9,
            .p95 = 20,
            .max = 30,
            .wasted = 7s,
            .callers = {{{"web", ""}, 100, 1s}},
            .first_seen = 1700000000,
            .last_seen = 1700000001};
  Loop worse = loop;
  worse.id = "fedcba9876543210";
  worse.wasted = 8s;
  {
    ASSERT_TRUE(open().save_loops(std::vector{loop, worse}));
  }
  const auto loaded = open().load_loops();
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->size(), 2U);
  EXPECT_EQ(loaded->at(0).id, worse.id);
  const Loop& seen = loaded->at(1);
  EXPECT_EQ(seen.kind, loop.kind);
  EXPECT_EQ(seen.statement, loop.statement);
  EXPECT_EQ(seen.cycle, loop.cycle);
  EXPECT_EQ(seen.source, loop.source);
  EXPECT_EQ(seen.source_column, "id");
  EXPECT_EQ(seen.parameter, 1U);
  EXPECT_EQ(seen.bursts, 10U);
  EXPECT_EQ(seen.calls, 100U);
  EXPECT_EQ(seen.p50 + seen.p95 + seen.max, 59U);
  EXPECT_EQ(seen.wasted, 7s);
  EXPECT_EQ(bytes_of(seen.callers), bytes_of(loop.callers));
  EXPECT_EQ(seen.first_seen + 1, seen.last_seen);
}

TEST_F(QueryStoreTest, a_reset_forgets_all) {
  QueryStore store = open();
  ASSERT_TRUE(store.save(std::vector{stats("select 1")}));
  ASSERT_TRUE(store.save_loops(std::vector{Loop{.id = "0123456789abcdef"}}));
  ASSERT_TRUE(store.reset());
  EXPECT_THAT(texts(store), ::testing::IsEmpty());
  EXPECT_TRUE(store.load_loops()->empty());
  ASSERT_TRUE(store.save(std::vector{stats("select 1")}));
  EXPECT_THAT(texts(store), ::testing::ElementsAre("select 1"));
}

TEST_F(QueryStoreTest, a_damaged_row_is_left_out) {
  QueryStore store = open();
  ASSERT_TRUE(store.save(std::vector{stats("select 1"), stats("select 2")}));
  auto other = Database::open({.path = path_});
  EXPECT_FALSE(other);  // without migrations it is of a newer version
  constexpr std::string_view kNone[] = {""};
  other = Database::open({.path = path_, .migrations = kNone});
  ASSERT_TRUE(other) << other.error().text();
  ASSERT_TRUE(
      other->run("UPDATE query SET detail = substr(detail, 1, 100) WHERE text = 'select 1'"));
  EXPECT_THAT(texts(store), ::testing::ElementsAre("select 2"));
}

TEST_F(QueryStoreTest, a_corrupt_file_costs_what_was_in_it_and_no_more) {
  std::ofstream(path_) << "this is no database, and it is long enough to be read as one, is it?";
  QueryStore store = open();
  EXPECT_EQ(store.moved_aside(), path_ + ".corrupt-1700000000");
  ASSERT_TRUE(store.save(std::vector{stats("select 1")}));
  EXPECT_THAT(texts(store), ::testing::ElementsAre("select 1"));
}

// Every prefix, and every byte turned: never more than there is, never a wrong size believed.
TEST_F(QueryStoreTest, damaged_bytes_are_read_safely) {
  const std::string whole = detail_of(stats("select 1"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    QueryStats into;
    EXPECT_FALSE(read_detail(std::string_view(whole).substr(0, size), into)) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(~damaged[at]);
    QueryStats into;
    read_detail(damaged, into);
    EXPECT_LE(into.uniform.size() + into.slowest.size() + into.callers.size(), whole.size());
  }
}

}  // namespace
}  // namespace sluice::store
