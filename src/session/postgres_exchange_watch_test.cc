// What the exchange tells the query stage: each statement's rows and end, whatever stands around it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session/postgres_exchange.h"
#include "session/testing.h"
#include "sluice/query/examiner.h"

namespace sluice::postgres {
namespace {

using ::testing::ElementsAre;
using testing::message;
using ::testing::Pair;
using testing::told_error;

class Owner final : public testing::Recorder {
 public:
  Time present() const override { return Time(std::chrono::seconds(1)); }
  void on_suspended(const std::string&, query::RunRef run) override { suspended = std::move(run); }
  void on_taken_back(query::RunRef run) override { taken_back.push_back(std::move(run)); }
  void on_failed_parse(const Awaited&, std::string_view sqlstate) override {
    failed_parses.emplace_back(sqlstate);
  }
  query::RunRef suspended;
  std::vector<query::RunRef> taken_back;
  std::vector<std::string> failed_parses;
};

class ExchangeWatchTest : public ::testing::Test {
 protected:
  query::RunRef run(std::string_view text) {
    const query::Seen seen = examiner.examine(text);
    return workload.recorder(0).begin({.statement = *seen.statement, .client = 1});
  }
  void expect(Await kind) { exchange.expect({.kind = kind}); }
  void expect(Await kind, query::RunRef run) {
    exchange.expect({.kind = kind, .run = std::move(run)});
  }
  void reply(const std::string& frame) {
    const std::string_view payload = std::string_view(frame).substr(kHeadSize);
    if (frame[0] == 'D' || frame[0] == 'd')
      exchange.take_data(frame[0], frame.size(), payload);
    else
      ASSERT_NE(exchange.take(frame[0], payload, table), Exchange::Verdict::broken);
    if (exchange.owes()) exchange.pay();
  }
  void replies(std::string_view types) {
    for (char type : types) reply(message(type));
  }
  query::QueryStats of(std::string_view normalised) {
    for (auto& stats : workload.snapshot())
      if (stats.statement->text() == normalised) return stats;
    return {};
  }

