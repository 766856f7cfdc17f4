#include "net/socket.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {

Socket::Socket(int fd) : fd_(fd) {}

Socket::~Socket() { ::close(fd_); }

ssize_t Socket::receive(char* into, std::size_t size) {
  if (lost_) return -lost_;
  if (!readable_) return -EAGAIN;
  for (;;) {
    const ssize_t got = ::recv(fd_, into, size, 0);
    if (got > 0) {
      if (static_cast<std::size_t>(got) < size && !hung_up_) readable_ = false;
      return got;
    }
    if (got == 0) {
      at_end_ = hung_up_ = true;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      readable_ = false;
      return -EAGAIN;
    }
    return -(lost_ = errno);
  }
}

ssize_t Socket::peek(char* into, std::size_t size) {
  if (lost_) return -lost_;
  if (!readable_) return -EAGAIN;
  for (;;) {
    const ssize_t got = ::recv(fd_, into, size, MSG_PEEK);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return -(lost_ = errno);
    readable_ = false;
    return -EAGAIN;
  }
}

ssize_t Socket::send(const char* bytes, std::size_t size) {
  if (!writable_) return -EAGAIN;
  for (;;) {
    const ssize_t sent = ::send(fd_, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) {
      if (static_cast<std::size_t>(sent) < size) writable_ = false;
      return sent;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) writable_ = false;
    return -errno;
  }
}

void Socket::on_events(std::uint32_t events) {
  constexpr std::uint32_t gone = EPOLLHUP | EPOLLERR;
  if (events & (EPOLLRDHUP | gone)) hung_up_ = true;
  if (events & (EPOLLIN | EPOLLRDHUP | gone)) readable_ = true;
  if (events & (EPOLLOUT | gone)) writable_ = true;
}

void Socket::forget_readiness() {
  readable_ = false;
  writable_ = true;
}

int Socket::take_error() {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace sluice::net
