#include "net/listener.h"

#include <atomic>
#include <set>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "net/testing.h"

namespace sluice::net {
namespace {

using namespace testing;

const Endpoint kAnyPort{"127.0.0.1", 0, {}};

TEST(ListenerTest, port_zero_gets_a_port_that_works) {
  Loop loop;
  auto socket = ListenSocket::open(kAnyPort, {});
  ASSERT_TRUE(socket);
  EXPECT_GT((*socket)->local().port, 0);
  run_on_fiber(loop, [&] {
    int accepted = 0;
    Endpoint from;
    Acceptor acceptor(loop, **socket, [&](int fd, Endpoint peer) {
      ++accepted;
      from = peer;
      ::close(fd);
    });
    auto stream = Stream::connect(loop, (*socket)->local(), soon());
    ASSERT_TRUE(stream);
    while (!accepted) yield();
    EXPECT_EQ(from, (*stream)->local());
  });
}

TEST(ListenerTest, every_address_takes_ipv4_and_names_it_so) {
  Loop loop;
  auto socket = ListenSocket::open(Endpoint{"", 0, {}}, {});
  ASSERT_TRUE(socket);
  run_on_fiber(loop, [&] {
    Endpoint from;
    Acceptor acceptor(loop, **socket, [&](int fd, Endpoint peer) {
      from = peer;
      ::close(fd);
    });
    auto stream = Stream::connect(loop, {"127.0.0.1", (*socket)->local().port, {}}, soon());
    ASSERT_TRUE(stream);
    while (from.port == 0) yield();
    EXPECT_EQ(from.host, "127.0.0.1");
  });
}

TEST(ListenerTest, busy_port_is_named) {
  auto first = ListenSocket::open(kAnyPort, {.reuse_port = false});
  ASSERT_TRUE(first);
  auto second = ListenSocket::open((*first)->local(), {});
  EXPECT_EQ(code_of(second), Code::unavailable);
  EXPECT_EQ(second.error().os, EADDRINUSE);
  EXPECT_NE(second.error().detail.find((*first)->local().text()), std::string::npos);
}

TEST(ListenerTest, workers_share_a_port) {
  auto first = ListenSocket::open(kAnyPort, {});
  ASSERT_TRUE(first);
  EXPECT_TRUE(ListenSocket::open((*first)->local(), {}));
}

TEST(ListenerTest, address_of_another_machine_is_a_wrong_configuration) {
  EXPECT_EQ(code_of(ListenSocket::open({"192.0.2.1", 0, {}}, {})), Code::invalid_argument);
}

TEST(ListenerTest, stale_unix_socket_is_replaced_and_a_live_one_is_not) {
  TempDir dir;
  const Endpoint at{{}, 0, dir.file("s")};
  {
    auto first = ListenSocket::open(at, {});
    ASSERT_TRUE(first);
    auto second = ListenSocket::open(at, {});
    EXPECT_EQ(code_of(second), Code::unavailable);
    EXPECT_EQ(second.error().os, EADDRINUSE);
    // Leave the file behind, as a killed process does.
    ::link(at.path.c_str(), dir.file("kept").c_str());
  }
  EXPECT_NE(::access(at.path.c_str(), F_OK), 0);  // unlinked by its owner
  ASSERT_EQ(::rename(dir.file("kept").c_str(), at.path.c_str()), 0);
  EXPECT_TRUE(ListenSocket::open(at, {}));
}

TEST(ListenerTest, file_that_is_no_socket_is_left_alone) {
  TempDir dir;
  const Endpoint at{{}, 0, dir.file("precious")};
  ::close(::open(at.path.c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_EQ(code_of(ListenSocket::open(at, {})), Code::invalid_argument);
  EXPECT_EQ(::access(at.path.c_str(), F_OK), 0);
}

TEST(ListenerTest, unix_socket_has_the_mode_that_was_asked_for) {
  TempDir dir;
  for (const unsigned mode : {0777u, 0600u}) {
    const Endpoint at{{}, 0, dir.file("s")};
    auto socket = ListenSocket::open(at, {.unix_mode = mode});
    ASSERT_TRUE(socket);
    struct stat found{};
    ASSERT_EQ(::stat(at.path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, mode);
  }
}

TEST(ListenerTest, successor_keeps_its_file_when_the_predecessor_leaves) {
  TempDir dir;
  const Endpoint at{{}, 0, dir.file("s")};
  auto old = ListenSocket::open(at, {});
  ASSERT_TRUE(old);
  ASSERT_EQ(::rename(at.path.c_str(), dir.file("moved").c_str()), 0);
  auto fresh = ListenSocket::open(at, {});
  ASSERT_TRUE(fresh);
  old->reset();
  EXPECT_EQ(::access(at.path.c_str(), F_OK), 0);
}

// A listener that has no descriptor left must neither spin nor stay deaf.
TEST(ListenerTest, out_of_descriptors_pauses_and_recovers) {
  Loop loop;
  auto socket = ListenSocket::open(kAnyPort, {});
  ASSERT_TRUE(socket);
  int accepted = 0;
  run_on_fiber(loop, [&] {
    Acceptor acceptor(loop, **socket, [&](int fd, Endpoint) {
      ++accepted;
      ::close(fd);
    });
    auto address = resolve((*socket)->local(), soon());
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{static_cast<rlim_t>(client + 1), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    std::vector<int> filler;
    for (int fd; (fd = ::dup(client)) >= 0;) filler.push_back(fd);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(address->front().sockaddr.data()),
                        static_cast<socklen_t>(address->front().sockaddr.size())),
              0);
    (void)loop.lag();
    sleep_until(now() + 60ms);
    EXPECT_LT(loop.lag().busy, 30ms);
    EXPECT_EQ(accepted, 0);
    for (const int fd : filler) ::close(fd);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    while (!accepted) sleep_until(now() + 5ms);
    ::close(client);
  });
  EXPECT_EQ(accepted, 1);
}

TEST(WorkerTest, run_waits_for_its_task_from_a_thread_and_from_another_worker) {
  Worker a(0), b(1);
  a.start();
  b.start();
  std::thread::id on_a, on_b;
  a.run([&] {
    on_a = std::this_thread::get_id();
    EXPECT_NE(current_fiber(), nullptr);
    b.run([&] { on_b = std::this_thread::get_id(); });
  });
  EXPECT_NE(on_a, on_b);
  EXPECT_NE(on_a, std::this_thread::get_id());
}

TEST(WorkerTest, two_workers_accept_on_one_port) {
  Worker workers[2] = {Worker(0), Worker(1)};
  auto first = ListenSocket::open(kAnyPort, {});
  ASSERT_TRUE(first);
  auto second = ListenSocket::open((*first)->local(), {});
  ASSERT_TRUE(second);
  ListenSocket* sockets[2] = {first->get(), second->get()};
  std::unique_ptr<Acceptor> acceptors[2];
  std::atomic<int> accepted[2] = {};
  for (int i : {0, 1}) {
    workers[i].start();
    workers[i].run([&, i] {
      acceptors[i] =
          std::make_unique<Acceptor>(workers[i].loop(), *sockets[i], [&, i](int fd, Endpoint) {
            ++accepted[i];
            ::close(fd);
          });
    });
  }
  constexpr int connections = 200;  // all on one worker: 1 in 2^199
  Loop loop;
  run_on_fiber(loop, [&] {
    for (int i = 0; i < connections; ++i)
      ASSERT_TRUE(Stream::connect(loop, (*first)->local(), soon()));
    while (accepted[0] + accepted[1] < connections) sleep_until(now() + 1ms);
  });
  EXPECT_GT(accepted[0], 0);
  EXPECT_GT(accepted[1], 0);
  for (int i : {0, 1}) workers[i].run([&, i] { acceptors[i].reset(); });
}

// --- Stream::connect, against what listens and what doesn't --------------------------------------

TEST(ConnectTest, refused_at_once_and_named) {
  auto socket = ListenSocket::open(kAnyPort, {});
  ASSERT_TRUE(socket);
  const Endpoint gone = (*socket)->local();
  socket->reset();
  Loop loop;
  run_on_fiber(loop, [&] {
    auto stream = Stream::connect(loop, gone, soon());
    EXPECT_EQ(code_of(stream), Code::unavailable);
    EXPECT_EQ(stream.error().os, ECONNREFUSED);
    EXPECT_NE(stream.error().detail.find(gone.text()), std::string::npos);
    TempDir dir;
    auto missing = Stream::connect(loop, {{}, 0, dir.file("none")}, soon());
    EXPECT_EQ(code_of(missing), Code::unavailable);
    EXPECT_EQ(missing.error().os, ENOENT);
  });
}

// A full backlog leaves further connections unanswered, on TCP and on Unix sockets.
TEST(ConnectTest, peer_that_doesnt_answer_times_out) {
  TempDir dir;
  for (const Endpoint& at : {kAnyPort, Endpoint{{}, 0, dir.file("s")}}) {
    auto socket = ListenSocket::open(at, {.backlog = 0});
    ASSERT_TRUE(socket);
    Loop loop;
    run_on_fiber(loop, [&] {
      std::vector<std::unique_ptr<Stream>> queued;
      Result<void> last;
      for (int i = 0; i < 5 && last; ++i) {
        const Time start = now();
        auto stream = Stream::connect(loop, (*socket)->local(), start + 60ms);
        if (stream) {
          queued.push_back(std::move(*stream));
          continue;
        }
        EXPECT_EQ(stream.error().code, Code::timed_out);
        EXPECT_GE(now() - start, 60ms);
        EXPECT_LT(now() - start, 10s);
        last = std::unexpected(stream.error());
      }
      EXPECT_FALSE(last) << "the backlog never filled up";
    });
  }
}

// "localhost" stands for several addresses; the listener has one of them only.
TEST(ConnectTest, tries_the_next_address) {
  auto socket = ListenSocket::open(kAnyPort, {});
  ASSERT_TRUE(socket);
  auto addresses = resolve({"localhost", 1, {}}, soon());
  ASSERT_TRUE(addresses);
  Loop loop;
  run_on_fiber(loop, [&] {
    auto stream = Stream::connect(loop, {"localhost", (*socket)->local().port, {}}, soon());
    ASSERT_TRUE(stream) << stream.error().text();
    EXPECT_EQ((*stream)->peer().host, "localhost");
  });
}

TEST(ConnectTest, passed_deadline_is_timed_out) {
  Loop loop;
  run_on_fiber(loop, [&] {
    EXPECT_EQ(code_of(Stream::connect(loop, {"127.0.0.1", 1, {}}, now() - 1s)), Code::timed_out);
  });
}

}  // namespace
}  // namespace sluice::net
