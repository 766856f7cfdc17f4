// Stream under TLS: the handshakes, and what is known after them.
#include <utility>

#include "net/stream.h"
#include "net/tls_session.h"

namespace sluice::net {

Result<void> Stream::start_tls(TlsServer& tls, Deadline deadline) {
  auto session = TlsSession::server(tls.context(), socket_, peer_.text());
  if (!session) return std::unexpected(session.error());
  return handshake(std::move(*session), deadline);
}

Result<void> Stream::start_tls(TlsClient& tls, std::string_view host, Deadline deadline) {
  auto session = TlsSession::client(tls.context(), socket_, peer_.text(), std::string(host),
                                    tls.verify() == TlsVerify::full);
  if (!session) return std::unexpected(session.error());
  return handshake(std::move(*session), deadline);
}

Result<void> Stream::handshake(std::unique_ptr<TlsSession> session, Deadline deadline) {
  for (;;) {
    const Result<TlsSession::Want> wants = session->handshake();
    if (!wants) return std::unexpected(wants.error());
    if (*wants == TlsSession::Want::nothing) break;
    const Ready what = *wants == TlsSession::Want::read ? Ready::read : Ready::write;
    if (auto waited = wait(what, deadline); !waited)
      return fail(waited.error().code, "TLS handshake with " + peer_.text());
  }
  tls_ = std::move(session);
  return {};
}

std::string Stream::peer_common_name() const {
  return tls_ ? tls_->peer_common_name() : std::string();
}

std::string Stream::tls_description() const { return tls_ ? tls_->description() : std::string(); }

std::string Stream::tls_endpoint_hash() const {
  return tls_ ? tls_->endpoint_hash() : std::string();
}

std::string Stream::alpn() const { return tls_ ? tls_->alpn() : std::string(); }

}  // namespace sluice::net
