#include "flow/pipeline.h"

#include "net/loop.h"

namespace sluice::flow {
namespace {

using session::Client;
using session::Request;
using session::UpstreamConn;

constexpr int kTries = 3;  // connections that turn out dead before anything was sent
// A text that takes longer to read than others should wait: about 0.3 ms.
constexpr std::size_t kLong = 128 * 1024;

Time present() { return net::Loop::current()->now(); }

std::unexpected<Error> too_many_requests(Duration wait) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return std::unexpected(Error{Code::exhausted, 0,
                               "too many requests: try again in " + std::to_string(ms) + " ms",
                               "53400"});
}

std::string veil(const Client& client, std::string_view statement) {
  return query::veil_multibyte(statement, client.encoding == Client::Encoding::shift_jis);
}

// What was found in the veiled text, as of the text itself.
void unveil(query::Analysis& analysis, std::string_view veiled, std::string_view text) {
  if (!analysis.deallocates.empty())
    analysis.deallocates =
        text.substr(static_cast<std::size_t>(analysis.deallocates.data() - veiled.data()),
                    analysis.deallocates.size());
  // A value that was veiled can't be replayed.
  if (!analysis.settings.empty() && veiled != text)
    analysis.pins |= query::bit(query::PinCause::setting);
}

UpstreamConn& connection(Client& client) { return static_cast<UpstreamConn&>(client.lease.get()); }

}  // namespace

// The life of a request. Every request of every protocol takes this walk, in this order.
Result<void> Pipeline::ask(Client& client, Request& q) {
  if (Duration wait = stages_.limiter.admit(client.id, q.cost, present()); wait > Duration::zero())
    return too_many_requests(wait);
  if (!q.analysis) {
    query::Seen seen = examine(client, q.statement);
    q.on_examined(seen);
    q.analysis = std::move(seen.analysis);
  }
  // Transactions, writes and what arrives in pieces go straight through.
  if (client.lease || !q.whole || q.analysis->verb != query::Verb::select) return fetch(client, q);
  const CacheKey key{.identity = {}, .statement = q.statement};
  if (CacheHandle hit = stages_.cache.find(key, present())) {
    q.answer(hit.bytes());
    return {};
  }
  Flight flight = stages_.flights.join(q.statement);  // the leader asks; nobody follows yet
  Result<void> done = fetch(client, q);
  flight.land(done.has_value());
  return done;
}

Result<query::Seen> Pipeline::follow(Client& client, std::string_view statement) {
  if (Duration wait = stages_.limiter.admit(client.id, 1, present()); wait > Duration::zero())
    return too_many_requests(wait);
  return examine(client, statement);
}

void Pipeline::cancel_wait(Client& client) {
  for (const Replica& replica : static_cast<const Upstream&>(*client.destination).replicas())
    if (replica.pool->cancel(client.id)) return;
}

query::Seen Pipeline::examine(const Client& client, std::string_view statement) const {
  if (statement.size() > kLong) return examine_long(client, statement);
  if (client.encoding != Client::Encoding::ascii_safe) return examine_veiled(client, statement);
  return stages_.examiners[client.home]->examine(statement, client.backslash_escapes);
}

// What looks like a quote may be half a character.
query::Seen Pipeline::examine_veiled(const Client& client, std::string_view statement) const {
  const std::string veiled = veil(client, statement);
  query::Seen seen = stages_.examiners[client.home]->examine(veiled, client.backslash_escapes);
  unveil(seen.analysis, veiled, statement);
  seen.comment = {};
  return seen;
}

// Read on another thread, while this worker serves others. It has no fingerprint.
query::Seen Pipeline::examine_long(const Client& client, std::string_view statement) const {
  query::Seen seen;
  stages_.elsewhere.run([&] {
    query::Examiner examiner;
    if (client.encoding == Client::Encoding::ascii_safe) {
      seen = examiner.examine(statement, client.backslash_escapes);
      return;
    }
    const std::string veiled = veil(client, statement);
    seen = examiner.examine(veiled, client.backslash_escapes);
    unveil(seen.analysis, veiled, statement);
  });
  seen.fault = "too long";
  return seen;
}

// Balance, pool, exchange, retry, settle.
Result<void> Pipeline::fetch(Client& client, Request& q) {
  for (int tries = 1;; ++tries) {
    // What a kept connection knew of its client is lost with it: such a request isn't tried elsewhere.
    const bool kept = static_cast<bool>(client.lease);
    if (!kept)
      if (auto found = find_connection(client, q); !found) return found;
    const bool fresh = client.lease.fresh();
    auto answered = q.exchange(connection(client));
    const bool again = !answered && q.unsent() && !kept && !fresh && tries < kTries;
    settle(client, answered.has_value());
    if (!again) return answered;
  }
}

// A connection that looks to the client like its own. One that dies of old age on the way is replaced.
Result<void> Pipeline::find_connection(Client& client, const Request& q) {
  const auto& upstream = static_cast<const Upstream&>(*client.destination);
  const bool writes = q.analysis->verb != query::Verb::select;
  auto chosen = stages_.balancer.pick(upstream.targets(), writes);
  if (!chosen) return fail(Code::unavailable, "no server takes this request");
  AcquireOptions options{.deadline = q.deadline, .home = client.home};
  options.tag = client.id;
  if (q.analysis->pinned_by(query::PinCause::sequence_state)) {
    options.prefer = client.last_connection;
    options.prefer_uses = client.last_uses;
  }
  for (int tries = 1;; ++tries) {
    auto lease = upstream.replicas()[*chosen].pool->acquire(options);
    if (!lease) return std::unexpected(lease.error());
    const bool fresh = lease->fresh();
    client.lease = std::move(*lease);
    auto adopted = connection(client).adopt(client);
    if (adopted) return {};
    const bool alive = connection(client).usable();
    let_go(client, alive);  // even if the client would keep it: it isn't the client's yet
    if (alive || fresh || tries == kTries) return adopted;
  }
}

// Gives the connection back, unless the client keeps it: in a transaction, for a pin, in session mode.
void Pipeline::settle(Client& client, bool answered) {
  const UpstreamConn& conn = connection(client);
  if (answered && conn.usable() && (conn.held() || client.keeps_lease())) return;
  let_go(client, answered);
}

void Pipeline::let_go(Client& client, bool intact) {
  UpstreamConn& conn = connection(client);
  client.last_connection = client.lease.id();
  client.last_uses = client.lease.uses();
  if (!conn.settle(client) || !intact) client.lease.discard();
  client.lease.give_back();
}

}  // namespace sluice::flow
