// What the API tells of statements, from values; and how a query string is read.
#include "admin/queries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "admin/parameters.h"
#include "admin/query_metrics.h"
#include "monitor/prometheus.h"
#include "sluice/query/examiner.h"

namespace sluice::admin {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Request to(std::string target) { return {.method = "GET", .target = std::move(target)}; }

std::string detail_of(const std::optional<Answer>& answer) {
  return answer ? json::parse(answer->body)["detail"].get<std::string>() : "none";
}

TEST(ParametersTest, well_formed_ones_are_read_and_decoded) {
  Parameters given(to("/x?limit=7&search=a%20b+c%26&sort=calls"));
  static constexpr std::string_view kSorts[] = {"total", "calls"};
  EXPECT_EQ(given.number("limit", 50, 1, 100), 7u);
  EXPECT_EQ(given.text("search"), "a b c&");
  EXPECT_EQ(given.word("sort", kSorts, "total"), "calls");
  EXPECT_EQ(given.number("offset", 3, 0, 9), 3u);
  EXPECT_FALSE(given.problem());
}

TEST(ParametersTest, what_is_wrong_is_named) {
  static constexpr std::string_view kSorts[] = {"total", "calls"};
  const auto complaint = [](const std::string& target) {
    Parameters given(to(target));
    given.number("limit", 50, 1, 100);
    given.word("sort", kSorts, "total");
    const auto answer = given.problem();
    EXPECT_TRUE(answer) << target;
    EXPECT_EQ(answer ? answer->status : 0u, 400u) << target;
    return detail_of(answer);
  };
  EXPECT_THAT(complaint("/x?limit=0"), HasSubstr("limit has to be a number from 1 to 100"));
  EXPECT_THAT(complaint("/x?limit=-1"), HasSubstr("limit"));
  EXPECT_THAT(complaint("/x?limit=5x"), HasSubstr("limit"));
  EXPECT_THAT(complaint("/x?limit=99999999999999999999"), HasSubstr("limit"));
  EXPECT_THAT(complaint("/x?sort=size"), HasSubstr("total, calls"));
  EXPECT_THAT(complaint("/x?limit=5&limit=5"), HasSubstr("twice"));
  EXPECT_THAT(complaint("/x?colour=red"), HasSubstr("\"colour\""));
  EXPECT_THAT(complaint("/x?limit=%4"), HasSubstr("%"));
}

// A workload of a few statements, as a worker would have counted them.
class QueriesTest : public ::testing::Test {
 protected:
  void ran(std::string_view text, Duration took, std::string_view state = {}) {
    const query::Seen seen = examiner.examine(text);
    const Time begin{std::chrono::seconds(100)};
    auto run = workload.recorder(0).begin(
        {.statement = *seen.statement, .client = 1, .database = "shop", .arrived = begin});
    run->sent(begin);
    run->finish({.at = begin + took, .sqlstate = state, .rows = 2});
    while (templates.parse_queued() > 0) {
    }
  }

  query::Templates templates;
  query::Examiner examiner{&templates};
  query::Workload workload{{}, 1, templates};
};

TEST_F(QueriesTest, list_shows_a_page_and_what_comes_behind_it) {
  ran("select a from t where b = 1", std::chrono::milliseconds(3));
  ran("insert into t values (1)", std::chrono::milliseconds(1), "23505");
  const auto stats = workload.snapshot();
  ASSERT_EQ(stats.size(), 2u);
  const json page = json::parse(
      queries_json(stats, {.limit = 1, .offset = 0}, workload.totals(), templates.counts()));
  EXPECT_EQ(page["count"], 2);
  EXPECT_EQ(page["items"].size(), 1u);
  EXPECT_EQ(page["next_offset"], 1);
  EXPECT_EQ(page["totals"]["calls"], 2);
  EXPECT_EQ(page["totals"]["errors"], 1);
  const json rest = json::parse(
      queries_json(stats, {.limit = 10, .offset = 1}, workload.totals(), templates.counts()));
  EXPECT_TRUE(rest["next_offset"].is_null());
  const json beyond = json::parse(
      queries_json(stats, {.limit = 10, .offset = 99}, workload.totals(), templates.counts()));
  EXPECT_TRUE(beyond["items"].empty());
}

TEST_F(QueriesTest, statement_is_told_with_its_tables_and_times) {
  ran("select a from t where b = 1", std::chrono::milliseconds(3));
  const auto stats = workload.snapshot();
  const json one = json::parse(query_json(
      stats[0], {}, {},
      std::vector<gateway::SharingView>{{"postgres", "shop", "app", batch::Alone::no},
                                        {"other", "shop", "app", batch::Alone::locks_rows}}));
  EXPECT_EQ(one["query"], "select a from t where b = ?");
  EXPECT_EQ(one["verb"], "select");
  EXPECT_EQ(one["reads"], json({"t"}));
  EXPECT_TRUE(one["unanalysed"].is_null());
  EXPECT_EQ(one["total_ms"], 3.0);
  EXPECT_NEAR(one["p50_ms"], 3.0, 3.0 * 0.045);
  EXPECT_EQ(one["fingerprint"], stats[0].statement->fingerprint().text());
  ASSERT_EQ(one["sharing"].size(), 2u);
  EXPECT_EQ(one["sharing"][0]["shares"], true);
  EXPECT_TRUE(one["sharing"][0]["reason"].is_null());
  EXPECT_EQ(one["sharing"][1]["listener"], "other");
  EXPECT_EQ(one["sharing"][1]["shares"], false);
  EXPECT_EQ(one["sharing"][1]["reason"], "locks rows");
}

TEST_F(QueriesTest, text_that_is_not_utf8_still_makes_an_answer) {
  query::Loop loop{.id = "1", .statement = {1, 2}};
  loop.source_column = "caf\xe9";
  loop.source = {3, 4};
  const auto unknown = [](const query::Fingerprint&) { return query::TemplateRef(); };
  const json body = json::parse(loops_json({&loop, 1}, {}, unknown));
  EXPECT_EQ(body["items"].size(), 1u);
  EXPECT_TRUE(body["items"][0]["statement"]["query"].is_null());
}

TEST_F(QueriesTest, series_are_prometheus_text_for_the_top_only) {
  ran("select a from t where b = 1", std::chrono::milliseconds(3));
  ran("select b from t", std::chrono::milliseconds(1));
  const auto families = query_families(workload.snapshot(1), workload.totals(), templates.counts());
  const std::string text = monitor::prometheus_text(families);
  EXPECT_THAT(text, HasSubstr("# TYPE sluice_query_seconds histogram"));
  EXPECT_THAT(text, HasSubstr("sluice_queries_fingerprints 2"));
  std::size_t series = 0;
  for (std::size_t at = 0; (at = text.find("sluice_query_calls_total{", at)) != text.npos; ++at)
    ++series;
  EXPECT_EQ(series, 1u);
}

}  // namespace
}  // namespace sluice::admin
