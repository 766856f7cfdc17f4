// Schedules, runs and their reports; time is an argument. One test has a thread.
#include "sluice/cache/warmer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cache/loading_fixture.h"
#include "sluice/cache/categories.h"

namespace sluice::cache {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const WallTime kWall = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20);  // midnight

class WarmerTest : public LoadingTest {
 protected:
  Moment at(Duration later) const {
    return {kStart + later, kWall + std::chrono::duration_cast<std::chrono::seconds>(later)};
  }
  WarmTask task(Schedule schedule) {
    return {.name = "top",
            .space = users,
            .keys = {"1", "2"},
            .load = [this](std::string_view key) -> Result<Loaded> {
              loaded.emplace_back(key);
              clock_of_test += takes;
              if (key == bad) return fail(Code::unavailable, "no " + std::string(key));
              return Loaded("v" + std::string(key));
            },
            .schedule = schedule};
  }

  NamespaceId users = open({.ttl = 10min, .jitter = 0});
  Warmer warmer{cache, read_clock_of_test};
  std::vector<std::string> loaded;
  std::string bad;
};

TEST_F(WarmerTest, loads_at_once_and_then_by_its_interval) {
  ASSERT_TRUE(warmer.add(task(5min), at(0s)));
  EXPECT_EQ(warmer.until_due(at(0s)), Duration::zero());
  EXPECT_EQ(warmer.run_due(at(0s)), 2u);
  EXPECT_EQ(cache.find(users, "2", kStart).bytes(), "v2");
  EXPECT_EQ(warmer.until_due(at(1min)), 4min);
  EXPECT_EQ(warmer.run_due(at(5min - 1s)), 0u);
  EXPECT_EQ(warmer.run_due(at(5min)), 2u);
  EXPECT_TRUE(cache.find(users, "1", kStart + 14min)) << "loaded anew though it was fresh";
  EXPECT_EQ(warmer.run_due(at(1h)), 2u) << "what was missed isn't made up for";
  EXPECT_EQ(warmer.run_due(at(1h)), 0u);
}

TEST_F(WarmerTest, loads_when_its_cron_line_says) {
  WarmTask nightly = task(*Cron::parse("30 4 * * *"));
  nightly.at_once = false;
  ASSERT_TRUE(warmer.add(std::move(nightly), at(0s)));
  EXPECT_EQ(warmer.until_due(at(4h)), 30min);
  EXPECT_EQ(warmer.run_due(at(4h + 29min)), 0u);
  EXPECT_EQ(warmer.run_due(at(4h + 30min)), 2u);
  EXPECT_EQ(warmer.status()[0].next_run, kWall + 28h + 30min);
  EXPECT_TRUE(warmer.hurry("top"));
  EXPECT_EQ(warmer.run_due(at(5h)), 2u);
}

TEST_F(WarmerTest, a_list_is_asked_for_its_keys_at_each_run) {
  WarmTask listed = task(1min);
  int asked = 0;
  listed.list = [&]() -> Result<std::vector<std::string>> {
    if (++asked == 2) throw std::runtime_error("no list");
    return std::vector<std::string>{"3"};
  };
  ASSERT_TRUE(warmer.add(std::move(listed), at(0s)));
  EXPECT_EQ(warmer.run_due(at(0s)), 3u);
  EXPECT_THAT(loaded, ElementsAre("1", "2", "3"));
  EXPECT_EQ(warmer.run_due(at(1min)), 2u) << "the fixed keys come all the same";
  EXPECT_THAT(warmer.status()[0].last_error, HasSubstr("no list"));
}

TEST_F(WarmerTest, a_key_that_fails_is_reported_and_keeps_what_it_had) {
  ASSERT_TRUE(warmer.add(task(1min), at(0s)));
  warmer.run_due(at(0s));
  bad = "1";
  EXPECT_EQ(warmer.run_due(at(1min)), 1u);
  EXPECT_TRUE(cache.find(users, "1", kStart + 1min));
  const WarmStatus status = warmer.status()[0];
  EXPECT_EQ(status.runs, 2u);
  EXPECT_EQ(status.loaded, 3u);
  EXPECT_EQ(status.failed, 1u);
  EXPECT_THAT(status.last_error, HasSubstr("no 1"));
  EXPECT_EQ(status.last_run, kWall + 1min);
}

TEST_F(WarmerTest, what_is_loaded_late_in_a_long_run_is_not_born_old) {
  takes = 9min;
  ASSERT_TRUE(warmer.add(task(1h), at(0s)));
  warmer.run_due(at(0s));
  EXPECT_TRUE(cache.find(users, "2", kStart + 18min));
}

TEST_F(WarmerTest, tasks_leave_in_the_middle_of_a_run) {
  WarmTask leaving = task(1min);
  leaving.load = [this](std::string_view) -> Result<Loaded> {
    warmer.remove("top");
    return Loaded("x");
  };
  ASSERT_TRUE(warmer.add(std::move(leaving), at(0s)));
  EXPECT_EQ(warmer.run_due(at(0s)), 1u);
  EXPECT_TRUE(warmer.status().empty());
  EXPECT_EQ(warmer.until_due(at(0s)), Duration::max());
  EXPECT_FALSE(warmer.remove("top"));
  EXPECT_FALSE(warmer.hurry("top"));
}

TEST_F(WarmerTest, wrong_tasks_are_told_what_is_wrong) {
  const auto told = [&](auto change) {
    WarmTask wrong = task(1min);
    change(wrong);
    const auto added = warmer.add(std::move(wrong), at(0s));
    return added ? "" : added.error().detail;
  };
  EXPECT_THAT(told([](WarmTask& t) { t.name = ""; }), HasSubstr("name"));
  EXPECT_THAT(told([](WarmTask& t) { t.keys.clear(); }), HasSubstr("keys or a list"));
  EXPECT_THAT(told([](WarmTask& t) { t.load = nullptr; }), HasSubstr("load"));
  EXPECT_THAT(told([](WarmTask& t) { t.schedule = Duration(10ms); }), HasSubstr("1 s"));
  EXPECT_EQ(told([](WarmTask&) {}), "");
  EXPECT_THAT(told([](WarmTask&) {}), HasSubstr("there already"));
}

TEST_F(WarmerTest, a_thread_runs_it) {
  std::mutex mutex;
  std::condition_variable changed;
  int n = 0;
  WarmTask counted = task(1h);
  counted.load = [&](std::string_view) -> Result<Loaded> {
    std::lock_guard lock(mutex);
    ++n;
    changed.notify_all();
    return Loaded("x");
  };
  ASSERT_TRUE(warmer.add(std::move(counted), moment()));
  WarmerThread thread(warmer);
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, 20s, [&] { return n == 2; }));
}

TEST_F(LoadingTest, categories_have_their_ttls) {
  EXPECT_EQ(category_ttl("api_response"), 5min);
  EXPECT_EQ(category_ttl("image_cache"), 24h);
  EXPECT_EQ(category_ttl("my own"), 1h);
  const NamespaceId games = *open_category(cache, "game_data", {.jitter = 0});
  cache.put(games, "1", "x", kStart);
  EXPECT_TRUE(cache.find(games, "1", kStart + 15min - 1ms));
  EXPECT_FALSE(cache.find(games, "1", kStart + 15min));
}

}  // namespace
}  // namespace sluice::cache
