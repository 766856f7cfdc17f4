// TLS contexts, made once from the configuration and shared by all connections. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "sluice/result.h"

struct ssl_ctx_st;

namespace sluice::net {

struct TlsServerOptions {
  std::string cert_file, key_file;  // PEM; the certificate file may hold the chain
  std::string ca_file;              // verifies client certificates; empty: none are asked for
  bool require_client_cert = false;
  std::string alpn;  // offered protocol, e.g. "postgresql"; empty: no ALPN
};

enum class TlsVerify { none, ca, full };  // full: the host name must match too

struct TlsClientOptions {
  TlsVerify verify = TlsVerify::none;
  std::string ca_file;              // empty: the system's roots
  std::string cert_file, key_file;  // our certificate, if the server asks
  std::string alpn;
};

// REQUIRES: outlives every handshake that it takes part in; established connections don't need it.
class TlsServer {
 public:
  // invalid_argument names the file and what is wrong with it.
  static Result<std::shared_ptr<TlsServer>> make(const TlsServerOptions& options);
  explicit TlsServer(ssl_ctx_st* context) : context_(context) {}
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ssl_ctx_st* context() { return context_; }

 private:
  ssl_ctx_st* context_;
  std::string alpn_;  // as on the wire, read by OpenSSL during handshakes
};

class TlsClient {
 public:
  static Result<std::shared_ptr<TlsClient>> make(const TlsClientOptions& options);
  TlsClient(ssl_ctx_st* context, TlsVerify verify) : context_(context), verify_(verify) {}
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ssl_ctx_st* context() { return context_; }
  TlsVerify verify() const { return verify_; }

 private:
  ssl_ctx_st* context_;
  TlsVerify verify_;
};

}  // namespace sluice::net
