// Stream: reading, writing and waiting. stream_connect.cc opens one, stream_tls.cc encrypts it.
#include "net/stream.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "net/tls_session.h"

namespace sluice::net {
namespace {

constexpr std::size_t kLeastRoom = 4096;  // asked of a buffer before a read

int domain_of(int fd) {
  int domain = AF_UNSPEC;
  socklen_t size = sizeof domain;
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  return domain;
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);  // a socket without it works as well
}

// Probes that find a dead peer within a minute after the idle time.
void set_tcp_options(int fd, const StreamOptions& options) {
  using std::chrono::duration_cast, std::chrono::seconds, std::chrono::milliseconds;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.keepalive_idle > Duration::zero()) {
    const auto idle = std::max(duration_cast<seconds>(options.keepalive_idle), seconds(1));
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle.count()));
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
  }
  if (options.user_timeout > Duration::zero())
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
               static_cast<int>(duration_cast<milliseconds>(options.user_timeout).count()));
}

}  // namespace

Stream::Stream(Loop& loop, int fd, Endpoint peer, StreamOptions options)
    : socket_(fd), peer_(std::move(peer)), unix_(domain_of(fd) == AF_UNIX) {
  if (!unix_) set_tcp_options(fd, options);
  if (!join(loop)) {
    ::shutdown(fd, SHUT_RDWR);
    socket_.on_events(EPOLLHUP);
  }
}

Stream::~Stream() {
  if (tls_) (void)tls_->close();
  if (loop_) loop_->remove(fd(), *this);
}

Result<void> Stream::join(Loop& loop) {
  loop_ = &loop;
  asks_for_room_ = false;
  return unix_ ? loop.add_reader(fd(), *this) : loop.add(fd(), *this);
}

void Stream::on_events(std::uint32_t events) {
  socket_.on_events(events);
  if (asks_for_room_ && socket_.writable()) {
    asks_for_room_ = false;
    (void)loop_->watch_writing(fd(), *this, false);
  }
  if (reading_) wake(*reading_);
  if (writing_ && writing_ != reading_) wake(*writing_);
  if (handler_) handler_->on_ready();  // may destroy this
}

// A write found no room: from now on we want to hear of it.
void Stream::ask_for_room() {
  if (!unix_ || asks_for_room_) return;
  asks_for_room_ = true;
  (void)loop_->watch_writing(fd(), *this, true);
}

// --- never waits ---------------------------------------------------------------------------------

Result<std::size_t> Stream::outcome(ssize_t n, const char* doing) const {
  if (n >= 0) return static_cast<std::size_t>(n);
  if (n == -EAGAIN) return fail(Code::would_block);
  return fail(Code::connection_lost, fmt::format("{} {}", doing, peer_.text()),
              static_cast<int>(-n));
}

Result<std::size_t> Stream::read_some(std::span<char> into) {
  if (tls_) return tls_->read(into);
  return outcome(socket_.receive(into.data(), into.size()), "reading from");
}

Result<std::size_t> Stream::peek(std::span<char> into) {
  if (tls_) return tls_->peek(into);
  return outcome(socket_.peek(into.data(), into.size()), "reading from");
}

// A read that doesn't fill its room has emptied the socket (Socket knows), and a TLS read gives one
// record at a time; so it goes on for as long as there may be more. An error or the end of file
// behind some bytes comes with the next call.
Result<std::size_t> Stream::read_some(Buffer& into, std::size_t limit) {
  std::size_t total = 0;
  while (total < limit) {
    std::span<char> room = into.room(std::min(limit - total, kLeastRoom));
    room = room.first(std::min(room.size(), limit - total));
    const Result<std::size_t> got = read_some(room);
    if (!got) {
      if (total) break;
      return got;
    }
    if (*got == 0) break;
    into.grew(*got);
    total += *got;
    if (!maybe_readable() || (!tls_ && *got < room.size())) break;
  }
  return total;
}

Result<std::size_t> Stream::write_some(std::string_view bytes) {
  Result<std::size_t> sent =
      tls_ ? tls_->write(bytes) : outcome(socket_.send(bytes.data(), bytes.size()), "writing to");
  if (!socket_.writable()) ask_for_room();
  return sent;
}

Result<bool> Stream::flush(Buffer& from) {
  while (!from.empty()) {
    const Result<std::size_t> sent = write_some(from.view());
    if (!sent) {
      if (sent.error().code == Code::would_block) return false;
      return std::unexpected(sent.error());
    }
    from.consume(*sent);
  }
  return true;
}

bool Stream::ready(Ready what) const {
  if (tls_) return what == Ready::read ? tls_->may_read() : tls_->may_write();
  return what == Ready::read ? socket_.readable() : socket_.writable();
}

bool Stream::maybe_readable() const { return ready(Ready::read); }

// --- waits on the calling fiber ------------------------------------------------------------------

Result<void> Stream::wait(Ready what, Deadline deadline) {
  Fiber*& waiter = what == Ready::read ? reading_ : writing_;
  if (what == Ready::write && !socket_.writable()) ask_for_room();
  waiter = current_fiber();
  bool late = false;
  while (!ready(what) && !late) {
    park(deadline);
    late = deadline != kNever && now() >= deadline;
  }
  waiter = nullptr;
  if (ready(what)) return {};
  return fail(
      Code::timed_out,
      fmt::format("{} {}", what == Ready::read ? "waiting for an answer from" : "writing to",
                  peer_.text()));
}

Result<void> Stream::wait_readable(Deadline deadline) { return wait(Ready::read, deadline); }

Result<void> Stream::read(Buffer& into, Deadline deadline) {
  for (;;) {
    const Result<std::size_t> got = read_some(into);
    if (got && *got) return {};
    if (got)
      return fail(Code::connection_lost, fmt::format("{} closed the connection", peer_.text()));
    if (got.error().code != Code::would_block) return std::unexpected(got.error());
    if (auto waited = wait(Ready::read, deadline); !waited) return waited;
  }
}

Result<void> Stream::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const Result<std::size_t> sent = write_some(bytes);
    if (sent) {
      bytes.remove_prefix(*sent);
      continue;
    }
    if (sent.error().code != Code::would_block) return std::unexpected(sent.error());
    if (auto waited = wait(Ready::write, deadline); !waited) return waited;
  }
  return {};
}

void Stream::close_gracefully(Deadline deadline) {
  while (tls_ && tls_->close() == TlsSession::Closing::blocked)
    if (!current_fiber() || !wait(Ready::write, deadline)) break;
  ::shutdown(fd(), SHUT_WR);
}

// --- facts ---------------------------------------------------------------------------------------

Endpoint Stream::local() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto& address = reinterpret_cast<sockaddr&>(storage);
  return ::getsockname(fd(), &address, &length) == 0 ? Endpoint::of(address, length) : Endpoint{};
}

// --- moving between workers ----------------------------------------------------------------------

void Stream::detach() {
  loop_->remove(fd(), *this);
  loop_ = nullptr;
}

Result<void> Stream::attach(Loop& loop) {
  socket_.forget_readiness();
  return join(loop);
}

}  // namespace sluice::net
