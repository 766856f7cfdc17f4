// The watch's thread under load: nobody waits for it longer than for one of its steps.
#include "gateway/query_watch.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

// True as soon as `condition` holds; false after `patience`.
template <class Condition>
bool soon(Condition&& condition, Duration patience) {
  for (const Time end = now() + patience; now() < end; std::this_thread::sleep_for(1ms))
    if (condition()) return true;
  return condition();
}

class QueryWatchTest : public ::testing::Test {
 protected:
  static Config config() {
    Config config;
    config.store.directory.clear();
    return config;
  }
  Log log_{{.level = LogLevel::error}};
  QueryWatch watch_{config(), 1, log_};
};

TEST_F(QueryWatchTest, what_is_to_be_done_elsewhere_is_done_before_run_returns) {
  watch_.start();
  const auto caller = std::this_thread::get_id();
  std::thread::id where;
  watch_.run([&] { where = std::this_thread::get_id(); });
  EXPECT_NE(where, std::thread::id());
  EXPECT_NE(where, caller);
  watch_.stop();
  watch_.run([&] { where = std::this_thread::get_id(); });
  EXPECT_EQ(where, caller);
}

// A statement costs its parser more than it costs who brings it.
TEST_F(QueryWatchTest, new_statements_without_end_keep_nobody_waiting) {
  constexpr std::size_t kHeld = 2 * query::Templates::kMaxQueued;
  watch_.start();
  std::jthread flood([&](const std::stop_token& stop) {
    query::Normaliser normaliser;
    std::vector<query::TemplateRef> held(kHeld);  // the queue doesn't hold them
    for (std::size_t i = 0; !stop.stop_requested(); ++i) {
      std::string text = "select a" + std::to_string(i);
      for (int k = 0; k < 50; ++k) text += " union select b from t" + std::to_string(k);
      held[i % kHeld] =
          watch_.templates().intern(normaliser.read(text), text, query::Dialect::postgres, false);
    }
  });
  ASSERT_TRUE(soon([&] { return watch_.templates().counts().queued > kHeld / 4; }, 30s));
  std::atomic<bool> done = false;
  std::thread waits([&] { watch_.run([&] { done = true; }); });
  EXPECT_TRUE(soon([&] { return done.load(); }, 5s));
  flood.request_stop();
  flood.join();
  waits.join();
  EXPECT_TRUE(soon([&] { return watch_.templates().counts().queued == 0; }, 10s));
}

}  // namespace
}  // namespace sluice::gateway
