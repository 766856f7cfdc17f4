#include "monitor/metrics.h"

#include <memory>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::monitor {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const FamilySnapshot* find(const std::vector<FamilySnapshot>& all, std::string_view name) {
  for (const FamilySnapshot& family : all)
    if (family.name == name) return &family;
  return nullptr;
}

TEST(RegistryTest, the_same_name_and_labels_give_the_same_metric) {
  Registry registry;
  const Counter a = registry.counter("sluice_x_total", "X.", {{"b", "2"}, {"a", "1"}});
  const Counter b = registry.counter("sluice_x_total", "X.", {{"a", "1"}, {"b", "2"}});
  const Counter other = registry.counter("sluice_x_total", "X.", {{"a", "1"}, {"b", "3"}});
  a.add();
  b.add(2);
  EXPECT_EQ(a.value(), 3u);
  EXPECT_EQ(b.value(), 3u);
  EXPECT_EQ(other.value(), 0u);
}

TEST(RegistryTest, registries_do_not_share_anything) {
  Registry first, second;
  const Counter a = first.counter("sluice_x_total", "X.");
  const Counter b = second.counter("sluice_x_total", "X.");
  for (int i = 0; i < 10; ++i) {
    a.add();
    b.add(2);
  }
  EXPECT_EQ(a.value(), 10u);
  EXPECT_EQ(b.value(), 20u);
}

TEST(RegistryTest, a_registry_after_another_starts_at_zero) {
  for (int i = 0; i < 20; ++i) {
    Registry registry;
    const Counter counter = registry.counter("sluice_x_total", "X.");
    counter.add(5);
    ASSERT_EQ(counter.value(), 5u);
  }
}

TEST(RegistryTest, a_name_of_another_type_counts_nowhere_and_is_told) {
  Registry registry;
  registry.counter("sluice_x_total", "X.").add();
  const Gauge gauge = registry.gauge("sluice_x_total", "X.");
  gauge.set(5);
  EXPECT_EQ(gauge.value(), 0);
  registry.histogram("sluice_h", "H.", {}, Unit::bytes);
  registry.histogram("sluice_h", "H.", {{"a", "b"}}, Unit::seconds).record(1s);
  ASSERT_EQ(registry.errors().size(), 2u);
  EXPECT_THAT(registry.errors()[1].detail, HasSubstr("sluice_x_total is a counter already"));
}

TEST(RegistryTest, names_that_prometheus_refuses_are_refused) {
  Registry registry;
  for (const char* name : {"", "1x", "a-b", "a b", "a\n"}) registry.counter(name, "X.").add();
  registry.counter("ok_total", "X.", {{"bad-label", "v"}}).add();
  registry.counter("ok_total", "X.", {{"__name", "v"}}).add();
  registry.counter("ok_total", "X.", {{"a", "v"}, {"a", "w"}}).add();
  registry.histogram("ok_seconds", "X.", {{"le", "v"}}).record(1s);
  EXPECT_EQ(registry.errors().size(), 9u);
  EXPECT_TRUE(registry.collect().empty());
}

TEST(RegistryTest, handles_without_a_registry_count_nowhere) {
  Counter().add();
  Gauge().set(1);
  Histogram().record(std::uint64_t{1});
  Histogram().record(1s);
  EXPECT_EQ(Counter().value(), 0u);
  EXPECT_EQ(Histogram().snapshot().count, 0u);
}

TEST(RegistryTest, too_many_label_sets_count_together) {
  Registry registry(3);
  for (int i = 0; i < 10; ++i)
    registry.counter("sluice_x_total", "X.", {{"user", std::to_string(i)}}).add();
  registry.counter("sluice_x_total", "X.", {{"user", "1"}}).add();
  const auto all = registry.collect();
  ASSERT_EQ(all.at(0).samples.size(), 4u);
  std::uint64_t total = 0;
  for (const Sample& sample : all[0].samples) {
    total += std::get<std::uint64_t>(sample.value);
    if (sample.labels[0].second != "__overflow__") continue;
    EXPECT_EQ(std::get<std::uint64_t>(sample.value), 7u);
  }
  EXPECT_EQ(total, 11u);
  EXPECT_TRUE(registry.errors().empty());
}

TEST(RegistryTest, gauges_are_set_and_added_to) {
  Registry registry;
  const Gauge gauge = registry.gauge("sluice_connections", "Open connections.");
  gauge.set(5);
  gauge.add(2);
  gauge.add(-3.5);
  EXPECT_DOUBLE_EQ(registry.gauge("sluice_connections", "").value(), 3.5);
}

TEST(RegistryTest, functions_add_up_and_leave_with_their_registration) {
  Registry registry;
  auto first = registry.gauge_fn("sluice_idle", "Idle.", {{"pool", "a"}}, [] { return 2.0; });
  {
    auto second = registry.gauge_fn("sluice_idle", "Idle.", {{"pool", "a"}}, [] { return 3.0; });
    EXPECT_EQ(std::get<double>(registry.collect().at(0).samples.at(0).value), 5.0);
  }
  EXPECT_EQ(std::get<double>(registry.collect().at(0).samples.at(0).value), 2.0);
  Registration moved = std::move(first);
  EXPECT_EQ(registry.collect().size(), 1u);
  moved.release();
  EXPECT_TRUE(registry.collect().empty());
}

