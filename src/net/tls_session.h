// TlsSession: OpenSSL's end of one encrypted stream, over a Socket, without waiting.
//
// OpenSSL reads and writes through a BIO of our own, so that the socket's readiness flags save it
// system calls too and no write raises SIGPIPE. Only stream*.cc know this header.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "net/socket.h"
#include "sluice/result.h"

namespace sluice::net {

class TlsSession {
 public:
  enum class Want : unsigned char { nothing, read, write };  // what the socket must be ready for
  enum class Closing : unsigned char { done, blocked };

  // `peer` names the other end in errors. The socket outlives the session.
  static Result<std::unique_ptr<TlsSession>> server(ssl_ctx_st* context, Socket& socket,
                                                    std::string peer);
  // Empty host: no name is sent. `check_host`: the certificate must be for it.
  static Result<std::unique_ptr<TlsSession>> client(ssl_ctx_st* context, Socket& socket,
                                                    std::string peer, const std::string& host,
                                                    bool check_host);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  Result<Want> handshake();  // nothing: done
  Result<std::size_t> read(std::span<char> into);
  Result<std::size_t> peek(std::span<char> into);
  Result<std::size_t> write(std::string_view bytes);
  Closing close();  // sends close_notify

  // Whether another try may get further than the last.
  bool may_read() const {
    if (reading_.wants != Want::nothing) return ready_for(reading_.wants);
    return reading_.failed || socket_.readable() || SSL_has_pending(ssl_);
  }
  bool may_write() const { return ready_for(writing_.wants) && socket_.writable(); }

  std::string peer_common_name() const;
  std::string description() const;
  std::string endpoint_hash() const;
  std::string alpn() const;

 private:
  // One direction: what the last call waits for, and the error that ended it (it is said again).
  struct Half {
    Want wants = Want::nothing;
    std::optional<Error> failed;
  };

  TlsSession(ssl_st* ssl, Socket& socket, std::string peer)
      : ssl_(ssl), socket_(socket), peer_(std::move(peer)) {}
  static Result<std::unique_ptr<TlsSession>> make(ssl_ctx_st* context, Socket& socket,
                                                  std::string peer);
  bool ready_for(Want want) const {
    return want == Want::nothing || (want == Want::read ? socket_.readable() : socket_.writable());
  }
  // After a call of OpenSSL that didn't succeed. 0 stands for the end of file.
  Result<std::size_t> outcome(int returned, Half& half);
  Error error_of(int kind, int os) const;
  Error refused() const;

  ssl_st* ssl_;
  Socket& socket_;
  const std::string peer_;
  Half reading_, writing_;
  bool established_ = false;
  bool closed_ = false;  // close_notify is out, or may not be sent after a fatal error
};

}  // namespace sluice::net
