// A conversation, whatever its protocol: a client that asks, requests on their way, an upstream
// connection that answers, and the walk between them.
//
// A protocol is two classes: its client side derives from Client and turns bytes into Requests, its
// upstream side derives from UpstreamConn. Neither knows the stages: flow/pipeline.cc implements
// Walk and is the only place that does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/pool.h"
#include "sluice/query.h"
#include "sluice/query/examiner.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::session {

// Where a client's requests go: the walk's own notion (flow::Upstream), opaque here.
class Destination {
 public:
  virtual ~Destination() = default;
};

class UpstreamConn;

// Who asks. One fiber at a time.
class Client {
 public:
  virtual ~Client() = default;

  std::uint64_t id = 0;                      // unique in the process, never reused
  unsigned home = 0;                         // the worker's number
  std::shared_ptr<Destination> destination;  // set once the client is known
  PoolLease lease;                           // held across requests: transaction, pin, session mode
  UpstreamConn* seat = nullptr;  // shared with others' requests while this client's is under way
  // The connection of the last lease and its count of leases then: whoever takes it next and unused
  // finds what was left there (currval).
  std::uint64_t last_connection = 0, last_uses = 0;
  Duration wait_limit{};  // for a lease, <= 0: for ever

  // How its texts are to be read: whether plain strings know backslashes, and whether it encodes
  // characters in two bytes of which the second may look like a quote.
  bool backslash_escapes = false;
  enum class Encoding : std::uint8_t {
    ascii_safe,
    two_bytes,
    shift_jis
  } encoding = Encoding::ascii_safe;

  // True while the lease must stay with the client after a request: pins and session mode.
  virtual bool keeps_lease() const = 0;
};

// One request: a statement, or a group of them that ends at a boundary of the protocol.
class Request {
 public:
  virtual ~Request() = default;

  std::string_view statement;               // valid while the request is
  std::optional<query::Analysis> analysis;  // examined already, or filled by the walk
  unsigned cost = 1;
  Deadline deadline = kNever;  // for finding a connection
  bool whole = false;          // all of its bytes are here, so the reply may be shared
  // Which statement it is; null: unknown. Valid until the request waits for anything.
  const query::Template* known_as = nullptr;
  // What else decides what its text means: settings, the schema's age.
  std::uint64_t context = 0;

  // The walk has examined the statement; it may still have to wait.
  virtual void on_examined(const query::Seen& /*seen*/) {}
  // Sends the request on `conn` and brings its whole reply to the client, on the calling fiber.
  // An error means that the client got no complete reply and `conn` is lost.
  virtual Result<void> exchange(UpstreamConn& conn) = 0;
  // Answers from kept bytes.
  virtual void answer(std::string_view reply) = 0;
  // True while no byte of it has gone to an upstream: it may be tried again elsewhere.
  virtual bool unsent() const = 0;

  // --- among others' requests on one connection (Client::seat)
  // The protocol has nothing against it: all of it is here, it ends at a boundary of its own, and
  // nothing of its client is on a connection.
  virtual bool may_share() { return false; }
  // Sharing it, the walk lets it be sent again when a neighbour or the connection fails it.
  bool repeatable = false;
  // exchange() failed without a trace: the walk may call it again, on another connection.
  bool again = false;
  // How exchange() ended there.
  enum class Ending : std::uint8_t {
    answered,   // or failed for good
    held_up,    // again: who stood before it didn't get on
    refused,    // again: its connection was lost, or it was refused for no doing of its client
    cancelled,  // answered here, no server was asked
  } ending = Ending::answered;
  bool left_behind = false;  // the server's answer is still to come, for nobody
  // Asks the upstream whether all of `relations` are plain tables, so that reading them does nothing
  // else. On the calling fiber, on a connection that the client has to itself.
  virtual bool vouch(UpstreamConn& /*conn*/, std::span<const std::string> /*relations*/) {
    return false;
  }
  // What exchange() measured of a request that was alone in it; took < 0: nothing.
  Duration took{-1};             // from its turn at the server to its end
  std::size_t reply_bytes = 0;
};

// A connection to a replica.
class UpstreamConn : public Poolable {
 public:
  // Makes the connection look to `client` as if it were its own: settings and the like. May wait.
  // An error belongs to this client; usable() tells whether the connection survived it.
  virtual Result<void> adopt(Client& client) = 0;
  // True while a transaction is open or anything is unanswered: it can't change hands.
  virtual bool held() const = 0;

  // --- several clients' requests at a time, each ended by a boundary of its own. Between share(true) and
  // share(false) nobody has it to himself; what says otherwise isn't called.
  virtual void share(bool /*on*/) {}
  // It looks to the client like its own already.
  virtual bool suits(const Client& /*client*/) const { return false; }
  // Tells the client what has changed at the upstream since it heard of it last.
  virtual void introduce(Client& /*client*/) {}
  // Since when the request whose turn it is has been without its answer; nullopt: none is.
  virtual std::optional<Time> busy_since() const { return std::nullopt; }
  // Sends away those behind the one whose turn it is, as far as they can be asked again elsewhere.
  virtual void rescue() {}
  // All who asked have left: ends what still runs for them.
  virtual void end_orphans() {}
  // Nothing is unanswered, nor any cancel under way.
  virtual bool at_rest() const { return true; }

  // The client is done with it; always called before a lease ends, may wait. False: it can't be reused
  // and is closed.
  virtual bool settle(Client& client) = 0;
};

// The way from a client to an upstream and back. Thread-safe.
class Walk {
 public:
  virtual ~Walk() = default;
  // All six stages. The reply reaches the client during the call, on the calling fiber; an error
  // means that nothing did, and the caller says it in its protocol's words.
  virtual Result<void> ask(Client& client, Request& request) = 0;
  // For a statement that rides along on the lease which the client holds already: the first two
  // stages only.
  virtual Result<query::Seen> follow(Client& client, std::string_view statement) = 0;
  // Ends the client's wait for a connection, if it waits: its ask() fails with cancelled.
  virtual void cancel_wait(Client& client) = 0;
};

}  // namespace sluice::session
