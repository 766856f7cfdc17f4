// Look-ups and puts a second on one thread, keys of 16 bytes, values of 100, Zipf 0.99, entries that
// expire; and what an entry costs beside its key and value. CPU time, so a busy machine disturbs it
// less; its caches are still shared.
//
//   ./dev bench cache-speed
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <time.h>

#include "base/random.h"
#include "sluice/cache/engine.h"

namespace {

using namespace sluice;
constexpr std::size_t kAsked = 4 << 20, kBatch = 64;

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class Work>
double best_rate(Work&& work) {
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double began = cpu_seconds();
    work();
    best = std::max(best, static_cast<double>(kAsked) / (cpu_seconds() - began) / 1e6);
  }
  return best;
}

// Zipf-distributed numbers whose ranks are scattered over all keys.
std::vector<std::uint32_t> zipf(std::size_t keys) {
  std::vector<double> sums(keys);
  double sum = 0;
  for (std::size_t i = 0; i < keys; ++i)
    sums[i] = sum += std::pow(static_cast<double>(i + 1), -0.99);
  std::vector<std::uint32_t> scattered(keys), out(kAsked);
  std::iota(scattered.begin(), scattered.end(), 0);
  Random random(7);
  std::shuffle(scattered.begin(), scattered.end(), random);
  for (auto& k : out) {
    const auto rank = std::ranges::lower_bound(sums, random.unit() * sum) - sums.begin();
    k = scattered[static_cast<std::size_t>(rank)];
  }
  return out;
}

void measure(std::size_t entries, bool curve) {
  cache::Engine engine({.memory = entries * 400 + (32 << 20), .curve = curve});
  const cache::NamespaceId space = engine.open({.name = "n", .ttl = std::chrono::hours(1)}).value();
  std::string arena;
  for (std::size_t i = 0; i < entries; ++i) {
    char key[32];
    std::snprintf(key, sizeof key, "key:%012zu", i);
    arena.append(key, 16);
  }
  const auto key = [&](std::size_t i) { return std::string_view(arena).substr(16 * i, 16); };
  const std::string value(100, 'v');
  const Time at = now();
  const std::size_t empty = engine.stats().used;
  for (std::size_t i = 0; i < entries; ++i) engine.put(space, key(i), value, at);
  const double each =
      static_cast<double>(engine.stats().used - empty) / static_cast<double>(entries);

  const std::vector<std::uint32_t> asked = zipf(entries);
  std::size_t seen = 0;
  const double reads = best_rate([&] {
    for (const auto i : asked) seen += engine.find(space, key(i), at).bytes().size();
  });
  const double batched = best_rate([&] {
    std::string_view keys[kBatch];
    cache::Handle out[kBatch];
    for (std::size_t from = 0; from + kBatch <= asked.size(); from += kBatch) {
      for (std::size_t i = 0; i < kBatch; ++i) keys[i] = key(asked[from + i]);
      engine.find_many(space, keys, out, at);
      for (const auto& handle : out) seen += handle.bytes().size();
    }
  });
  const double mixed = best_rate([&] {
    for (std::size_t n = 0; n < asked.size(); ++n) {
      if (n % 4 == 3)
        engine.put(space, key(asked[n]), value, at);
      else
        seen += engine.find(space, key(asked[n]), at).bytes().size();
    }
  });
  std::printf("%9zu %6s %10.1f %10.1f %10.1f %10.1f %s\n", entries, curve ? "on" : "off", reads,
              batched, mixed, each - 116, seen ? "" : "nothing found");
}

}  // namespace

int main() {
  std::printf("%9s %6s %10s %10s %10s %10s\n%9s %6s %10s %10s %10s %10s\n", "entries", "curve",
              "reads", "batched", "75/25", "overhead", "", "", "M/s", "M/s", "M/s", "bytes");
  for (const std::size_t entries : {16'384, 1'000'000})
    for (const bool curve : {true, false}) measure(entries, curve);
}
