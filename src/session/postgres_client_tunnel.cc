// Replication, passed through: the client gets a server connection of its own, outside of all pools,
// and bytes are carried both ways until one side is through. Nothing in them is read: a walsender has a
// protocol of its own inside of CopyData, and a base backup is gigabytes.
// The cancel key is the server's own and means nothing to us: a cancel request with it is dropped.
#include "session/postgres_client.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

constexpr unsigned kReadsInOneGo = 16;  // of up to 64 KB, then others have their turn
constexpr Duration kLastWords = std::chrono::seconds(1);

enum class Flow : std::uint8_t { waits, goes_on, over };

// As much as is there and `to` takes: what is under way is bounded.
Flow carry(net::Stream& from, Buffer& via, net::Stream& to) {
  for (unsigned reads = 0; reads < kReadsInOneGo; ++reads) {
    if (auto sent = to.flush(via); !sent) return Flow::over;
    if (via.size() >= ServerConn::kHighWater || !from.maybe_readable()) return Flow::waits;
    auto got = from.read_some(via);
    if (!got) return got.error().code == Code::would_block ? Flow::waits : Flow::over;
    if (*got == 0) return Flow::over;
  }
  return Flow::goes_on;
}

struct Waker final : net::Stream::Handler {
  explicit Waker(net::Fiber& fiber) : fiber_(fiber) {}
  void on_ready() override { net::wake(fiber_); }
  net::Fiber& fiber_;
};

}  // namespace

Result<void> PostgresClient::tunnel(const RouteRequest& request, const std::string& mode) {
  if (!options_->replication)
    return std::unexpected(
        Error{Code::permission_denied, 0,
              "replication connections are not passed through: set replication = \"passthrough\"",
              std::string(sqlstate::kFeatureNotSupported)});
  const Deadline deadline = deadline_after(net::Loop::current()->now(), options_->login_timeout);
  // The mode once: a second one would be the one that the server goes by.
  Parameters parameters = {{"replication", mode}};
  for (const auto& [name, value] : first_->parameters)
    if (name != "user" && name != "database" && name != "replication")
      parameters.emplace_back(name, value);
  Buffer greeting;
  auto server = front_.open_tunnel(request, parameters, greeting, deadline);
  if (!server) return std::unexpected(server.error());
  append_authentication(out_, kAuthOk);
  out_.append(greeting.view());
  net::Stream& up = **server;
  Buffer to_server(std::move(in_));
  Waker waker(*net::current_fiber());
  stream_->set_handler(&waker);
  up.set_handler(&waker);
  for (;;) {
    const Flow there = carry(*stream_, to_server, up);
    const Flow back = carry(up, out_, *stream_);
    if (there == Flow::over || back == Flow::over || closing_) break;
    if (there == Flow::goes_on || back == Flow::goes_on)
      net::yield();
    else
      net::park();
  }
  stream_->set_handler(nullptr);
  up.set_handler(nullptr);
  if (!to_server.empty())
    (void)up.write(to_server.view(), deadline_after(net::Loop::current()->now(), kLastWords));
  return fail(Code::cancelled, "");  // over, nothing to say
}

}  // namespace sluice::postgres