TEST(RegistryTest, a_registration_may_outlive_its_registry) {
  Registration registration, hook;
  {
    Registry registry;
    registration = registry.counter_fn("sluice_x_total", "X.", {}, [] { return 1.0; });
    hook = registry.before_collect([] {});
  }
  registration.release();
  EXPECT_FALSE(registration);
}

TEST(RegistryTest, a_metric_is_kept_by_a_function_or_a_handle_not_both) {
  Registry registry;
  registry.gauge("sluice_x", "X.");
  EXPECT_FALSE(registry.gauge_fn("sluice_x", "X.", {}, [] { return 1.0; }));
  EXPECT_EQ(registry.errors().size(), 1u);
}

TEST(RegistryTest, refreshers_run_before_functions_and_functions_may_bind_metrics) {
  Registry registry;
  double value = 0;
  auto hook = registry.before_collect([&] { ++value; });
  auto gauge = registry.gauge_fn("sluice_x", "X.", {}, [&] {
    registry.counter("sluice_asked_total", "Asked.").add();
    return value;
  });
  EXPECT_EQ(std::get<double>(find(registry.collect(), "sluice_x")->samples[0].value), 1.0);
  EXPECT_EQ(std::get<double>(find(registry.collect(), "sluice_x")->samples[0].value), 2.0);
  hook.release();
  EXPECT_EQ(std::get<double>(find(registry.collect(), "sluice_x")->samples[0].value), 2.0);
}

TEST(RegistryTest, families_and_samples_come_sorted) {
  Registry registry;
  registry.counter("sluice_b_total", "B.", {{"x", "2"}});
  registry.counter("sluice_b_total", "B.", {{"x", "1"}});
  registry.counter("sluice_a_total", "A.");
  const auto all = registry.collect();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "sluice_a_total");
  EXPECT_EQ(all[1].samples[0].labels[0].second, "1");
}

TEST(ThreadsTest, nothing_is_lost_between_threads_that_come_and_go) {
  Registry registry;
  const Counter counter = registry.counter("sluice_x_total", "X.");
  const Histogram histogram = registry.histogram("sluice_x_seconds", "X.");
  constexpr int kThreads = 8;
  constexpr std::uint64_t kEach = 20'000;
  std::atomic<bool> done = false;
  std::thread reader([&] {
    std::uint64_t last = 0;
    while (!done.load()) {
      const std::uint64_t seen = counter.value();
      ASSERT_GE(seen, last) << "a counter never goes back";
      last = seen;
      ASSERT_LE(histogram.snapshot().count, kThreads * kEach);
      (void)registry.collect();
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        counter.add();
        histogram.record(i);
      }
    });
  for (auto& thread : threads) thread.join();
  done = true;
  reader.join();
  EXPECT_EQ(counter.value(), kThreads * kEach);
  EXPECT_EQ(histogram.snapshot().count, kThreads * kEach);
  EXPECT_EQ(histogram.snapshot().raw_sum, kThreads * (kEach * (kEach - 1) / 2));
}

TEST(ThreadsTest, a_thread_may_outlive_a_registry_it_counted_in) {
  auto registry = std::make_unique<Registry>();
  const Counter counter = registry->counter("sluice_x_total", "X.");
  std::atomic<int> step = 0;
  std::thread thread([&] {
    counter.add();
    step = 1;
    while (step != 2) std::this_thread::yield();
    Registry next;
    const Counter other = next.counter("sluice_x_total", "X.");
    other.add();
    EXPECT_EQ(other.value(), 1u);
  });
  while (step != 1) std::this_thread::yield();
  EXPECT_EQ(counter.value(), 1u);
  registry.reset();
  step = 2;
  thread.join();
}

TEST(ThreadsTest, metrics_may_be_bound_while_others_count) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        registry.counter("sluice_x_total", "X.", {{"i", std::to_string(i)}}).add();
        registry.histogram("sluice_x_seconds", "X.", {{"i", std::to_string(i % 20)}}).record(1ms);
      }
    });
  for (auto& thread : threads) thread.join();
  std::uint64_t total = 0;
  const auto all = registry.collect();
  for (const Sample& sample : find(all, "sluice_x_total")->samples)
    total += std::get<std::uint64_t>(sample.value);
  EXPECT_EQ(total, 800u);
}

TEST(SlotTableTest, a_thread_pays_for_what_it_touches) {
  const auto table = SlotTable::make();
  const std::uint32_t row = table->reserve_row(2'051).value();
  EXPECT_EQ(table->bytes(), 0u);
  SlotTable::add(table.get(), row + 1'000, 7);
  EXPECT_EQ(table->bytes(), SlotTable::kChunk * sizeof(Slot));
  std::vector<std::uint64_t> out(2'051);
  table->sum(row, out);
  EXPECT_EQ(out[1'000], 7u);
  EXPECT_EQ(out[999], 0u);
}

TEST(SlotTableTest, a_full_table_refuses_instead_of_overlapping) {
  const auto table = SlotTable::make();
  ASSERT_TRUE(table->reserve_row(SlotTable::kChunk * (SlotTable::kChunks - 1)));
  EXPECT_FALSE(table->reserve_row(SlotTable::kChunk + 1));
  for (std::uint32_t i = 0; i < SlotTable::kChunk; ++i) ASSERT_TRUE(table->reserve_one());
  EXPECT_FALSE(table->reserve_one());
}

}  // namespace
}  // namespace sluice::monitor
