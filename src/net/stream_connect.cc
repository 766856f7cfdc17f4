// Stream::connect(): from an endpoint to a connected stream.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/tls_session.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kUnixRetry(5);  // a Unix listener with a full backlog announces no room

std::unexpected<Error> connect_failed(const std::string& address, int error) {
  Code code = Code::unavailable;
  if (error == ETIMEDOUT) code = Code::timed_out;
  if (error == EACCES || error == EPERM) code = Code::permission_denied;
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
    code = Code::exhausted;
  return fail(code, fmt::format("connecting to {}", address), error);
}

// What this one of `left` addresses may take, so that the last one has as much as the first.
Deadline fair_share(Deadline deadline, std::size_t left) {
  if (deadline == kNever) return kNever;
  const Time at = now();
  return at + (deadline - at) / static_cast<Duration::rep>(left);
}

}  // namespace

Result<std::unique_ptr<Stream>> Stream::connect(Loop& loop, const Endpoint& to, Deadline deadline,
                                                StreamOptions options) {
  auto addresses = resolve(to, deadline);
  if (!addresses) return std::unexpected(addresses.error());
  Result<std::unique_ptr<Stream>> last = fail(Code::timed_out, "connecting to " + to.text());
  std::size_t left = addresses->size();
  for (const Address& address : *addresses) {
    if (now() >= deadline) break;
    last = connect_one(loop, to, address, fair_share(deadline, left--), options);
    if (last) break;
  }
  return last;
}

Result<std::unique_ptr<Stream>> Stream::connect_one(Loop& loop, const Endpoint& to,
                                                    const Address& address, Deadline deadline,
                                                    const StreamOptions& options) {
  const auto* target = reinterpret_cast<const sockaddr*>(address.sockaddr.data());
  const auto length = static_cast<socklen_t>(address.sockaddr.size());
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return connect_failed(address.text, errno);

  int error = ::connect(fd, target, length) == 0 ? 0 : errno;
  while (error == EAGAIN && now() < deadline) {
    sleep_until(std::min(deadline, now() + kUnixRetry));
    error = ::connect(fd, target, length) == 0 ? 0 : errno;
  }
  if (error && error != EINPROGRESS) {
    ::close(fd);
    return connect_failed(address.text, error == EAGAIN ? ETIMEDOUT : error);
  }

  auto stream = std::make_unique<Stream>(loop, fd, to, options);
  if (error == EINPROGRESS)
    if (auto done = stream->finish_connect(deadline, address.text); !done)
      return std::unexpected(done.error());
  return stream;
}

Result<void> Stream::finish_connect(Deadline deadline, const std::string& address) {
  socket_.expect_connect();
  if (!wait(Ready::write, deadline)) return connect_failed(address, ETIMEDOUT);
  if (const int error = socket_.take_error()) return connect_failed(address, error);
  return {};
}

}  // namespace sluice::net
