// Socket: a descriptor together with what edge-triggered events said of it, so that a read or write
// that would block costs no system call.
//
// A receive shorter than asked for, or a short send, clears the flag: whatever arrives afterwards
// makes a new event, also if it arrived before this thread looked. After a hang-up no event will
// come, so then the flag stays. Never raises SIGPIPE. Owned by a Stream, used by its TLS session.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace sluice::net {

class Socket {
 public:
  explicit Socket(int fd);  // takes it over
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Bytes (0: end of file), or -errno; -EAGAIN when it would block. REQUIRES: size > 0.
  ssize_t receive(char* into, std::size_t size);
  ssize_t peek(char* into, std::size_t size);
  ssize_t send(const char* bytes, std::size_t size);

  void on_events(std::uint32_t events);
  // After a move to another loop, which will announce what there is to read, as for a new socket.
  void forget_readiness();
  void expect_connect() { writable_ = false; }
  int take_error();  // SO_ERROR

  int fd() const { return fd_; }
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool at_end() const { return at_end_; }  // receive() has seen the end of file

 private:
  const int fd_;
  bool readable_ = false;  // a loop announces what is there when the descriptor is added
  bool writable_ = true;
  bool hung_up_ = false;  // no more events will announce anything to read
  bool at_end_ = false;
  int lost_ = 0;  // errno that ended the connection; the kernel says it once only
};

}  // namespace sluice::net
