#include "flow/pipeline.h"

#include "flow/lease.h"
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
    q.known_as = seen.statement ? seen.statement->get() : nullptr;
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
  for (const Replica& replica : static_cast<const Upstream&>(*client.destination).replicas()) {
    if (replica.pool->cancel(client.id)) return;
    if (client.home < replica.lanes.size() && replica.lanes[client.home]->cancel(client.id)) return;
  }
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

// Batch, balance, pool, exchange, retry, settle.
Result<void> Pipeline::fetch(Client& client, Request& q) {
  const auto& upstream = static_cast<const Upstream&>(*client.destination);
  if (client.lease) return fetch_alone(client, q, upstream.replicas().front(), {});
  auto chosen = stages_.balancer.pick(upstream.targets(), q.analysis->verb != query::Verb::select);
  if (!chosen) return fail(Code::unavailable, "no server takes this request");
  const Replica& replica = upstream.replicas()[*chosen];
  if (client.home >= replica.lanes.size()) return fetch_alone(client, q, replica, {});
  Lanes& lanes = *replica.lanes[client.home];
  const Lanes::Sign sign = Lanes::sign_of(q);
  const bool shares = lanes.judge(client, q, sign) == batch::Alone::no;
  q.known_as = nullptr;  // what follows may wait
  if (shares)
    if (auto answered = fetch_shared(client, q, lanes, sign)) return *answered;
  return fetch_alone(client, q, replica, sign);
}

// On a connection that the client has to itself, for now or for longer.
Result<void> Pipeline::fetch_alone(Client& client, Request& q, const Replica& replica,
                                   const Lanes::Sign& sign) {
  for (int tries = 1;; ++tries) {
    // What a kept connection knew of its client is lost with it: such a request isn't tried elsewhere.
    const bool kept = static_cast<bool>(client.lease);
    if (!kept)
      if (auto found = find_connection(client, q, replica); !found) return found;
    const bool fresh = client.lease.fresh();
    auto answered = q.exchange(connection(client));
    const bool again = !answered && q.unsent() && !kept && !fresh && tries < kTries;
    if (answered && sign.known) vouch(*replica.lanes[client.home], sign, client, q);
    settle(client, answered.has_value());
    if (!again) return answered;
  }
}

// Among others' requests on one connection. nullopt: it has to be asked for alone.
std::optional<Result<void>> Pipeline::fetch_shared(Client& client, Request& q, Lanes& lanes,
                                                   const Lanes::Sign& sign) {
  const Time came = present();
  for (int tries = 1; tries <= kTries; ++tries) {
    auto lane = lanes.take(client, q.deadline);
    if (!lane) return std::unexpected(lane.error());
    client.seat = (*lane)->conn;
    client.seat->introduce(client);
    q.again = q.left_behind = false;
    q.ending = Request::Ending::answered;
    auto answered = q.exchange(*client.seat);
    client.seat = nullptr;
    if (!q.repeatable) client.last_connection = 0;  // a sequence's state may be there
    lanes.leave(**lane, present() - came);
    lanes.note(sign, q, true);
    if (answered || !q.again) return answered;
  }
  return std::nullopt;
}

// What the request took is noted; a statement that has proven short is asked about what it reads.
void Pipeline::vouch(Lanes& lanes, const Lanes::Sign& sign, Client& client, Request& q) {
  lanes.note(sign, q, false);
  const auto relations = lanes.unvouched(sign);
  UpstreamConn& conn = connection(client);
  if (relations && conn.usable() && !conn.held())
    lanes.vouched(sign, q.vouch(conn, *relations));
}

// A connection that looks to the client like its own.
Result<void> Pipeline::find_connection(Client& client, const Request& q, const Replica& replica) {
  AcquireOptions options{.deadline = q.deadline, .home = client.home};
  options.tag = client.id;
  if (q.analysis->pinned_by(query::PinCause::sequence_state)) {
    options.prefer = client.last_connection;
    options.prefer_uses = client.last_uses;
  }
  auto lease = lease_for(client, *replica.pool, options);
  if (!lease) return std::unexpected(lease.error());
  client.lease = std::move(*lease);
  return {};
}

// Gives the connection back, unless the client keeps it: in a transaction, for a pin, in session mode.
void Pipeline::settle(Client& client, bool answered) {
  const UpstreamConn& conn = connection(client);
  if (answered && conn.usable() && (conn.held() || client.keeps_lease())) return;
  let_go(client, client.lease, answered);
}

}  // namespace sluice::flow