  query::Templates templates;
  query::Examiner examiner{&templates};
  query::Workload workload{{}, 1, templates};
  Owner owner;
  Exchange exchange{owner};
  ServerStatements table{100};
};

TEST_F(ExchangeWatchTest, simple_query_ends_with_its_ready) {
  expect(Await::query, run("select a from t"));
  replies("TDDD");
  reply(testing::frame_of('C', std::string_view("SELECT 3\0", 9)));
  EXPECT_EQ(of("select a from t").calls, 0u);
  replies("Z");
  EXPECT_EQ(of("select a from t").calls, 1u);
  EXPECT_EQ(of("select a from t").rows, 3u);
  EXPECT_GT(of("select a from t").bytes, 0u);
}

TEST_F(ExchangeWatchTest, rows_that_a_write_changed_are_those_of_its_tag) {
  expect(Await::execute, run("update t set a = 1"));
  expect(Await::execute, run("insert into t values (1)"));
  expect(Await::sync);
  reply(testing::frame_of('C', std::string_view("UPDATE 7\0", 9)));
  reply(testing::frame_of('C', std::string_view("INSERT 0 2\0", 11)));
  EXPECT_EQ(of("update t set a = ?").rows, 7u);
  EXPECT_EQ(of("insert into t values (?)").rows, 2u);
}

TEST_F(ExchangeWatchTest, rows_of_all_statements_of_a_text_count_together) {
  expect(Await::query, run("select a from t; select b from t"));
  replies("TDCTDCZ");
  EXPECT_EQ(of("select a from t; select b from t").rows, 2u);
}

TEST_F(ExchangeWatchTest, each_execute_of_a_group_ends_for_itself) {
  expect(Await::bind);
  expect(Await::execute, run("select a from t"));
  expect(Await::bind);
  expect(Await::execute, run("select b from t"));
  expect(Await::sync);
  replies("2DC2");
  EXPECT_EQ(of("select a from t").calls, 1u);
  EXPECT_EQ(of("select b from t").calls, 0u);
  replies("DDCZ");
  EXPECT_EQ(of("select b from t").calls, 1u);
}

TEST_F(ExchangeWatchTest, error_belongs_to_the_first_that_has_not_ended) {
  for (const char* text : {"select a from t", "select b from t", "select c from t"}) {
    expect(Await::bind);
    expect(Await::execute, run(text));
  }
  expect(Await::sync);
  replies("2C");
  reply(told_error("42703"));
  replies("Z");
  EXPECT_EQ(of("select a from t").errors, 0u);
  EXPECT_THAT(of("select b from t").states, ElementsAre(Pair("42703", 1u)));
  EXPECT_EQ(of("select c from t").calls, 0u) << "it never ran";
}

TEST_F(ExchangeWatchTest, failed_simple_query_has_its_sqlstate) {
  expect(Await::query, run("select a from t"));
  reply(told_error("22012"));
  replies("Z");
  EXPECT_THAT(of("select a from t").states, ElementsAre(Pair("22012", 1u)));
  expect(Await::query, run("select a from t"));
  replies("TDCZ");
  EXPECT_EQ(of("select a from t").errors, 1u) << "the next one succeeds";
}

TEST_F(ExchangeWatchTest, parse_that_fails_alone_is_told_of) {
  expect(Await::parse);
  expect(Await::describe);
  expect(Await::sync);
  reply(told_error("42P01"));
  EXPECT_THAT(owner.failed_parses, ElementsAre("42P01"));
}

TEST_F(ExchangeWatchTest, suspended_run_goes_on_with_the_next_execute) {
  expect(Await::execute, run("select a from t"));
  expect(Await::sync);
  replies("DDsZ");
  EXPECT_EQ(of("select a from t").calls, 0u);
  ASSERT_TRUE(owner.suspended);
  expect(Await::execute, std::move(owner.suspended));
  expect(Await::sync);
  replies("DCZ");
  EXPECT_EQ(of("select a from t").calls, 1u);
  EXPECT_EQ(of("select a from t").rows, 3u);
}

TEST_F(ExchangeWatchTest, lost_connection_ends_all_that_was_sent) {
  expect(Await::query, run("select a from t"));
  expect(Await::query, run("select b from t"));
  exchange.abandon(nullptr);
  EXPECT_THAT(of("select a from t").states, ElementsAre(Pair("08006", 1u)));
  EXPECT_THAT(of("select b from t").states, ElementsAre(Pair("08006", 1u)));
}

TEST_F(ExchangeWatchTest, what_is_answered_by_us_or_for_us_counts_nowhere) {
  exchange.expect({.kind = Await::query, .ours = true});
  expect(Await::query);
  replies("TDCZTDCZ");
  EXPECT_EQ(workload.totals().calls, 0u);
}

// Sharing a connection, nothing is the server's time before its turn; and who leaves takes its run along.
TEST_F(ExchangeWatchTest, an_orphans_run_is_its_owners) {
  exchange.stand_in_line(false, 0);
  expect(Await::query, run("select 1"));
  testing::Recorder nobody;
  const auto rest = exchange.orphan(nobody);
  EXPECT_EQ(owner.taken_back.size(), 1u);
  for (char type : std::string_view("TDCZ")) {
    const std::string frame = message(type);
    rest->take(type, std::string_view(frame).substr(kHeadSize), table);
  }
  EXPECT_TRUE(rest->settled());
  EXPECT_EQ(of("select ?").calls, 0u) << "it hasn't ended yet";
  owner.taken_back[0]->finish({.at = owner.present(), .rows = 7});
  EXPECT_EQ(of("select ?").rows, 7u);
}

}  // namespace
}  // namespace sluice::postgres
