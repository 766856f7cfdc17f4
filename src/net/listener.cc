#include "net/listener.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPause(100);
constexpr int kAcceptsPerEvent = 64;  // then the connections get their turn

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> listen_failed(const std::string& where, int error) {
  Code code = Code::unavailable;
  if (error == EACCES || error == EPERM) code = Code::permission_denied;
  if (error == EADDRNOTAVAIL || error == ENOENT || error == ENOTDIR) code = Code::invalid_argument;
  if (error == EMFILE || error == ENFILE) code = Code::exhausted;
  const char* what =
      error == EADDRINUSE ? "listening on {}: somebody listens there already" : "listening on {}";
  return fail(code, fmt::format(fmt::runtime(what), where), error);
}

int open_socket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

Endpoint local_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto& address = reinterpret_cast<sockaddr&>(storage);
  ::getsockname(fd, &address, &length);
  return Endpoint::of(address, length);
}

bool bind_to(int fd, const Address& address) {
  return ::bind(fd, reinterpret_cast<const sockaddr*>(address.sockaddr.data()),
                static_cast<socklen_t>(address.sockaddr.size())) == 0;
}

Result<std::unique_ptr<ListenSocket>> listen_tcp(const Address& address,
                                                 const ListenOptions& options) {
  Descriptor fd(open_socket(address.family()));
  if (fd.get() < 0) return listen_failed(address.text, errno);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, options.reuse_port ? 1 : 0);
  if (address.family() == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (!bind_to(fd.get(), address) || ::listen(fd.get(), options.backlog) != 0)
    return listen_failed(address.text, errno);
  const int ready = fd.release();
  return std::make_unique<ListenSocket>(ready, local_of(ready));
}

// Removes a socket that nobody listens on. 0, or errno.
int remove_stale(const Address& address) {
  struct stat found{};
  if (::lstat(address.text.c_str(), &found) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(found.st_mode)) return EEXIST;
  Descriptor probe(open_socket(AF_UNIX));
  if (probe.get() < 0) return errno;
  const int answer =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(address.sockaddr.data()),
                static_cast<socklen_t>(address.sockaddr.size()));
  if (answer == 0 || errno != ECONNREFUSED) return EADDRINUSE;
  return ::unlink(address.text.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

Result<std::unique_ptr<ListenSocket>> listen_unix(const Address& address,
                                                  const ListenOptions& options) {
  const int stale = remove_stale(address);
  if (stale == EEXIST)
    return fail(
        Code::invalid_argument,
        fmt::format("listening on {}: a file that is no socket is in the way", address.text));
  if (stale) return listen_failed(address.text, stale);
  Descriptor fd(open_socket(AF_UNIX));
  if (fd.get() < 0) return listen_failed(address.text, errno);
  // The file is made with the descriptor's mode less the umask: never more open than asked for.
  ::fchmod(fd.get(), options.unix_mode);
  if (!bind_to(fd.get(), address)) return listen_failed(address.text, errno);
  auto socket = std::make_unique<ListenSocket>(fd.release(), Endpoint{{}, 0, address.text});
  if (::chmod(address.text.c_str(), options.unix_mode) != 0 ||
      ::listen(socket->fd(), options.backlog) != 0)
    return listen_failed(address.text, errno);
  return socket;
}

// IPv6's "any" takes IPv4 as well; a machine without IPv6 has the other.
Result<std::unique_ptr<ListenSocket>> listen_everywhere(std::uint16_t port,
                                                        const ListenOptions& options) {
  Result<std::unique_ptr<ListenSocket>> last = fail(Code::internal);
  for (const char* any : {"::", "0.0.0.0"}) {
    auto address = resolve({any, port, {}}, kNever);
    if (!address) return std::unexpected(address.error());
    last = listen_tcp(address->front(), options);
    if (last || (last.error().os != EAFNOSUPPORT && last.error().os != EADDRNOTAVAIL)) break;
  }
  return last;
}

std::uint64_t inode_of(const std::string& path) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

// --- ListenSocket --------------------------------------------------------------------------------

Result<std::unique_ptr<ListenSocket>> ListenSocket::open(const Endpoint& at,
                                                         const ListenOptions& options) {
  if (!at.is_unix() && at.host.empty()) return listen_everywhere(at.port, options);
  auto addresses = resolve(at, kNever);
  if (!addresses) return std::unexpected(addresses.error());
  if (at.is_unix()) return listen_unix(addresses->front(), options);
  return listen_tcp(addresses->front(), options);
}

ListenSocket::ListenSocket(int fd, Endpoint local)
    : fd_(fd), local_(std::move(local)), inode_(local_.is_unix() ? inode_of(local_.path) : 0) {}

ListenSocket::~ListenSocket() {
  if (inode_ && inode_of(local_.path) == inode_) ::unlink(local_.path.c_str());
  ::close(fd_);
}

// --- Acceptor ------------------------------------------------------------------------------------

Acceptor::Acceptor(Loop& loop, ListenSocket& socket, OnAccept on_accept)
    : loop_(loop), socket_(socket), on_accept_(std::move(on_accept)), retry_([this] {
        if (!loop_.add_listener(socket_.fd(), *this)) pause();
      }) {
  if (!loop_.add_listener(socket_.fd(), *this)) pause();
}

Acceptor::~Acceptor() {
  if (!retry_.armed()) loop_.remove(socket_.fd(), *this);
}

void Acceptor::on_events(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerEvent; ++i)
    if (!accept_one()) return;
}

// False when nothing more is to be had now. A connection that was reset while it queued, or whose
// network went away (accept(2) passes such errors on), is skipped.
bool Acceptor::accept_one() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto& address = reinterpret_cast<sockaddr&>(storage);
  const int fd = ::accept4(socket_.fd(), &address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    on_accept_(fd, socket_.local().is_unix() ? socket_.local() : Endpoint::of(address, length));
    return true;
  }
  if (errno == EAGAIN || errno == EINVAL || errno == EBADF) return false;
  if (!out_of_descriptors(errno)) return true;
  loop_.remove(socket_.fd(), *this);
  pause();
  return false;
}

void Acceptor::pause() { retry_.set(loop_.timers(), now() + kPause); }

}  // namespace sluice::net
