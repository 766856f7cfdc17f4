#include "net/tls_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "net/tls_error.h"

namespace sluice::net {
namespace {

// --- the BIO over a Socket -----------------------------------------------------------------------

int finish(BIO* bio, ssize_t n, void (*retry)(BIO*)) {
  BIO_clear_retry_flags(bio);
  if (n >= 0) return static_cast<int>(n);
  if (n == -EAGAIN) retry(bio);
  errno = static_cast<int>(-n);
  return -1;
}

Socket& socket_of(BIO* bio) { return *static_cast<Socket*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* into, int size) {
  return finish(bio, socket_of(bio).receive(into, static_cast<std::size_t>(size)),
                [](BIO* b) { BIO_set_retry_read(b); });
}

int bio_write(BIO* bio, const char* bytes, int size) {
  return finish(bio, socket_of(bio).send(bytes, static_cast<std::size_t>(size)),
                [](BIO* b) { BIO_set_retry_write(b); });
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice socket");
  BIO_meth_set_read(method, bio_read);
  BIO_meth_set_write(method, bio_write);
  BIO_meth_set_ctrl(method, bio_control);
  return method;
}

// Constant after its first use, shared by all threads.
const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = make_method();
  return method;
}

// --- certificates --------------------------------------------------------------------------------

bool is_address(const std::string& host) {
  unsigned char ignored[16];
  return ::inet_pton(AF_INET, host.c_str(), ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored) == 1;
}

bool expect_host(SSL* ssl, const std::string& host) {
  if (is_address(host))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host.c_str()) == 1;
}

// RFC 5929, 4.1: the signature's hash, but SHA-256 in place of MD5 and SHA-1.
const EVP_MD* endpoint_digest(X509* certificate) {
  int digest = NID_undef;
  if (X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1) return nullptr;
  if (digest == NID_md5 || digest == NID_sha1) return EVP_sha256();
  return EVP_get_digestbynid(digest);
}

// Alerts about certificates in RFC 8446, 6.2: 41-46, 48 (unknown_ca), 49, 116 (required).
bool about_certificates(int alert) {
  return (alert >= 41 && alert <= 46) || alert == 48 || alert == 49 || alert == 116;
}

}  // namespace

Result<std::unique_ptr<TlsSession>> TlsSession::make(ssl_ctx_st* context, Socket& socket,
                                                     std::string peer) {
  ERR_clear_error();
  SSL* ssl = SSL_new(context);
  BIO* bio = ssl ? BIO_new(socket_method()) : nullptr;
  if (!bio) {
    SSL_free(ssl);
    return fail(Code::exhausted, "starting TLS: " + take_tls_error());
  }
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return std::unique_ptr<TlsSession>(new TlsSession(ssl, socket, std::move(peer)));
}

Result<std::unique_ptr<TlsSession>> TlsSession::server(ssl_ctx_st* context, Socket& socket,
                                                       std::string peer) {
  auto session = make(context, socket, std::move(peer));
  if (session) SSL_set_accept_state((*session)->ssl_);
  return session;
}

Result<std::unique_ptr<TlsSession>> TlsSession::client(ssl_ctx_st* context, Socket& socket,
                                                       std::string peer, const std::string& host,
                                                       bool check_host) {
  auto session = make(context, socket, std::move(peer));
  if (!session) return session;
  SSL* ssl = (*session)->ssl_;
  SSL_set_connect_state(ssl);
  if (!host.empty() && !is_address(host)) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (check_host && (host.empty() || !expect_host(ssl, host))) {
    ERR_clear_error();
    return fail(Code::invalid_argument,
                fmt::format("\"{}\" is no host name that a certificate could be for", host));
  }
  return session;
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

Result<TlsSession::Want> TlsSession::handshake() {
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_);
  if (returned == 1) {
    established_ = true;
    return Want::nothing;
  }
  Half half;
  const Result<std::size_t> result = outcome(returned, half);
  if (half.wants != Want::nothing) return half.wants;
  if (!result) return std::unexpected(result.error());
  return fail(Code::connection_lost,
              fmt::format("{} closed the connection during the TLS handshake", peer_));
}

Result<std::size_t> TlsSession::read(std::span<char> into) {
  if (reading_.failed) return std::unexpected(*reading_.failed);
  ERR_clear_error();
  std::size_t got = 0;
  const int returned = SSL_read_ex(ssl_, into.data(), into.size(), &got);
  if (returned != 1) return outcome(returned, reading_);
  reading_.wants = Want::nothing;
  return got;
}

