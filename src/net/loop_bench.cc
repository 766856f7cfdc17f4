// What a request costs in the relay's thread: our loop against Boost.Asio, side by side.
//
// A client on its own thread sends 64 bytes over each of its connections, the relay passes them to
// a server and the answer back, all over loopback TCP: the smallest proxy there is. Relays:
//   sluice      Loop and Stream: registered once, edge-triggered, a short read ends the reading
//   asio_wait   Asio's sockets as readiness only: async_wait, then recv and send
//   asio_read   Asio as its manual shows it: async_read_some, async_write
// `cpu_us` is CPU time of the relay's thread a request, system calls included. Each benchmark
// measures one relay for a fixed number of requests; repeat them interleaved and compare medians:
//   net_bench --benchmark_filter=relay --benchmark_repetitions=15
//             --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true
// The second group are the loop's own parts, without any socket: switching, timers, posting.
#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/fiber.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
constexpr std::size_t kMessage = 64;
constexpr int kRequests = 20'000;  // a measurement, over all connections

double thread_cpu_us() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

// Two connected loopback TCP sockets, blocking, without Nagle's delay.
struct TcpPair {
  TcpPair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);
    ends[0] = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::bind(listener, address, length) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, address, &length) != 0 || ::connect(ends[0], address, length) != 0)
      throw std::runtime_error("loopback connection");
    ends[1] = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    const int on = 1;
    for (const int fd : ends) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  int ends[2];
};

// The two ends that aren't measured: one thread answers, the other asks and waits, over `count`
// connections at once. The relay gets the inner ends and the number of requests to expect.
class Ends {
 public:
  explicit Ends(int count) : client_side_(count), server_side_(count) {
    server_ = std::thread([this] { answer(); });
    client_ = std::thread([this] { ask(); });
  }
  ~Ends() {
    client_.join();
    server_.join();
    for (auto* side : {&client_side_, &server_side_})
      for (TcpPair& pair : *side) ::close(pair.ends[0]);
  }
  int client_end(int i) const { return client_side_[i].ends[1]; }  // the relay closes them
  int server_end(int i) const { return server_side_[i].ends[1]; }
  int count() const { return static_cast<int>(client_side_.size()); }
  void start() {
    go_.store(true);
    go_.notify_all();
  }

 private:
  void ask() {
    go_.wait(false);
    std::array<char, kMessage> bytes{};
    const int rounds = kRequests / count();
    for (int round = 0; round < rounds; ++round) {
      for (TcpPair& pair : client_side_)
        if (::send(pair.ends[0], bytes.data(), kMessage, MSG_NOSIGNAL) < 0) return;
      for (TcpPair& pair : client_side_)
        if (::recv(pair.ends[0], bytes.data(), kMessage, MSG_WAITALL) <= 0) return;
    }
    for (TcpPair& pair : client_side_) ::shutdown(pair.ends[0], SHUT_WR);
  }
  void answer() {
    std::vector<pollfd> polled;
    for (TcpPair& pair : server_side_) polled.push_back({pair.ends[0], POLLIN, 0});
    std::array<char, 4096> bytes;
    for (std::size_t open = polled.size(); open > 0;) {
      ::poll(polled.data(), polled.size(), -1);
      for (pollfd& one : polled) {
        if (!one.revents) continue;
        const ssize_t got = ::recv(one.fd, bytes.data(), bytes.size(), 0);
        if (got > 0) {
          [[maybe_unused]] const auto sent =
              ::send(one.fd, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
        } else {
          ::shutdown(one.fd, SHUT_WR);
          one.fd = -1;
          --open;
        }
      }
    }
  }

  std::vector<TcpPair> client_side_, server_side_;
  std::atomic<bool> go_ = false;
  std::thread client_, server_;
};

// --- sluice --------------------------------------------------------------------------------------

class SluiceRelay {
 public:
  explicit SluiceRelay(const Ends& ends) : open_(ends.count() * 2) {
    for (int i = 0; i < ends.count(); ++i) {
      auto client = std::make_unique<Half>(*this, ends.client_end(i));
      auto server = std::make_unique<Half>(*this, ends.server_end(i));
      client->other = server.get();
      server->other = client.get();
      halves_.push_back(std::move(client));
      halves_.push_back(std::move(server));
    }
  }
  void run() { loop_.run(); }

 private:
  struct Half final : Stream::Handler {
    Half(SluiceRelay& owner, int fd) : relay(owner), stream(owner.loop_, nonblocking(fd), {}) {
      stream.set_handler(this);
    }
    static int nonblocking(int fd) {
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
      return fd;
    }
    void on_ready() override {
      char bytes[4096];
      while (stream.maybe_readable()) {
        const auto got = stream.read_some(bytes);
        if (!got) return;
        if (*got == 0) return close();
        (void)other->stream.write_some({bytes, *got});
      }
    }
    void close() {
      stream.set_handler(nullptr);
      ::shutdown(other->stream.fd(), SHUT_WR);
      if (--relay.open_ == 0) relay.loop_.stop();
    }
    SluiceRelay& relay;
    Stream stream;
    Half* other = nullptr;
  };

