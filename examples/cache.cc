// The cache engine in a plain program: get and put, times to live, tags, prefixes, and what it learnt.
#include <cstdio>
#include <string>

#include "sluice/cache/engine.h"

using namespace std::chrono_literals;
namespace cache = sluice::cache;

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  std::printf("%s %s\n", holds ? "yes:" : "NO: ", what);
  failures += !holds;
}

// Stands for a query that takes a while.
std::string load_user(int id) { return "{\"id\": " + std::to_string(id) + "}"; }

}  // namespace

int main() {
  cache::Engine engine({.memory = 16 << 20});
  const auto users = engine.open({.name = "users", .ttl = 10min, .separators = ":"});
  if (!users) return 1;
  const sluice::Time start = sluice::now();

  const auto user = [&](int id) {
    const std::string key = "users:" + std::to_string(id);
    if (cache::Handle hit = engine.find(*users, key, start)) return std::string(hit.bytes());
    const cache::Ticket ticket = engine.ticket();  // what is invalidated while we load isn't kept
    std::string value = load_user(id);
    const std::string_view tags[] = {id % 2 ? "odd" : "even"};
    engine.put(*users, key, value, start, {.cost = 12ms, .tags = tags, .ticket = ticket});
    return value;
  };
  for (int round = 0; round < 3; ++round)
    for (int id = 1; id <= 100; ++id) user(id);

  const cache::NamespaceStats stats = engine.stats().namespaces[*users];
  std::printf("%llu hits, %llu misses, about %.0f ms saved\n",
              static_cast<unsigned long long>(stats.hits),
              static_cast<unsigned long long>(stats.misses), stats.milliseconds_saved);
  expect(stats.hits == 200, "two of three rounds came from memory");

  const cache::Handle seven = engine.find(*users, "users:7", start);
  engine.invalidate_tag("odd");
  expect(!engine.find(*users, "users:7", start), "the tag took user 7");
  expect(static_cast<bool>(engine.find(*users, "users:8", start)), "and left user 8");
  expect(seven.bytes() == load_user(7), "a handle keeps what it found");

  expect(!engine.find(*users, "users:8", start + 10min), "after ten minutes it has expired");
  expect(engine.invalidate_prefix(*users, "users:*").has_value(), "a prefix goes at once");
  expect(!engine.find(*users, "users:8", start), "with all that is below it");

  engine.upkeep(start + 10min);  // in a program that runs on: every 100 ms or so
  expect(engine.stats().entries == 0, "upkeep gave the memory back");
  return failures;
}
