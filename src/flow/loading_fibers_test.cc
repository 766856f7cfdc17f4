// The loading cache on fibers: one thread, one loop, and nobody blocks it. A follower that blocked the
// thread would keep its leader from ever landing, so these tests would hang.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/fiber.h"
#include "net/loop.h"
#include "sluice/cache/loading.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

class FiberExecutor final : public Executor {
 public:
  explicit FiberExecutor(net::Loop& loop) : loop_(loop) {}
  bool run(std::function<void()> task) override {
    loop_.spawn(std::move(task));
    return true;
  }

 private:
  net::Loop& loop_;
};

class LoadingFibersTest : public testing::Test {
 protected:
  net::Loop loop;
  FiberExecutor executor{loop};
  cache::Engine engine{{.memory = 1 << 20}};
  cache::LoadingCache memory{engine, {.executor = &executor}};
  int loads = 0;

  // Waits, as for an upstream.
  cache::Loader loader() {
    return [this]() -> Result<cache::Loaded> {
      ++loads;
      net::sleep_until(now() + 5ms);
      return std::string("value");
    };
  }
};

TEST_F(LoadingFibersTest, followers_park_until_the_leader_lands) {
  const auto users = *memory.open({.name = "users"});
  std::vector<std::string> got;
  for (int i = 0; i < 10; ++i)
    loop.spawn([&] {
      got.emplace_back(memory.get_or_load(users, "1", now(), loader())->bytes());
      if (got.size() == 10) loop.stop();
    });
  loop.run();
  EXPECT_EQ(got, std::vector<std::string>(10, "value"));
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(memory.stats(users).followed, 9u);
}

TEST_F(LoadingFibersTest, timeouts_end_the_wait_and_the_load_goes_on_as_a_fiber) {
  const auto users = *memory.open({.name = "users"}, {.hard_timeout = 1ms});
  std::string later;
  loop.spawn([&] {
    const auto first = memory.get_or_load(users, "1", now(), loader());
    EXPECT_EQ(first.error().code, Code::timed_out);
    while (later.empty()) {
      net::sleep_until(now() + 1ms);
      later = memory.find(users, "1", now()).bytes();
    }
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(later, "value");
  EXPECT_EQ(loads, 1);
}

}  // namespace
}  // namespace sluice
