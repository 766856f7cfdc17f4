// Stream: one connected stream socket, TCP or Unix, in plain text or under TLS.
//
// Two ways to use it: the _some calls never wait and tell the owner by on_ready() when to call
// again (idle connections, pumps); the calls with a deadline wait on the calling fiber (logins,
// scripts). One loop's thread at a time; detach() and attach() move it to another. One fiber may
// wait to read while another waits to write.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "net/endpoint.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/tls.h"
#include "sluice/result.h"

namespace sluice::net {

class TlsSession;

struct StreamOptions {
  Duration keepalive_idle = std::chrono::seconds(60);  // <= 0: off
  Duration user_timeout = std::chrono::seconds(0);     // TCP_USER_TIMEOUT, <= 0: the kernel's
};

class Stream final : Pollable {
 public:
  // Told of every new readiness (edge): call the _some calls until they would block. Loop thread.
  // on_ready() may destroy the stream.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_ready() = 0;
  };

  // Takes over fd (non-blocking, close-on-exec) and registers it with the loop; should the kernel
  // refuse that, every call fails with connection_lost.
  Stream(Loop& loop, int fd, Endpoint peer, StreamOptions options = {});
  ~Stream() override;  // closes; TLS sends close_notify if that doesn't block
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Tries each address of the endpoint's list in turn, each with its share of the time that is
  // left. Errors: unavailable (refused, unreachable, no such socket), timed_out, not_found,
  // exhausted. REQUIRES: on a fiber.
  static Result<std::unique_ptr<Stream>> connect(Loop& loop, const Endpoint& to, Deadline deadline,
                                                 StreamOptions options = {});

  // --- never waits -----------------------------------------------------------------------------
  // Bytes read (0: end of file), or would_block, or connection_lost. REQUIRES: into isn't empty.
  Result<std::size_t> read_some(std::span<char> into);
  // Reads into the buffer's room, once or until it would block, at most `limit` bytes in all.
  Result<std::size_t> read_some(Buffer& into, std::size_t limit = 64 * 1024);
  // Bytes taken, or would_block. After would_block on_ready() tells when there is room; under TLS
  // the next write has to begin with the same bytes.
  Result<std::size_t> write_some(std::string_view bytes);
  // Writes what the buffer holds and consumes it; true when it is empty, false when it would block.
  Result<bool> flush(Buffer& from);
  // False when a read would block for sure: nothing came since the last one. Saves the system call.
  bool maybe_readable() const;
  void set_handler(Handler* handler) { handler_ = handler; }

  // --- waits on the calling fiber ---------------------------------------------------------------
  // At least one byte more in `into`; connection_lost at the end of file; timed_out.
  Result<void> read(Buffer& into, Deadline deadline);
  Result<void> write(std::string_view bytes, Deadline deadline);
  // There is something to read: bytes, the end of file, an error, or under TLS a record that is
  // none of these (the read then would block).
  Result<void> wait_readable(Deadline deadline);
  // The handshake. Errors: unauthenticated (a certificate is missing or not accepted),
  // protocol_violation, connection_lost, timed_out; the stream is of no use after one.
  Result<void> start_tls(TlsServer& tls, Deadline deadline);  // we are the server
  Result<void> start_tls(TlsClient& tls, std::string_view host, Deadline deadline);
  // Sends what is queued in TLS, close_notify, then shuts down writing. Best effort.
  void close_gracefully(Deadline deadline);

  // --- facts -------------------------------------------------------------------------------------
  bool encrypted() const { return tls_ != nullptr; }
  // Client certificate's common name when one was presented and verified, else empty.
  std::string peer_common_name() const;
  // "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty
  std::string tls_description() const;
  // The server certificate's tls-server-end-point hash for SCRAM channel binding (RFC 5929); ours
  // when we are the server. Empty without TLS.
  std::string tls_endpoint_hash() const;
  // First bytes without consuming them; would_block if none are there.
  Result<std::size_t> peek(std::span<char> into);
  // The protocol that ALPN agreed on, or empty.
  std::string alpn() const;
  const Endpoint& peer() const { return peer_; }
  Endpoint local() const;
  int fd() const { return socket_.fd(); }
  Loop& loop() { return *loop_; }

  // --- moving between workers --------------------------------------------------------------------
  // REQUIRES: no handler, no fiber waits. On the old loop's thread, then on the new one's.
  void detach();
  Result<void> attach(Loop& loop);

 private:
  enum class Ready : unsigned char { read, write };

  void on_events(std::uint32_t events) override;
  Result<void> join(Loop& loop);
  bool ready(Ready what) const;
  Result<void> wait(Ready what, Deadline deadline);
  Result<void> finish_connect(Deadline deadline, const std::string& address);
  Result<void> handshake(std::unique_ptr<TlsSession> session, Deadline deadline);
  Result<std::size_t> outcome(ssize_t n, const char* doing) const;
  void ask_for_room();

  static Result<std::unique_ptr<Stream>> connect_one(Loop& loop, const Endpoint& to,
                                                     const Address& address, Deadline deadline,
                                                     const StreamOptions& options);

  Loop* loop_ = nullptr;  // null between detach() and attach()
  Socket socket_;
  Endpoint peer_;
  std::unique_ptr<TlsSession> tls_;
  Handler* handler_ = nullptr;
  Fiber *reading_ = nullptr, *writing_ = nullptr;  // who waits
  bool unix_ = false;                              // hears of room to write only while it asks
  bool asks_for_room_ = false;
};

}  // namespace sluice::net
