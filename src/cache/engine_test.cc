// The engine's promises, and a state machine that holds it against a map.
#include "sluice/cache/engine.h"

#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include "base/random.h"

namespace sluice::cache {
namespace {

using namespace std::chrono_literals;

const Time kStart{1000h};

std::string text(const Handle& handle) { return handle ? std::string(handle.bytes()) : "-"; }

class EngineTest : public testing::Test {
 protected:
  Engine engine{{.memory = 4 << 20, .shards = 2, .seed = 1}};
  NamespaceId space = *engine.open({.name = "users", .separators = ":/"});
  std::string got(std::string_view key, Time now = kStart) {
    return text(engine.find(space, key, now));
  }
  bool put(std::string_view key, std::string_view value, const PutOptions& options = {}) {
    return engine.put(space, key, value, kStart, options);
  }
};

TEST_F(EngineTest, what_was_put_is_found_until_it_is_erased) {
  EXPECT_EQ(got("a"), "-");
  EXPECT_TRUE(put("a", "1"));
  EXPECT_TRUE(put("", "empty key"));
  EXPECT_TRUE(put("empty value", ""));
  EXPECT_EQ(got("a"), "1");
  EXPECT_EQ(got(""), "empty key");
  EXPECT_EQ(got("empty value"), "");
  EXPECT_TRUE(put("a", "2"));
  EXPECT_EQ(got("a"), "2");
  EXPECT_TRUE(engine.erase(space, "a"));
  EXPECT_FALSE(engine.erase(space, "a"));
  EXPECT_EQ(got("a"), "-");
}

TEST_F(EngineTest, namespaces_do_not_see_each_other) {
  const NamespaceId other = *engine.open({.name = "other"});
  put("a", "1");
  EXPECT_FALSE(engine.find(other, "a", kStart));
  EXPECT_EQ(*engine.open({.name = "users"}), space);
}

TEST_F(EngineTest, a_handle_keeps_its_value_when_it_is_replaced_erased_or_evicted) {
  put("a", "first");
  const Handle first = engine.find(space, "a", kStart);
  put("a", "second");
  const Handle second = engine.find(space, "a", kStart);
  engine.erase(space, "a");
  const std::string large(10'000, 'x');
  for (int i = 0; i < 2000; ++i) put("k" + std::to_string(i), large);
  EXPECT_EQ(text(first), "first");
  EXPECT_EQ(text(second), "second");
}

TEST_F(EngineTest, entries_expire_on_the_millisecond_and_their_memory_comes_back) {
  put("short", "1", {.ttl = 50ms});
  put("long", "2", {.ttl = 400h});
  put("never", "3");
  EXPECT_EQ(got("short", kStart + 49ms), "1");
  EXPECT_EQ(engine.find(space, "short", kStart + 20ms).ttl_left(kStart + 20ms), 30ms);
  EXPECT_EQ(got("short", kStart + 50ms), "-");
  engine.upkeep(kStart + 50ms, 0);
  EXPECT_EQ(engine.stats().entries, 2u);
  engine.upkeep(kStart + 399h, 0);
  EXPECT_EQ(engine.stats().entries, 2u);
  engine.upkeep(kStart + 400h, 0);
  EXPECT_EQ(engine.stats().entries, 1u);
  EXPECT_EQ(engine.stats().namespaces[space].left[size_t(Leaving::expired)], 2u);
}

TEST_F(EngineTest, an_invalidation_takes_what_was_loaded_before_it_and_nothing_else) {
  const std::string_view red[] = {"red"}, both[] = {"red", "blue"}, blue[] = {"blue"};
  put("a", "1", {.tags = red});
  put("b", "2", {.tags = both});
  put("c", "3", {.tags = blue});
  engine.invalidate_tag("red");
  EXPECT_EQ(got("a") + got("b") + got("c"), "--3");
  put("a", "4", {.tags = red});
  EXPECT_EQ(got("a"), "4");
  engine.invalidate(space);
  EXPECT_EQ(got("a") + got("c"), "--");
  engine.upkeep(kStart, 1000);
  EXPECT_EQ(engine.stats().entries, 0u);
}

TEST_F(EngineTest, a_ticket_older_than_an_invalidation_is_void) {
  const std::string_view tags[] = {"t"};
  const Ticket before = engine.ticket();
  engine.invalidate_tag("t");
  EXPECT_FALSE(put("a", "old", {.tags = tags, .ticket = before}));
  EXPECT_TRUE(put("b", "fine", {.ticket = before}));
  EXPECT_TRUE(put("a", "new", {.tags = tags, .ticket = engine.ticket()}));
  EXPECT_EQ(got("a"), "new");
}

TEST_F(EngineTest, a_ticket_older_than_an_erasure_of_the_key_is_void) {
  const Ticket before = engine.ticket();
  EXPECT_TRUE(engine.holds(space, "a", {}, before));
  EXPECT_FALSE(engine.erase(space, "a")) << "wasn't there, and counts all the same";
  EXPECT_FALSE(engine.holds(space, "a", {}, before));
  EXPECT_FALSE(put("a", "1", {.ticket = before}));
  EXPECT_TRUE(put("b", "1", {.ticket = before}));
  EXPECT_TRUE(put("a", "2", {.ticket = engine.ticket()}));
  EXPECT_FALSE(put("a", "1", {.ticket = before}));
  EXPECT_EQ(got("a"), "2") << "a void put takes nothing away";
}

TEST_F(EngineTest, a_pattern_takes_what_matches_and_voids_its_tickets) {
  const NamespaceId other = *engine.open({.name = "other"});
  const Ticket before = engine.ticket();
  for (const char* key : {"user:1:name", "user:2:name", "user:1:mail"}) put(key, "x");
  engine.put(other, "user:1:name", "x", kStart);
  EXPECT_EQ(*engine.count_matching(space, "user:*:name", kStart), 2u);
  EXPECT_EQ(*engine.invalidate_matching(space, "user:*:name", kStart), 2u);
  EXPECT_EQ(got("user:1:name"), "-");
  EXPECT_EQ(got("user:1:mail"), "x");
  EXPECT_TRUE(engine.find(other, "user:1:name", kStart));
  EXPECT_FALSE(put("user:3:name", "x", {.ticket = before}));
  EXPECT_TRUE(put("user:3:mail", "x", {.ticket = before}));
  EXPECT_TRUE(engine.put(other, "user:3:name", "x", kStart, {.ticket = before}));
  EXPECT_TRUE(put("user:3:name", "x", {.ticket = engine.ticket()}));
  EXPECT_FALSE(engine.count_matching(77, "*", kStart));
}

TEST_F(EngineTest, patterns_that_were_forgotten_void_older_tickets_of_every_key) {
  const Ticket before = engine.ticket();
  (void)engine.invalidate_matching(space, "first*", kStart);
  const Ticket after = engine.ticket();
  for (int i = 0; i < 64; ++i)
    (void)engine.invalidate_matching(space, "x" + std::to_string(i), kStart);
  EXPECT_FALSE(engine.holds(space, "first", {}, before));
  EXPECT_FALSE(engine.holds(space, "any", {}, before));
  EXPECT_TRUE(engine.holds(space, "any", {}, after));
  EXPECT_FALSE(engine.holds(space, "x7", {}, after));
}

TEST_F(EngineTest, a_peek_counts_and_warms_nothing) {
  put("a", "1");
  EXPECT_EQ(text(engine.peek(space, "a", kStart)), "1");
  EXPECT_EQ(text(engine.peek(space, "b", kStart)), "-");
  engine.invalidate(space);
  EXPECT_EQ(text(engine.peek(space, "a", kStart)), "-");
  EXPECT_EQ(engine.stats().hits + engine.stats().misses, 0u);
}

TEST_F(EngineTest, prefixes_end_at_separators) {
  put("users:1:name", "a");
  put("users:1:mail", "b");
  put("users:2", "c");
  put("usersx", "d");
  EXPECT_TRUE(engine.invalidate_prefix(space, "users:1:*"));
  EXPECT_EQ(got("users:1:name") + got("users:1:mail") + got("users:2"), "--c");
  EXPECT_TRUE(engine.invalidate_prefix(space, "users:"));
  EXPECT_EQ(got("users:2") + got("usersx"), "-d");
  EXPECT_FALSE(engine.invalidate_prefix(space, "use*"));
  EXPECT_TRUE(engine.invalidate_prefix(space, "*"));
  EXPECT_EQ(got("usersx"), "-");
}

TEST_F(EngineTest, memory_stays_within_its_bound_whatever_comes) {
  Random random(5);
  for (int i = 0; i < 20'000; ++i) {
    const std::string value(random.below(i % 100 == 0 ? 400'000 : 3000), 'v');
    put("k" + std::to_string(random.below(9000)), value, {.ttl = 1h});
    if (i % 64 == 0) {
      const EngineStats stats = engine.stats();
      ASSERT_LE(stats.used, stats.bound);
    }
  }
  EXPECT_GT(engine.stats().used, engine.stats().bound * 7 / 10);
}

TEST_F(EngineTest, held_values_count_and_a_put_without_room_is_refused) {
  std::vector<Handle> held;
  const std::string value(30'000, 'v');
  for (int i = 0; i < 1000; ++i) {
    put(std::to_string(i), value);
    if (Handle handle = engine.find(space, std::to_string(i), kStart))
      held.push_back(std::move(handle));
    ASSERT_LE(engine.stats().used, engine.stats().bound);
  }
  EXPECT_GT(engine.stats().refused, 0u);
  EXPECT_EQ(text(held.front()), value);
  held.clear();
  EXPECT_TRUE(put("again", value));
}

TEST_F(EngineTest, what_is_larger_than_an_eighth_of_a_shard_is_refused_and_the_old_value_goes) {
  put("a", "small");
  EXPECT_FALSE(put("a", std::string(1 << 20, 'x')));
  EXPECT_EQ(got("a"), "-");
}

TEST(EngineCountTest, entries_stay_within_their_bound) {
  Engine engine({.memory = 1 << 20, .max_entries = 7, .shards = 1});
  const NamespaceId space = *engine.open({.name = "n"});
  for (int i = 0; i < 1000; ++i) {
    engine.put(space, std::to_string(i % 13), "v", kStart);
    ASSERT_LE(engine.stats().entries, 7u);
  }
  EXPECT_EQ(engine.stats().entries, 7u);
}

TEST(EngineCompressionTest, large_values_are_kept_small_and_come_back_whole) {
  Engine engine({.memory = 1 << 20, .shards = 1});
  const NamespaceId space = *engine.open({.name = "n", .compress_above = 1000});
  std::string value;
  while (value.size() < 50'000)
    value += "{\"id\": " + std::to_string(value.size()) + ", \"name\": null},";
  ASSERT_TRUE(engine.put(space, "json", value, kStart));
  EXPECT_LT(engine.stats().namespaces[space].bytes, value.size() / 3);
  Handle handle = engine.find(space, "json", kStart);
  engine.erase(space, "json");
  EXPECT_EQ(text(handle), value);
  std::string noise(5000, '\0');
  Random random(1);
  for (char& c : noise) c = static_cast<char>(random.next());
  ASSERT_TRUE(engine.put(space, "noise", noise, kStart));
  EXPECT_EQ(text(engine.find(space, "noise", kStart)), noise);
}

TEST_F(EngineTest, statistics_tell_hits_misses_and_what_was_saved) {
  put("a", "1", {.cost = 10ms});
  got("a");
  got("a");
  got("b");
  const NamespaceStats stats = engine.stats().namespaces[space];
  EXPECT_EQ(stats.hits, 2u);
  EXPECT_EQ(stats.misses, 1u);
  EXPECT_EQ(stats.entries, 1u);
  EXPECT_NEAR(stats.milliseconds_saved, 20, 2);
}

TEST(EngineCostTest, what_is_dear_to_load_outlives_what_is_cheap) {
  Engine engine({.memory = 64 << 20, .max_entries = 1000, .shards = 1, .seed = 3});
  const NamespaceId space = *engine.open({.name = "n"});
  Random random(9);
  int dear = 0, cheap = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto k = static_cast<int>(random.below(3000));
    const std::string key = std::to_string(k);
    const bool hit = static_cast<bool>(engine.find(space, key, kStart));
    if (i > 100'000) (k % 10 == 0 ? dear : cheap) += hit;
    if (!hit) engine.put(space, key, "value", kStart, {.cost = k % 10 == 0 ? 500ms : 1ms});
  }
  EXPECT_GT(dear * 9, cheap * 5 / 4);
}

TEST_F(EngineTest, many_lookups_at_once_find_the_same) {
  std::vector<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    keys.push_back("k" + std::to_string(i));
    if (i % 3) put(keys.back(), "v" + std::to_string(i));
  }
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::vector<Handle> out(keys.size());
  engine.find_many(space, views, out, kStart);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(text(out[static_cast<std::size_t>(i)]), i % 3 ? "v" + std::to_string(i) : "-");
}

TEST(EngineCurveTest, foretells_the_hit_ratio_of_a_larger_cache) {
  const auto run = [](std::size_t entries) {
    auto engine = std::make_unique<Engine>(
        EngineOptions{.memory = 64 << 20, .max_entries = entries, .shards = 1, .seed = 7});
    const NamespaceId space = *engine->open({.name = "n"});
    Random random(11);
    for (int i = 0; i < 600'000; ++i) {
      const double u = random.unit();
      const std::string key = std::to_string(static_cast<int>(20'000 * u * u * u));
      if (!engine->find(space, key, kStart)) engine->put(space, key, "v", kStart);
    }
    return engine;
  };
  const auto small = run(1000), large = run(4000);
  const EngineStats real = large->stats();
  const double ratio =
      static_cast<double>(real.hits) / static_cast<double>(real.hits + real.misses);
  EXPECT_NEAR(small->curve().at_entries(4000).hit_ratio, ratio, 0.04);
}

// Values say which key and which version they are; a reader must never see another's.
TEST(EngineThreadTest, readers_see_whole_values_of_their_own_key_while_all_changes) {
  Engine engine({.memory = 1 << 20, .shards = 2});
  const NamespaceId space = *engine.open({.name = "n", .separators = ":"});
  std::atomic<int> wrong = 0;
  std::atomic<std::uint64_t> hits = 0;
  const auto work = [&](std::uint64_t seed) {
    Random random(seed);
    std::vector<Handle> held(8);
    for (int i = 0; i < 15'000; ++i) {
      const Time now = kStart + std::chrono::milliseconds(i / 10);
      const std::string key = "k:" + std::to_string(random.below(3000));
      const std::uint64_t what = random.below(100);
      if (what < 60) {
        Handle handle = engine.find(space, key, now);
        if (!handle) continue;
        ++hits;
        if (!handle.bytes().starts_with(key + "=") || !handle.bytes().ends_with(".")) ++wrong;
        held[random.below(8)] = std::move(handle);
      } else if (what < 92) {
        const std::string_view tags[] = {"t"};
        engine.put(space, key, key + "=" + std::string(random.below(900), 'x') + ".", now,
                   {.ttl = std::chrono::milliseconds(1 + random.below(500)), .tags = tags});
      } else if (what < 98) {
        engine.erase(space, key);
      } else if (what == 98) {
        engine.upkeep(now, 100);
      } else if (i % 20 == 0) {
        engine.invalidate_tag("t");
      }
    }
  };
  std::vector<std::jthread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) threads.emplace_back(work, t + 1);
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(hits, 1000u);
  EXPECT_LE(engine.stats().used, engine.stats().bound);
}

// ---- the state machine: an engine that is large enough never forgets by itself ------------------------

struct Kept {
  std::string value;
  std::optional<Time> until;
  std::set<std::string> tags;
};

struct Model {
  std::map<std::string, Kept> kept;
  Time now = kStart;
};

struct Machine {
  Engine engine{{.memory = 8 << 20, .shards = 2}};
  NamespaceId space = *engine.open({.name = "n", .compress_above = 200, .separators = ":"});
  std::vector<std::pair<Handle, std::string>> held;
};

using Command = rc::state::Command<Model, Machine>;

std::string any_key() {
  static const std::vector<std::string> keys = {"a",     "b",     "u:1",   "u:2",
                                                "u:1:x", "u:1:y", "v:1:x", ""};
  return *rc::gen::elementOf(keys);
}

struct Put : Command {
  std::string key = any_key();
  std::string value = std::string(*rc::gen::element<std::size_t>(0, 1, 100, 1000), 'v') +
                      std::to_string(*rc::gen::inRange(0, 1000));
  int ttl = *rc::gen::element(0, 0, 1, 10, 300, 70'000);
  std::set<std::string> tags = *rc::gen::container<std::set<std::string>>(
      rc::gen::element<std::string>("red", "green", "blue"));
  void apply(Model& m) const override {
    Kept kept{value, {}, tags};
    if (ttl) kept.until = m.now + std::chrono::milliseconds(ttl);
    m.kept[key] = kept;
  }
  void run(const Model& m, Machine& s) const override {
    const std::vector<std::string_view> views(tags.begin(), tags.end());
    PutOptions options{.tags = views};
    if (ttl) options.ttl = std::chrono::milliseconds(ttl);
    RC_ASSERT(s.engine.put(s.space, key, value, m.now, options));
  }
};

struct Find : Command {
  std::string key = any_key();
  void run(const Model& m, Machine& s) const override {
    Handle handle = s.engine.find(s.space, key, m.now);
    const auto at = m.kept.find(key);
    const bool there = at != m.kept.end() && (!at->second.until || m.now < *at->second.until);
    RC_ASSERT(static_cast<bool>(handle) == there);
    if (!there) return;
    RC_ASSERT(handle.bytes() == at->second.value);
    s.held.emplace_back(std::move(handle), at->second.value);
  }
};

struct Erase : Command {
  std::string key = any_key();
  void apply(Model& m) const override { m.kept.erase(key); }
  void run(const Model&, Machine& s) const override { s.engine.erase(s.space, key); }
};

struct InvalidateTag : Command {
  std::string tag = *rc::gen::element<std::string>("red", "green", "blue");
  void apply(Model& m) const override {
    std::erase_if(m.kept, [&](const auto& e) { return e.second.tags.contains(tag); });
  }
  void run(const Model&, Machine& s) const override { s.engine.invalidate_tag(tag); }
};

struct InvalidatePrefix : Command {
  std::string prefix = *rc::gen::element<std::string>("u:", "u:1:", "v:", "w:", "");
  void apply(Model& m) const override {
    std::erase_if(m.kept, [&](const auto& e) { return e.first.starts_with(prefix); });
  }
  void run(const Model&, Machine& s) const override {
    RC_ASSERT(s.engine.invalidate_prefix(s.space, prefix + "*").has_value());
  }
};

struct Pass : Command {
  int milliseconds = *rc::gen::element(1, 9, 100, 5000, 66'000, 20'000'000);
  void apply(Model& m) const override { m.now += std::chrono::milliseconds(milliseconds); }
  void run(const Model& m, Machine& s) const override {
    s.engine.upkeep(m.now + std::chrono::milliseconds(milliseconds), 3);
  }
};

struct LetGo : Command {
  void run(const Model&, Machine& s) const override {
    for (const auto& [handle, value] : s.held) RC_ASSERT(handle.bytes() == value);
    s.held.clear();
    const EngineStats stats = s.engine.stats();
    RC_ASSERT(stats.used <= stats.bound);
  }
};

RC_GTEST_PROP(EngineProperty, behaves_like_a_map_with_times_and_tags, ()) {
  Machine machine;
  rc::state::check(Model{}, machine,
                   rc::state::gen::execOneOfWithArgs<Put, Put, Find, Find, Erase, InvalidateTag,
                                                     InvalidatePrefix, Pass, LetGo>());
}

}  // namespace
}  // namespace sluice::cache