  Loop loop_;
  int open_;
  std::vector<std::unique_ptr<Half>> halves_;
};

// --- Asio ----------------------------------------------------------------------------------------

using Context = asio::io_context;
using Tcp = asio::basic_stream_socket<asio::ip::tcp, Context::executor_type>;

template <class Half>
class AsioRelay {
 public:
  explicit AsioRelay(const Ends& ends) {
    for (int i = 0; i < ends.count(); ++i) {
      auto client = std::make_unique<Half>(context_, ends.client_end(i));
      auto server = std::make_unique<Half>(context_, ends.server_end(i));
      client->other = server.get();
      server->other = client.get();
      client->start();
      server->start();
      halves_.push_back(std::move(client));
      halves_.push_back(std::move(server));
    }
  }
  void run() { context_.run(); }

 private:
  Context context_{1};  // a hint that one thread runs it
  std::vector<std::unique_ptr<Half>> halves_;
};

struct WaitHalf {
  WaitHalf(Context& context, int fd) : socket(context, asio::ip::tcp::v4(), fd) {
    socket.non_blocking(true);
  }
  void start() {
    socket.async_wait(Tcp::wait_read, [this](const boost::system::error_code& error) {
      if (!error) on_ready();
    });
  }
  void on_ready() {
    char bytes[4096];
    const ssize_t got = ::recv(socket.native_handle(), bytes, sizeof bytes, 0);
    if (got == 0) {
      ::shutdown(other->socket.native_handle(), SHUT_WR);
      return;
    }
    if (got > 0) {
      [[maybe_unused]] const auto sent =
          ::send(other->socket.native_handle(), bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL);
    }
    start();
  }
  Tcp socket;
  WaitHalf* other = nullptr;
};

struct ReadHalf {
  ReadHalf(Context& context, int fd) : socket(context, asio::ip::tcp::v4(), fd) {}
  void start() {
    socket.async_read_some(
        asio::buffer(bytes), [this](const boost::system::error_code& error, std::size_t got) {
          if (error) {
            ::shutdown(other->socket.native_handle(), SHUT_WR);
            return;
          }
          asio::async_write(other->socket, asio::buffer(bytes, got),
                            [this](const boost::system::error_code& failed, std::size_t) {
                              if (!failed) start();
                            });
        });
  }
  Tcp socket;
  ReadHalf* other = nullptr;
  std::array<char, 4096> bytes;
};

template <class Relay>
void relay(benchmark::State& state) {
  double cpu_us = 0, requests = 0;
  for (auto _ : state) {
    Ends ends(static_cast<int>(state.range(0)));
    Relay under_test(ends);
    ends.start();
    const double before = thread_cpu_us();
    under_test.run();
    cpu_us += thread_cpu_us() - before;
    requests += kRequests / ends.count() * ends.count();
  }
  state.counters["cpu_us"] = cpu_us / requests;
}

BENCHMARK(relay<SluiceRelay>)->Name("relay/sluice")->Arg(1)->Arg(16)->Iterations(1);
BENCHMARK(relay<AsioRelay<WaitHalf>>)->Name("relay/asio_wait")->Arg(1)->Arg(16)->Iterations(1);
BENCHMARK(relay<AsioRelay<ReadHalf>>)->Name("relay/asio_read")->Arg(1)->Arg(16)->Iterations(1);

// --- the loop's own parts ------------------------------------------------------------------------

void run_on_fiber(Loop& loop, const std::function<void()>& body) {
  loop.spawn([&] {
    body();
    loop.stop();
  });
  loop.run();
}

// To another fiber and back: two switches through the loop's stack each way.
void fiber_park_wake(benchmark::State& state) {
  Loop loop;
  run_on_fiber(loop, [&] {
    Fiber* main = current_fiber();
    Fiber* other = nullptr;
    bool end = false, ended = false;
    loop.spawn([&] {
      other = current_fiber();
      while (!end) {
        wake(*main);
        park();
      }
      ended = true;
      wake(*main);
    });
    park();
    for (auto _ : state) {
      wake(*other);
      park();
    }
    end = true;
    wake(*other);
    while (!ended) park();
  });
}
BENCHMARK(fiber_park_wake);

void fiber_spawn(benchmark::State& state) {
  Loop loop;
  run_on_fiber(loop, [&] {
    Fiber* main = current_fiber();
    for (auto _ : state) {
      loop.spawn([main] { wake(*main); });
      park();
    }
  });
}
BENCHMARK(fiber_spawn);

void timer_set_and_clear(benchmark::State& state) {
  Timers timers;
  Timer timer([] {});
  Time at{};
  timers.expire(at);
  for (auto _ : state) {
    timer.set(timers, at += std::chrono::microseconds(10));
    timer.clear();
  }
}
BENCHMARK(timer_set_and_clear);

void empty_turn(benchmark::State& state) {
  Loop loop;
  run_on_fiber(loop, [&] {
    for (auto _ : state) yield();
  });
}
BENCHMARK(empty_turn);

}  // namespace
}  // namespace sluice::net
