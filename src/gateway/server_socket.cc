#include "gateway/server_socket.h"

#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

namespace sluice::gateway {
namespace {

using postgres::ServerConn;

constexpr Duration kProofHolds = std::chrono::seconds(60);
constexpr Duration kPatience = std::chrono::seconds(1);  // with a socket: TCP has answered already

// The account that packages let PostgreSQL run as.
bool is_postgres(uid_t owner) {
  char room[1024];
  passwd entry{};
  passwd* found = nullptr;
  return ::getpwnam_r("postgres", &entry, room, sizeof room, &found) == 0 && found &&
         found->pw_uid == owner;
}

bool trusted_place(const std::string& folder, const std::string& path) {
  struct stat place{}, file{};
  if (::stat(folder.c_str(), &place) != 0 || ::lstat(path.c_str(), &file) != 0) return false;
  if (!S_ISSOCK(file.st_mode)) return false;
  if ((place.st_mode & S_IWOTH) == 0) return true;
  const bool sticky = (place.st_mode & S_ISVTX) != 0;  // else anybody could replace it
  return sticky && (file.st_uid == 0 || file.st_uid == ::geteuid() || is_postgres(file.st_uid));
}

// What a server says of itself and of how we came, to any user and in any state.
struct Facts {
  std::string started;  // seconds and microseconds
  std::optional<std::string> address, port;
  bool locked = false;  // the lock was free
};

Result<Facts> ask(ServerConn& server, std::int64_t lock, bool keep_lock, Deadline deadline) {
  const std::string sql = fmt::format(
      "{}SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::pg_catalog.text, "
      "pg_catalog.host(pg_catalog.inet_server_addr()), "
      "pg_catalog.inet_server_port()::pg_catalog.text, "
      "pg_catalog.pg_try_advisory_xact_lock({})",
      keep_lock ? "BEGIN; " : "", lock);
  auto answer = server.run(sql, deadline);
  if (!answer) return std::unexpected(answer.error());
  if (answer->rows.size() != 1 || answer->rows[0].size() != 4 || !answer->rows[0][0])
    return fail(Code::protocol_violation, "the server doesn't tell when it was started");
  auto& row = answer->rows[0];
  return Facts{std::move(*row[0]), std::move(row[1]), std::move(row[2]), row[3] == "t"};
}

// Errors of a server that is full, starting or stopping: they say nothing of the socket.
bool passing(const Error& error) {
  return error.state.starts_with("53") || error.state.starts_with("57P");
}

std::int64_t random_lock() { return static_cast<std::int64_t>(random_u64()); }

}  // namespace

bool may_use_sockets(const PostgresListener& listener, const Dsn& dsn) {
  if (listener.server_socket == ServerSocket::off) return false;
  const ServerTls tls = server_tls_for(listener, dsn);
  const bool asks_for_tls = tls.mode > TlsMode::prefer || !tls.ca.empty() || !tls.cert.empty() ||
                            !tls.key.empty() || dsn.option("channel_binding") == "require";
  return !asks_for_tls;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::string text(host);
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::optional<net::Endpoint> socket_beside(const net::Endpoint& tcp,
                                           std::span<const std::string_view> folders) {
  if (tcp.is_unix() || !is_loopback(tcp.host)) return std::nullopt;
  for (std::string_view folder : folders) {
    std::string path = postgres_socket_path({std::string(folder), tcp.port});
    if (trusted_place(std::string(folder), path)) return net::Endpoint{{}, 0, std::move(path)};
  }
  return std::nullopt;
}

SocketChoice::Connection SocketChoice::log_in(const How& how, Log& log) {
  const net::Endpoint& at = how.login.endpoint;
  const Known before = known(at);
  if (!before.started.empty() && now() - before.proved_at < kProofHolds)
    if (auto made = by_socket(how, before, random_lock(), true)) return made;
  auto tcp = postgres::log_in(how.loop, how.login, how.baselines, how.loops, how.deadline);
  if (!tcp) {
    const bool away = tcp.error().state.empty() || passing(tcp.error());
    if (away || !before.refused) remember(at, std::nullopt);
    return tcp;
  }
  if (before.refused) return tcp;
  const auto socket = socket_beside(at, kSocketFolders);
  if (!socket) return tcp;
  return prove(how, *socket, std::move(*tcp), log);
}

// A login over the socket of the server that is known; an error if another one answers: started at
// another time, reached through a proxy, or with a lock that isn't as our session over TCP left it.
SocketChoice::Connection SocketChoice::by_socket(const How& how, const Known& known,
                                                 std::int64_t lock, bool is_free) {
  postgres::ServerLogin login = how.login;
  login.endpoint = known.socket;
  const Deadline deadline = std::min(how.deadline, deadline_after(now(), kPatience));
  // What a stranger reports must not reach clients: it isn't shared before the facts are in.
  auto made = postgres::log_in(how.loop, login, std::make_shared<postgres::Baselines>(), how.loops,
                               deadline);
  if (!made) return made;
  const auto facts = ask(**made, lock, false, deadline);
  if (!facts) return std::unexpected(facts.error());
  if (facts->started != known.started || facts->address || facts->locked != is_free)
    return fail(Code::unavailable, "another server answers");
  (*made)->share(how.baselines);
  return made;
}

SocketChoice::Connection SocketChoice::prove(const How& how, const net::Endpoint& socket,
                                             std::unique_ptr<ServerConn> tcp, Log& log) {
  const net::Endpoint& at = how.login.endpoint;
  const std::int64_t lock = random_lock();
  const auto first = ask(*tcp, lock, true, how.deadline);
  std::string why;
  bool for_good = true;
  Connection near = fail(Code::unavailable);
  if (!first) {
    why = first.error().text();
  } else if (!first->locked || !first->address || !is_loopback(*first->address) ||
             first->port != std::to_string(at.port)) {
    why = "something stands between the port and its server";
  } else {
    near = by_socket(how, {socket, first->started}, lock, false);
    if (!near) why = near.error().text();
    for_good = near || !passing(near.error());
  }
  if (why.empty()) {
    if (known(at).started.empty())
      log.info("postgres", "server's socket is used instead of TCP",
               {{"server", at.text()},
                {"socket", socket.path},
                {"database", how.login.database},
                {"user", how.login.user}});
    remember(at, Known{socket, first->started, now()});
    return near;
  }
  if (for_good) {
    log.info("postgres", "server's socket is not used, TCP stays",
             {{"server", at.text()},
              {"socket", socket.path},
              {"database", how.login.database},
              {"user", how.login.user},
              {"why", why}});
    remember(at, Known{socket, {}, {}, true});
  } else {
    remember(at, std::nullopt);
  }
  if (auto ended = tcp->run("ROLLBACK", how.deadline); !ended)
    return postgres::log_in(how.loop, how.login, how.baselines, how.loops, how.deadline);
  return tcp;
}

net::Endpoint SocketChoice::endpoint(const net::Endpoint& tcp) const {
  const Known now_known = known(tcp);
  return now_known.started.empty() ? tcp : now_known.socket;
}

void SocketChoice::forget() {
  std::lock_guard lock(mutex_);
  known_.clear();
}

SocketChoice::Known SocketChoice::known(const net::Endpoint& tcp) const {
  std::lock_guard lock(mutex_);
  const auto at = known_.find(tcp.text());
  return at == known_.end() ? Known{} : at->second;
}

void SocketChoice::remember(const net::Endpoint& tcp, std::optional<Known> known) {
  std::lock_guard lock(mutex_);
  if (known)
    known_[tcp.text()] = std::move(*known);
  else
    known_.erase(tcp.text());
}

}  // namespace sluice::gateway
