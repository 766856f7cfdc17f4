// What a lease costs with an idle connection at hand, beside the least that one could write: a
// mutex and a deque. The promise is 100 ns and no allocation for acquire and give_back together.
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>

#include <benchmark/benchmark.h>

#include "sluice/pool.h"

namespace {

thread_local std::uint64_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sluice {
namespace {

struct Connection final : Poolable {};

// Neither queue nor age nor bound: only the lock and the list.
class NaivePool {
 public:
  std::unique_ptr<Poolable> acquire() {
    std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Connection>();
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  void give_back(std::unique_ptr<Poolable> connection) {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }

 private:
  std::mutex mutex_;
  std::deque<std::unique_ptr<Poolable>> idle_;
};

NaivePool naive;
const std::shared_ptr<PoolCore> pool =
    PoolCore::make({.max = 64}, [](unsigned, Deadline) -> Result<std::unique_ptr<Poolable>> {
      return std::make_unique<Connection>();
    });

void naive_lease(benchmark::State& state) {
  naive.give_back(naive.acquire());
  for (auto _ : state) {
    auto connection = naive.acquire();
    benchmark::DoNotOptimize(connection.get());
    naive.give_back(std::move(connection));
  }
}

void measure(benchmark::State& state, const AcquireOptions& options) {
  pool->acquire(options)->give_back();
  const std::uint64_t before = allocations;
  for (auto _ : state) {
    auto lease = pool->acquire(options);
    benchmark::DoNotOptimize(&lease->get());
  }
  state.counters["allocations"] = static_cast<double>(allocations - before);
}

void lease(benchmark::State& state) {
  measure(state, {.home = static_cast<unsigned>(state.thread_index())});
}

void preferred_lease(benchmark::State& state) {
  const std::uint64_t id = pool->acquire({})->id();
  measure(state, {.prefer = id});
}

BENCHMARK(naive_lease);
BENCHMARK(lease);
BENCHMARK(preferred_lease);
BENCHMARK(naive_lease)->Threads(2)->UseRealTime();
BENCHMARK(lease)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace sluice
