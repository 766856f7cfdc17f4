// For the tests: connections that count themselves, and a server that makes them as it is told to.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/pool.h"

namespace sluice {

using namespace std::chrono_literals;

struct FakeServer;

class FakeConnection final : public Poolable {
 public:
  FakeConnection(FakeServer& server, unsigned home);
  ~FakeConnection() override;
  bool usable() const override { return alive; }
  Result<void> validate(Deadline) override;
  Result<void> move_to(unsigned to, Deadline) override;
  void on_idle() override { record("idle"); }
  void on_lease() override { record("lease"); }
  void record(const std::string& what);

  FakeServer& server;
  unsigned home;
  std::atomic<bool> alive = true;
  std::atomic<int> users = 0;  // more than one at a time: the pool gave it twice
  std::mutex mutex;
  std::vector<std::string> calls;
};

struct FakeServer {
  std::atomic<int> open = 0, most_open = 0, logins = 0, in_login = 0, most_in_login = 0;
  std::atomic<bool> valid = true, movable = true;
  std::atomic<int> validated = 0;
  std::function<Result<void>(int login)> login;  // null: always succeeds; counts from 1
  bool recording = false;

  PoolCore::Connect connect() {
    return [this](unsigned home, Deadline) -> Result<std::unique_ptr<Poolable>> {
      rise(most_in_login, ++in_login);
      const int number = ++logins;
      Result<void> answer = login ? login(number) : Result<void>();
      --in_login;
      if (!answer) return std::unexpected(answer.error());
      return std::make_unique<FakeConnection>(*this, home);
    };
  }
  static void rise(std::atomic<int>& most, int to) {
    for (int seen = most; seen < to && !most.compare_exchange_weak(seen, to);) continue;
  }
};

inline FakeConnection::FakeConnection(FakeServer& s, unsigned h) : server(s), home(h) {
  FakeServer::rise(server.most_open, ++server.open);
}
inline FakeConnection::~FakeConnection() { --server.open; }
inline Result<void> FakeConnection::validate(Deadline) {
  record("validate");
  ++server.validated;
  if (!server.valid) return fail(Code::connection_lost, "fake");
  return {};
}
inline Result<void> FakeConnection::move_to(unsigned to, Deadline) {
  record("move");
  if (!server.movable) return fail(Code::unavailable, "fake");
  home = to;
  return {};
}
inline void FakeConnection::record(const std::string& what) {
  if (!server.recording) return;
  std::lock_guard lock(mutex);
  calls.push_back(what);
}

inline FakeConnection& fake(const PoolLease& lease) {
  return static_cast<FakeConnection&>(lease.get());
}

inline PoolStats stats_of(const PoolCore& pool) { return pool.stats(now()); }

// Spins until `done`, at most ten seconds.
template <class F>
bool reached(F done) {
  for (const Time end = now() + 10s; now() < end; std::this_thread::yield()) {
    if (done()) return true;
  }
  return false;
}

// A pool and its server. Options of the tests: nothing ages unless a test says so.
struct Rig {
  explicit Rig(PoolOptions options = {}) : pool(PoolCore::make(options, server.connect())) {}
  FakeServer server;
  std::shared_ptr<PoolCore> pool;

  Result<PoolLease> acquire(const AcquireOptions& options = {.deadline = now() + 10s}) {
    return pool->acquire(options);
  }
  // Waits until exactly n acquires are in the queue.
  bool queued(unsigned n) {
    return reached([&] { return stats_of(*pool).waiting == n; });
  }
};

}  // namespace sluice
