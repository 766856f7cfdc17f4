// Listener: a bound socket that hands accepted descriptors to a callback, and the workers it runs
// on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/endpoint.h"
#include "net/loop.h"

namespace sluice::net {

struct ListenOptions {
  int backlog = 4096;
  // TCP: one listening socket a worker, the kernel spreads connections. Another process of the same
  // user may then listen there too: open once without it to learn whether the port is free.
  bool reuse_port = true;
  unsigned unix_mode = 0777;  // permissions of a Unix socket's file
};

// A bound and listening descriptor. Unix: replaces a stale file that nobody answers on, refuses a
// live one; unlinks its file when destroyed. unavailable with EADDRINUSE names the busy port.
class ListenSocket {
 public:
  static Result<std::unique_ptr<ListenSocket>> open(const Endpoint& at,
                                                    const ListenOptions& options);
  ListenSocket(int fd, Endpoint local);
  ~ListenSocket();
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  int fd() const { return fd_; }
  const Endpoint& local() const { return local_; }  // with the port that the kernel chose for 0

 private:
  int fd_;
  Endpoint local_;
  std::uint64_t inode_ = 0;  // of the Unix socket's file: somebody else's isn't unlinked
};

// Accepts on one loop. Out of descriptors: pauses for 100 ms instead of spinning. Loop thread only;
// the callback owns the descriptor (non-blocking, close-on-exec). A Unix peer is called by its
// listener's path.
class Acceptor final : Pollable {
 public:
  using OnAccept = std::function<void(int fd, Endpoint peer)>;
  Acceptor(Loop& loop, ListenSocket& socket, OnAccept on_accept);
  ~Acceptor() override;

 private:
  void on_events(std::uint32_t events) override;
  bool accept_one();
  void pause();

  Loop& loop_;
  ListenSocket& socket_;
  OnAccept on_accept_;
  Timer retry_;
};

// A thread with a loop, numbered from 0.
class Worker {
 public:
  explicit Worker(unsigned index, const LoopOptions& options = {})
      : index_(index), loop_(options) {}
  ~Worker();  // stops and joins
  void start();
  void stop_and_join();
  unsigned index() const { return index_; }
  Loop& loop() { return loop_; }
  // Runs `task` on the worker (on a fiber) and waits for it; from any other thread or any fiber.
  // REQUIRES: started, and not stopped before it returns.
  void run(std::function<void()> task);

 private:
  unsigned index_;
  Loop loop_;
  std::thread thread_;
};

}  // namespace sluice::net
