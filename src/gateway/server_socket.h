// The server's Unix socket instead of loopback TCP: the same bytes for a sixth less CPU.
//
// A DSN that names localhost means a server on this machine, so new connections of a pool may go
// through the socket that the server has beside its port. But a file with the right number in its
// name proves nothing: behind the port may be a container, a tunnel or a proxy, and pg_hba.conf may
// treat the two differently. So nothing is taken for granted:
//   - the same user logs in over TCP first; where that fails, the socket isn't tried and the answer
//     over TCP counts (a `trust` or `peer` line lets nobody in whom the other line would refuse);
//   - the server says over TCP that the connection ends at a loopback address and at the port we
//     dialed, and over the socket that there is no address: no proxy stands in between;
//   - both tell the same moment of start, and a lock that the one session takes is seen by the
//     other: one running server, one database.
// This holds for a minute, in which each login over the socket still compares the moment of start;
// then TCP is asked again. Whatever goes wrong, the connection over TCP is there already and is
// used: a client never sees an error. A socket that refused isn't tried again until the
// configuration is reloaded or the server was away.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"
#include "gateway/config.h"
#include "net/endpoint.h"
#include "session/postgres_login.h"

namespace sluice::gateway {

// Whether a pool of this DSN may look for sockets: the listener doesn't forbid it, and nobody asked
// for TLS or gave certificates, which a socket has no use for.
bool may_use_sockets(const PostgresListener& listener, const Dsn& dsn);

// An address that can only be this machine: "localhost", 127.0.0.0/8, ::1.
bool is_loopback(std::string_view host);

// The socket with the port of `tcp` in the first of `folders` that has one. None where others than
// the server's owner could have put it: in a folder that everybody may write to, it has to belong
// to root, to the user postgres or to ourselves.
inline constexpr std::string_view kSocketFolders[] = {"/run/postgresql", "/tmp"};
std::optional<net::Endpoint> socket_beside(const net::Endpoint& tcp,
                                           std::span<const std::string_view> folders);

// What one pool has learned of the sockets beside its hosts. Thread-safe.
class SocketChoice {
 public:
  using Connection = Result<std::unique_ptr<postgres::ServerConn>>;
  struct How {
    net::Loop& loop;
    const postgres::ServerLogin& login;
    const std::shared_ptr<postgres::Baselines>& baselines;
    const postgres::ServerConn::Loops& loops;
    Deadline deadline;
  };

  // As postgres::log_in() at a TCP endpoint, but by the socket beside it where that is proved to be
  // of the same server.
  Connection log_in(const How& how, Log& log);
  // Where the next login at `tcp` goes.
  net::Endpoint endpoint(const net::Endpoint& tcp) const;
  void forget();

 private:
  struct Known {
    net::Endpoint socket;
    std::string started;  // the server's start, as it writes it
    Time proved_at{};
    bool refused = false;
  };
  Connection by_socket(const How& how, const Known& known, std::int64_t lock, bool is_free);
  Connection prove(const How& how, const net::Endpoint& socket,
                   std::unique_ptr<postgres::ServerConn> tcp, Log& log);
  Known known(const net::Endpoint& tcp) const;
  void remember(const net::Endpoint& tcp, std::optional<Known> known);

  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;  // by the TCP endpoint's text
};

}  // namespace sluice::gateway
