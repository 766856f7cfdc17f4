// Streams: what the journal passes over is little to the detector and nothing to the counts, and what comes
// behind a stream is judged as if all of it had been told.
#include "query/streams.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "query/reservoir.h"
#include "query/workload_testing.h"
#include "sluice/query/loops.h"

namespace sluice::query {
namespace {

using namespace testing;

class StreamsTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kClient = 7;

  TemplateRef intern(const std::string& query) {
    Normaliser normaliser;
    return templates_.intern(normaliser.read(query), query, Dialect::postgres, false);
  }

  // One execution with a row of one field, right behind the one before.
  void ask(const TemplateRef& statement, const std::string& key,
           const std::vector<std::string>& rows, std::uint64_t client = kClient) {
    const Value value = text(key);
    clock_ += 100us;
    RunRef run = recorder_.begin(
        {.statement = statement, .values = {&value, 1}, .client = client, .arrived = clock_});
    run->sent(clock_);
    for (const std::string& row : rows) {
      const Value field = text(row);
      if (run->row(row.size(), clock_ + 100us)) run->fields({&field, 1});
    }
    clock_ += 300us;
    run->finish({.at = clock_, .rows = rows.size()});
    if (++asked_ % 50 == 0) turn();
  }
  void stream(int n, std::uint64_t client = kClient) {
    for (int i = 0; i < n; ++i)
      ask(lookup_, std::to_string(1'000'000 + random_.below(1'000'000'000)),
          {"-" + std::to_string(1 + random_.below(1'000'000))}, client);
  }
  // What the thread behind the workers does ten times a second.
  void turn() {
    detector_.feed(recorder_.take_journal());
    for (const Stream& found : detector_.take_streams())
      recorder_.pass_over(found.client, found.statement);
  }
  std::vector<Loop> loops() {
    turn();
    detector_.flush();
    return detector_.findings();
  }
  std::uint64_t told() {
    turn();
    return detector_.events();
  }

  Templates templates_;
  Workload workload_{WorkloadOptions{}, 1, templates_};
  Recorder& recorder_ = workload_.recorder(0);
  LoopDetector detector_{LoopOptions{.utc = Duration{}}};
  TemplateRef lookup_ = intern("select balance from accounts where id = $1");
  TemplateRef list_ = intern("select id from orders where day = $1");
  TemplateRef item_ = intern("select * from items where order_id = $1");
  Dice random_{11};
  Time clock_ = kStart;
  int asked_ = 0;
};

TEST_F(StreamsTest, a_stream_is_passed_over_and_counted) {
  stream(5000);
  EXPECT_LT(told(), 300U);
  const auto stats = workload_.find(lookup_->fingerprint());
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->calls, 5000U);
  EXPECT_EQ(stats->rows, 5000U);
  EXPECT_EQ(stats->uniform.size(), 8U);
  EXPECT_EQ(stats->slowest.size(), 8U);
  for (const Sample& sample : stats->uniform) EXPECT_EQ(sample.values.size(), 1U);
  EXPECT_TRUE(loops().empty());
}

TEST_F(StreamsTest, now_and_then_some_are_told_again) {
  stream(20'000);
  EXPECT_GT(told(), 2 * 208U);
  EXPECT_LT(told(), 1500U);
}

TEST_F(StreamsTest, other_sessions_are_told_in_full) {
  stream(1000);
  const std::uint64_t before = told();
  stream(150, kClient + 1);
  EXPECT_EQ(told(), before + 150);
}

TEST_F(StreamsTest, a_loop_behind_a_stream_is_found) {
  stream(2000);
  std::vector<std::string> ids;
  for (int i = 0; i < 120; ++i) ids.push_back(std::to_string(500 + 3 * i));
  ask(list_, "monday", ids);
  for (const std::string& id : ids) ask(item_, id, {"a thing"});
  const auto found = loops();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, LoopKind::proven);
  EXPECT_EQ(found[0].calls, 120U);
}

// 100 of them alone would be a loop of their own (below); as the rest of a stream they aren't.
TEST_F(StreamsTest, the_rest_of_a_stream_is_no_loop) {
  stream(2000);
  ask(list_, "monday", {});
  stream(100);
  EXPECT_TRUE(loops().empty());
}

TEST_F(StreamsTest, behind_a_pause_nothing_is_left_of_the_stream) {
  stream(2000);
  clock_ += 2s;
  ask(list_, "monday", {});
  stream(100);
  const auto found = loops();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, LoopKind::repeated);
  EXPECT_EQ(found[0].calls, 100U);
}

TEST_F(StreamsTest, what_is_in_a_transaction_is_told) {
  ask(intern("begin"), "", {});
  stream(2000);
  EXPECT_EQ(told(), 2001U);
}

// Each key is a row of an earlier answer: a tree, level by level.
TEST_F(StreamsTest, a_chain_is_told_and_found) {
  std::vector<std::string> keys = {"1"};
  for (std::size_t i = 0; i < 600; ++i) {
    std::vector<std::string> children;
    for (int k = 0; k < 3; ++k) children.push_back(std::to_string(random_.below(1'000'000'000)));
    ask(lookup_, keys[i], children);
    keys.insert(keys.end(), children.begin(), children.end());
  }
  EXPECT_EQ(told(), 600U);
  EXPECT_FALSE(loops().empty());
}

}  // namespace
}  // namespace sluice::query
