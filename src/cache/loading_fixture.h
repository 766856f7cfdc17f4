// What tests of the loading cache share: an executor that runs when told to, a source that counts and
// fails on demand, and a clock that stands still.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sluice/cache/loading.h"

namespace sluice::cache {

// Soon after the machine started, so that whoever waits for a deadline of the test is done at once.
inline Time clock_of_test{std::chrono::seconds(1)};
inline Time read_clock_of_test() { return clock_of_test; }

class Later final : public Executor {
 public:
  bool run(std::function<void()> task) override {
    if (full) return false;
    tasks.push_back(std::move(task));
    return true;
  }
  std::size_t run_all() {
    std::vector<std::function<void()>> now_due = std::move(tasks);
    tasks.clear();
    for (auto& task : now_due) task();
    return now_due.size();
  }

  std::vector<std::function<void()>> tasks;
  bool full = false;
};

class LoadingTest : public testing::Test {
 protected:
  static constexpr Time kStart{std::chrono::seconds(1)};

  NamespaceId open(const LoadPolicy& policy, std::string name = "users") {
    const auto id = cache.open({.name = std::move(name), .separators = ":"}, policy);
    EXPECT_TRUE(id) << id.error().text();
    return id.value_or(0);
  }
  // Loads "v1", "v2", ...; fails with `error` while there is one.
  Loader source() {
    return [this]() -> Result<Loaded> {
      ++loads;
      clock_of_test += takes;
      if (error) return std::unexpected(*error);
      return "v" + std::to_string(loads);
    };
  }
  std::string get(NamespaceId space, Time at, const LoadOptions& options = {}) {
    const Result<Value> got = cache.get_or_load(space, "1", at, source(), options);
    if (!got) return std::string(name_of(got.error().code));
    origin = got->origin();
    return std::string(got->bytes());
  }

  void SetUp() override { clock_of_test = kStart; }

  Engine engine{{.memory = 4 << 20, .shards = 1, .seed = 1}};
  Later executor;
  LoadingCache cache{engine, {.executor = &executor, .clock = read_clock_of_test, .seed = 1}};
  int loads = 0;
  Duration takes{};
  std::optional<Error> error;
  Origin origin = Origin::memory;
};

}  // namespace sluice::cache
