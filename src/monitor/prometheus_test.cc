#include "monitor/prometheus.h"

#include <cstdio>
#include <cstdlib>
#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/parse.h"
#include "base/random.h"
#include "monitor/system.h"

namespace sluice::monitor {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A registry with one of everything, odd labels included.
struct Everything {
  Registry registry;
  SystemMetrics system{registry, {"/"}};
  Registration function;

  Everything() {
    registry.counter("sluice_requests_total", "Requests by verb.", {{"verb", "read"}}).add(12);
    registry.counter("sluice_requests_total", "Requests by verb.", {{"verb", "write"}}).add(3);
    registry.gauge("sluice_connections", "Open \\ connections\nnow.", {{"pool", "a\"b\\c\nd"}})
        .set(-2.5);
    const Histogram wait = registry.histogram("sluice_wait_seconds", "Waits.", {{"pool", "app"}});
    Random random(1);
    for (int i = 0; i < 1'000; ++i) wait.record(Duration(random.below(50'000'000)));
    wait.record(100s);
    registry.histogram("sluice_reply_bytes", "Replies.", {}, Unit::bytes)
        .record(std::uint64_t{4'096});
    function = registry.gauge_fn("sluice_idle", "Idle.", {}, [] { return 7.0; });
  }
  std::string text() { return prometheus_text(registry.collect()); }
};

TEST(PrometheusTest, help_type_and_samples_of_a_counter) {
  Registry registry;
  registry.counter("sluice_x_total", "All of it.", {{"b", "2"}, {"a", "1"}}).add(5);
  registry.gauge("sluice_y", "Y.").set(0.25);
  EXPECT_EQ(prometheus_text(registry.collect()),
            "# HELP sluice_x_total All of it.\n"
            "# TYPE sluice_x_total counter\n"
            "sluice_x_total{a=\"1\",b=\"2\"} 5\n"
            "# HELP sluice_y Y.\n"
            "# TYPE sluice_y gauge\n"
            "sluice_y 0.25\n");
}

TEST(PrometheusTest, large_counters_lose_no_digit) {
  Registry registry;
  registry.counter("sluice_x_total", "X.").add(18'446'744'073'709'551'615u);
  EXPECT_THAT(prometheus_text(registry.collect()),
              HasSubstr("sluice_x_total 18446744073709551615\n"));
}

TEST(PrometheusTest, help_and_labels_are_escaped) {
  Everything everything;
  const std::string text = everything.text();
  EXPECT_THAT(text, HasSubstr("# HELP sluice_connections Open \\\\ connections\\nnow.\n"));
  EXPECT_THAT(text, HasSubstr("sluice_connections{pool=\"a\\\"b\\\\c\\nd\"} -2.5\n"));
}

TEST(PrometheusTest, numbers_beyond_the_finite_have_names) {
  Registry registry;
  registry.gauge("sluice_a", "A.").set(1.0 / 0.0);
  registry.gauge("sluice_b", "B.").set(-1.0 / 0.0);
  registry.gauge("sluice_c", "C.").set(0.0 / 0.0);
  EXPECT_THAT(prometheus_text(registry.collect()), HasSubstr("sluice_a +Inf\n"));
  EXPECT_THAT(prometheus_text(registry.collect()), HasSubstr("sluice_b -Inf\n"));
  EXPECT_THAT(prometheus_text(registry.collect()), HasSubstr("sluice_c NaN\n"));
}

TEST(PrometheusTest, classic_buckets_are_exact_and_cumulative) {
  Registry registry;
  const Histogram histogram = registry.histogram("sluice_x_seconds", "X.");
  for (Duration d : {Duration(0), Duration(10us), Duration(1s), Duration(1s) + 1ns, Duration(33s)})
    histogram.record(d);
  const std::string text = prometheus_text(registry.collect());
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_bucket{le=\"1.52587890625e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_bucket{le=\"0.5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_bucket{le=\"2\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_bucket{le=\"32\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_bucket{le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_sum 35.000010001\n"));
  EXPECT_THAT(text, HasSubstr("sluice_x_seconds_count 5\n"));
}

// Every line by the format's own grammar; each family's lines together, each series once.
TEST(PrometheusTest, the_text_follows_the_grammar) {
  Everything everything;
  static const std::regex kMeta(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\n]*))");
  static const std::regex kSample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*")*\})? (NaN|[+-]Inf|-?[0-9.]+(e[+-]?[0-9]+)?))re");
  std::set<std::string> series, families;
  std::string family;
  const std::string text = everything.text();
  ASSERT_TRUE(text.ends_with('\n'));
  for (std::string_view view : split(std::string_view(text).substr(0, text.size() - 1), '\n')) {
    const std::string line(view);
    std::smatch match;
    if (std::regex_match(line, match, kMeta)) {
      if (match[1] == "HELP") {
        family = match[2];
        EXPECT_TRUE(families.insert(family).second) << family << " comes twice";
      }
      EXPECT_EQ(match[2], family);
    } else {
      ASSERT_TRUE(std::regex_match(line, match, kSample)) << line;
      EXPECT_TRUE(match[1].str().starts_with(family)) << line;
      EXPECT_TRUE(series.insert(match[1].str() + match[2].str()).second) << line;
    }
  }
  EXPECT_GT(series.size(), 60u);
}

TEST(PrometheusTest, promtool_finds_nothing_to_complain_about) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool isn't installed";
  Everything everything;
  FILE* promtool = ::popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = everything.text();
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
  EXPECT_EQ(::pclose(promtool), 0) << "its complaints stand above";  // 3: readable, but bad style
}

}  // namespace
}  // namespace sluice::monitor
