#include "cmd/http_get.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"

namespace sluice::cmd {
namespace {

constexpr std::size_t kMaxHead = 64 * 1024;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Result<void> wait_for(int fd, short what, Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    if (left <= 0) return fail(Code::timed_out, "no answer in time");
    pollfd poll{fd, what, 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::min<std::int64_t>(left, 1'000'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(Code::internal, "poll", errno);
  }
}

Result<Socket> connect_to(const net::Address& address, Deadline deadline) {
  Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) return fail(Code::exhausted, "socket", errno);
  const auto* to = reinterpret_cast<const sockaddr*>(address.sockaddr.data());
  if (::connect(socket.fd(), to, static_cast<socklen_t>(address.sockaddr.size())) != 0) {
    if (errno != EINPROGRESS) return fail(Code::unavailable, "connect to " + address.text, errno);
    if (auto ready = wait_for(socket.fd(), POLLOUT, deadline); !ready)
      return std::unexpected(ready.error());
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return fail(Code::unavailable, "connect to " + address.text, error);
  }
  return socket;
}

Result<Socket> connect_to_any(const net::Endpoint& at, Deadline deadline) {
  auto addresses = net::resolve(at, deadline);
  if (!addresses) return std::unexpected(addresses.error());
  Result<Socket> last = fail(Code::not_found, "no address for " + at.text());
  for (const net::Address& address : *addresses) {
    last = connect_to(address, deadline);
    if (last) break;
  }
  return last;
}

Result<void> send_all(int fd, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (auto ready = wait_for(fd, POLLOUT, deadline); !ready) return ready;
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR) {
      return fail(Code::connection_lost, "send", errno);
    }
  }
  return {};
}

// Until the other side closes.
Result<std::string> receive_all(int fd, Deadline deadline) {
  std::string bytes;
  char block[64 * 1024];
  while (true) {
    if (auto ready = wait_for(fd, POLLIN, deadline); !ready) return std::unexpected(ready.error());
    const ssize_t n = ::recv(fd, block, sizeof block, 0);
    if (n == 0) return bytes;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return fail(Code::connection_lost, "receive", errno);
    bytes.append(block, static_cast<std::size_t>(n));
    if (bytes.size() > kMaxHttpAnswer) return fail(Code::exhausted, "the answer is too long");
  }
}

// The value of a header; empty: it isn't there.
std::string_view header(std::string_view head, std::string_view name) {
  for (const std::string_view line : split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != line.npos && iequals(line.substr(0, colon), name))
      return trim(line.substr(colon + 1));
  }
  return {};
}

std::unexpected<Error> no_http() {
  return fail(Code::protocol_violation,
              "what answers there doesn't speak HTTP as the admin listener does");
}

}  // namespace

Result<HttpAnswer> parse_http_answer(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kMaxHead).find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || bytes.size() < 12 || end == bytes.npos) return no_http();
  const auto status = parse_u64(bytes.substr(9, 3), 100, 599);
  const std::string_view head = bytes.substr(0, end);
  if (!status || !header(head, "transfer-encoding").empty()) return no_http();
  HttpAnswer answer{static_cast<unsigned>(*status), std::string(bytes.substr(end + 4))};
  if (const std::string_view length = header(head, "content-length"); !length.empty()) {
    const auto size = parse_u64(length, 0, kMaxHttpAnswer);
    if (!size) return no_http();
    if (answer.body.size() < *size) return fail(Code::connection_lost, "the answer was cut short");
    answer.body.resize(*size);
  }
  return answer;
}

Result<HttpAnswer> http_get(const net::Endpoint& at, std::string_view path, std::string_view token,
                            Deadline deadline) {
  auto socket = connect_to_any(at, deadline);
  if (!socket) return std::unexpected(socket.error());
  std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", path,
                                    at.is_unix() || at.host.empty() ? "localhost" : at.text());
  if (!token.empty()) request += fmt::format("Authorization: Bearer {}\r\n", token);
  if (auto sent = send_all(socket->fd(), request + "\r\n", deadline); !sent)
    return std::unexpected(sent.error());
  auto bytes = receive_all(socket->fd(), deadline);
  if (!bytes) return std::unexpected(bytes.error());
  return parse_http_answer(*bytes);
}

}  // namespace sluice::cmd
