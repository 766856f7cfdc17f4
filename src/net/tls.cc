#include "net/tls.h"

#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/tls_error.h"

namespace sluice::net {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

std::unexpected<Error> bad_file(std::string_view what, const std::string& file) {
  return fail(Code::invalid_argument, fmt::format("{} {}: {}", what, file, take_tls_error()));
}

// Never asks on the terminal.
int no_password(char*, int, int, void*) { return -1; }

// TLS 1.2 and up, no renegotiation, no resumption: connections are long, and a resumed one would
// skip the client certificate. Buffers are given back between records, an idle client holds none.
Result<Context> make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  Context context(SSL_CTX_new(method));
  if (!context) return fail(Code::internal, "making a TLS context: " + take_tls_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);  // header and body of a record in one system call
  SSL_CTX_set_default_passwd_cb(context.get(), no_password);
  return context;
}

Result<void> use_certificate(SSL_CTX* context, const std::string& cert_file,
                             const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1)
    return bad_file("certificate file", cert_file);
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return bad_file("key file", key_file);
  if (SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(
        Code::invalid_argument,
        fmt::format("key file {} doesn't belong to certificate file {}", key_file, cert_file));
  }
  return {};
}

Result<void> trust(SSL_CTX* context, const std::string& ca_file) {
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    return {};
  }
  if (SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) return bad_file("CA file", ca_file);
  return {};
}

// As on the wire: a length before the name. REQUIRES: at most 255 bytes.
std::string alpn_wire(const std::string& protocol) {
  return static_cast<char>(protocol.size()) + protocol;
}

Result<void> check_alpn(const std::string& protocol) {
  if (protocol.size() <= 255) return {};
  return fail(Code::invalid_argument, "an ALPN protocol name has at most 255 bytes");
}

// Takes our protocol if the client offers it; a client that offers only others goes on without.
int select_alpn(SSL*, const unsigned char** chosen, unsigned char* length,
                const unsigned char* offered, unsigned offered_length, void* ours) {
  const auto& wire = *static_cast<const std::string*>(ours);
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, length, reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()), offered,
                            offered_length) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<TlsServer>> TlsServer::make(const TlsServerOptions& options) {
  if (auto ok = check_alpn(options.alpn); !ok) return std::unexpected(ok.error());
  if (options.require_client_cert && options.ca_file.empty())
    return fail(Code::invalid_argument,
                "client certificates are required, but no CA file says whose are accepted");
  auto context = make_context(TLS_server_method());
  if (!context) return std::unexpected(context.error());
  SSL_CTX* ctx = context->get();
  if (auto ok = use_certificate(ctx, options.cert_file, options.key_file); !ok)
    return std::unexpected(ok.error());
  if (!options.ca_file.empty()) {
    if (auto ok = trust(ctx, options.ca_file); !ok) return std::unexpected(ok.error());
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(options.ca_file.c_str()));
    SSL_CTX_set_verify(
        ctx, SSL_VERIFY_PEER | (options.require_client_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
  }
  auto server = std::make_shared<TlsServer>(context->release());
  if (!options.alpn.empty()) {
    server->alpn_ = alpn_wire(options.alpn);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, &server->alpn_);
  }
  return server;
}

TlsServer::~TlsServer() { SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsClient>> TlsClient::make(const TlsClientOptions& options) {
  if (auto ok = check_alpn(options.alpn); !ok) return std::unexpected(ok.error());
  auto context = make_context(TLS_client_method());
  if (!context) return std::unexpected(context.error());
  SSL_CTX* ctx = context->get();
  if (!options.cert_file.empty())
    if (auto ok = use_certificate(ctx, options.cert_file, options.key_file); !ok)
      return std::unexpected(ok.error());
  if (options.verify != TlsVerify::none) {
    if (auto ok = trust(ctx, options.ca_file); !ok) return std::unexpected(ok.error());
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  }
  if (!options.alpn.empty()) {
    const std::string wire = alpn_wire(options.alpn);
    SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
  }
  return std::make_shared<TlsClient>(context->release(), options.verify);
}

TlsClient::~TlsClient() { SSL_CTX_free(context_); }

}  // namespace sluice::net
