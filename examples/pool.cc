// A pool of connections in a plain program with threads: no gateway, no event loop.
//
// Eight threads share three connections to a server that isn't there: a Session of this program's
// own stands for libpq's PGconn, a socket, or whatever is dear to open. Prints what the pool saved.
#include "sluice/pool.h"

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

// A real one is closed by its destructor, and moves.
struct Session {
  bool ping() const { return number > 0; }
  int ask(int question) const {
    std::this_thread::yield();  // the server thinks
    return question * 2;
  }
  int number = 0;
};

}  // namespace

int main() {
  std::atomic<int> logins = 0;
  const auto connect = [&](sluice::Deadline) -> sluice::Result<Session> {
    const int number = ++logins;
    if (number > 100) return sluice::fail(sluice::Code::exhausted, "the server is full");
    return Session{.number = number};
  };
  sluice::Pool<Session> pool({.min = 1, .max = 3, .validate_after = 30s}, connect,
                             [](Session& session) { return session.ping(); });
  pool.core().maintain(0, sluice::now());  // warm up; then once a second, on a thread of your own

  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        auto lease = pool.acquire({.deadline = sluice::now() + 5s});
        if (!lease) {
          std::fprintf(stderr, "%s\n", lease.error().text().c_str());
          ++wrong;
          return;
        }
        if ((*lease)->ask(i) != 2 * i) lease->discard();  // broken: closed, not given back
      }
    });
  }
  threads.clear();

  const sluice::PoolStats stats = pool.core().stats(sluice::now());
  std::printf("%llu leases of %llu connections, %llu waited\n",
              static_cast<unsigned long long>(stats.acquired),
              static_cast<unsigned long long>(stats.opened),
              static_cast<unsigned long long>(stats.waited));
  return wrong == 0 && stats.acquired == 8000 && stats.opened <= 3 ? 0 : 1;
}
