// For tests: code on a fiber, and two connected streams of any kind.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fiber.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"

namespace sluice::net::testing {

using namespace std::chrono_literals;

inline Deadline soon() { return now() + 20s; }  // far longer than a test takes

// Runs body on a fiber of the loop, and the loop until the body has finished.
inline void run_on_fiber(Loop& loop, std::function<void()> body) {
  loop.spawn([&] {
    body();
    loop.stop();
  });
  loop.run();
}

// A directory of its own, gone with everything in it at the end.
class TempDir {
 public:
  TempDir() {
    char pattern[] = "/tmp/sluice-net-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~TempDir() {
    for (const std::string& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }
  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

enum class Kind { pair, tcp, unix_path };

struct Streams {
  std::unique_ptr<Stream> client, server;
};

inline Streams connected_by_listener(Loop& loop, const Endpoint& at) {
  auto socket = ListenSocket::open(at, {});
  if (!socket) throw std::runtime_error(socket.error().text());
  Streams streams;
  Fiber* waiter = current_fiber();
  Acceptor acceptor(loop, **socket, [&](int fd, Endpoint peer) {
    streams.server = std::make_unique<Stream>(loop, fd, std::move(peer));
    wake(*waiter);
  });
  auto client = Stream::connect(loop, (*socket)->local(), soon());
  if (!client) throw std::runtime_error(client.error().text());
  streams.client = std::move(*client);
  while (!streams.server) park(soon());
  return streams;
}

// REQUIRES: on a fiber.
inline Streams connected(Loop& loop, Kind kind) {
  if (kind == Kind::tcp) return connected_by_listener(loop, {"127.0.0.1", 0, {}});
  if (kind == Kind::unix_path) {
    TempDir dir;
    return connected_by_listener(loop, {{}, 0, dir.file("s")});
  }
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {std::make_unique<Stream>(loop, fds[0], Endpoint{{}, 0, "server"}),
          std::make_unique<Stream>(loop, fds[1], Endpoint{{}, 0, "client"})};
}

template <class T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Code::internal : result.error().code;
}

// Bytes that show every loss, repetition and exchange.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t x = seed * 2654435761u + 1;
  for (char& c : bytes) {
    x = x * 1664525u + 1013904223u;
    c = static_cast<char>(x >> 24);
  }
  return bytes;
}

}  // namespace sluice::net::testing
