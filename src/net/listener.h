// Listener: a bound socket that hands accepted descriptors to a callback, and the workers it runs on.
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
  bool reuse_port = true;      // TCP: one listening socket a worker, the kernel spreads connections
  unsigned unix_mode = 0777;   // permissions of a Unix socket's file
};

// A bound and listening descriptor. Unix: replaces a stale file that nobody answers on, refuses a
// live one; unlinks its file when destroyed. unavailable with EADDRINUSE names the busy port.
class ListenSocket {
 public:
  static Result<std::unique_ptr<ListenSocket>> open(const Endpoint& at, const ListenOptions& options);
  ListenSocket(int fd, Endpoint local) : fd_(fd), local_(std::move(local)) {}
  ~ListenSocket();
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  int fd() const { return fd_; }
  const Endpoint& local() const { return local_; }  // with the port that the kernel chose for 0

 private:
  int fd_;
  Endpoint local_;
};

// Accepts on one loop. Out of descriptors: pauses for 100 ms instead of spinning. Loop thread only.
class Acceptor final : Pollable {
 public:
  using OnAccept = std::function<void(int fd, Endpoint peer)>;
  Acceptor(Loop& loop, ListenSocket& socket, OnAccept on_accept);
  ~Acceptor() override;

 private:
  void on_events(std::uint32_t events) override;
  Loop& loop_;
  ListenSocket& socket_;
  OnAccept on_accept_;
  Timer retry_;
};

// A thread with a loop, numbered from 0.
class Worker {
 public:
  explicit Worker(unsigned index) : index_(index) {}
  ~Worker();  // stops and joins
  void start();
  void stop_and_join();
  unsigned index() const { return index_; }
  Loop& loop() { return loop_; }
  // Runs `task` on the worker (on a fiber) and waits for it; from any other thread or fiber.
  void run(std::function<void()> task);

 private:
  unsigned index_;
  Loop loop_;
  std::thread thread_;
};

}  // namespace sluice::net