Result<std::size_t> TlsSession::peek(std::span<char> into) {
  if (reading_.failed) return std::unexpected(*reading_.failed);
  ERR_clear_error();
  std::size_t got = 0;
  const int returned = SSL_peek_ex(ssl_, into.data(), into.size(), &got);
  if (returned != 1) return outcome(returned, reading_);
  reading_.wants = Want::nothing;
  return got;
}

Result<std::size_t> TlsSession::write(std::string_view bytes) {
  if (writing_.failed) return std::unexpected(*writing_.failed);
  ERR_clear_error();
  std::size_t total = 0;
  while (total < bytes.size()) {
    std::size_t sent = 0;
    const int returned = SSL_write_ex(ssl_, bytes.data() + total, bytes.size() - total, &sent);
    if (returned != 1) {
      Result<std::size_t> result = outcome(returned, writing_);
      if (total) return total;
      if (result)
        return fail(Code::connection_lost, fmt::format("{} closed the connection", peer_));
      return result;
    }
    writing_.wants = Want::nothing;
    total += sent;
  }
  return total;
}

TlsSession::Closing TlsSession::close() {
  if (!established_ || closed_) return Closing::done;
  ERR_clear_error();
  const int returned = SSL_shutdown(ssl_);
  if (returned < 0 && SSL_get_error(ssl_, returned) == SSL_ERROR_WANT_WRITE)
    return Closing::blocked;
  ERR_clear_error();
  closed_ = true;
  return Closing::done;
}

// --- errors --------------------------------------------------------------------------------------

Result<std::size_t> TlsSession::outcome(int returned, Half& half) {
  const int os = errno;
  const int kind = SSL_get_error(ssl_, returned);
  half.wants = Want::nothing;
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
    half.wants = kind == SSL_ERROR_WANT_READ ? Want::read : Want::write;
    return fail(Code::would_block);
  }
  if (kind == SSL_ERROR_ZERO_RETURN) return 0;
  closed_ = true;
  half.failed = error_of(kind, os);
  return std::unexpected(*half.failed);
}

Error TlsSession::error_of(int kind, int os) const {
  if (kind == SSL_ERROR_SSL) return refused();
  ERR_clear_error();
  if (socket_.at_end())
    return {Code::connection_lost, 0,
            fmt::format("{} closed the connection {}", peer_,
                        established_ ? "without ending TLS" : "during the TLS handshake")};
  return {Code::connection_lost, os, fmt::format("TLS with {}", peer_)};
}

// A protocol error: our complaint about the peer, or its alert about us.
Error TlsSession::refused() const {
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  const std::string words = take_tls_error();
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return {Code::unauthenticated, 0,
            fmt::format("the certificate of {} isn't accepted: {}", peer_,
                        X509_verify_cert_error_string(SSL_get_verify_result(ssl_)))};
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {Code::unauthenticated, 0, fmt::format("{} sent no certificate", peer_)};
  if (reason >= SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    return {about_certificates(alert) ? Code::unauthenticated : Code::protocol_violation, 0,
            fmt::format("{} refused the TLS connection: {}", peer_, words)};
  }
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
    return {Code::protocol_violation, 0, fmt::format("{} doesn't speak TLS", peer_)};
  return {Code::protocol_violation, 0, fmt::format("TLS with {}: {}", peer_, words)};
}

// --- facts ---------------------------------------------------------------------------------------

std::string TlsSession::peer_common_name() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (!certificate || SSL_get_verify_result(ssl_) != X509_V_OK ||
      !(SSL_get_verify_mode(ssl_) & SSL_VERIFY_PEER))
    return {};
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  unsigned char* utf8 = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (length < 0) return {};
  std::string name(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  // A NUL inside would let "admin\0.evil" pass for "admin" with whoever reads C strings.
  return name.find('\0') == std::string::npos ? name : std::string();
}

std::string TlsSession::description() const {
  return fmt::format("{} {}", SSL_get_version(ssl_), SSL_get_cipher_name(ssl_));
}

std::string TlsSession::endpoint_hash() const {
  X509* certificate =
      SSL_is_server(ssl_) ? SSL_get_certificate(ssl_) : SSL_get0_peer_certificate(ssl_);
  const EVP_MD* digest = certificate ? endpoint_digest(certificate) : nullptr;
  if (!digest) return {};
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (X509_digest(certificate, digest, hash, &length) != 1) return {};
  return {reinterpret_cast<char*>(hash), length};
}

std::string TlsSession::alpn() const {
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &length);
  return {reinterpret_cast<const char*>(protocol), length};
}

}  // namespace sluice::net
