// A client proves who it is. Who isn't known goes through the same motions and learns nothing.
#include "base/random.h"
#include "session/postgres_client.h"
#include "session/postgres_frames.h"
#include "wire/postgres/password.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

constexpr std::uint32_t kMaxPasswordFrame = 64 * 1024;

ClientAuth by_secret(const UserSecret* secret) {
  return secret && kind_of(secret->secret) == SecretKind::md5 ? ClientAuth::md5 : ClientAuth::scram;
}

}  // namespace

Result<void> PostgresClient::authenticate(RouteRequest& request) {
  ClientAuth method = options_->auth;
  if (method == ClientAuth::trust) return {};
  if (method == ClientAuth::cert) {
    if (stream_->peer_common_name() == user_) return {};
    return std::unexpected(Error{Code::unauthenticated, 0,
                                 "certificate authentication failed for user \"" + user_ +
                                     "\": the client certificate's common name has to be the user",
                                 std::string(sqlstate::kInvalidAuthorization)});
  }
  if (method == ClientAuth::passthrough) return check_clear(request, nullptr);
  auto found = front_.find_user(
      user_, database_, deadline_after(net::Loop::current()->now(), options_->login_timeout));
  if (!found) return std::unexpected(found.error());
  const UserSecret* secret = *found ? &**found : nullptr;
  if (method == ClientAuth::automatic) method = by_secret(secret);
  // An md5 secret can't be checked by SCRAM, and a verifier not by md5: the stored secret decides.
  if (secret && method == ClientAuth::md5 && kind_of(secret->secret) == SecretKind::scram)
    method = ClientAuth::scram;
  switch (method) {
    case ClientAuth::password: return check_clear(request, secret);
    case ClientAuth::md5: return check_md5(request, secret);
    default: return check_scram(request, secret);
  }
}

Result<void> PostgresClient::wrong_password() const {
  return std::unexpected(Error{Code::unauthenticated, 0,
                               "password authentication failed for user \"" + user_ + "\"",
                               std::string(sqlstate::kInvalidPassword)});
}

// Sends an authentication request, gives the payload of the answer.
Result<std::string> PostgresClient::ask_password(std::uint32_t code, std::string_view data) {
  const Deadline deadline = deadline_after(net::Loop::current()->now(), options_->login_timeout);
  append_authentication(out_, code, data);
  if (auto sent = stream_->write(out_.view(), deadline); !sent)
    return std::unexpected(sent.error());
  out_.clear();
  std::size_t consumed = 0;
  auto frame = read_frame(*stream_, in_, consumed, kMaxPasswordFrame, deadline);
  if (!frame) return std::unexpected(frame.error());
  if (frame->type != frontend::kPassword)
    return fail(Code::protocol_violation,
                std::string("expected password response, got message type '") + frame->type + "'");
  std::string payload(frame->payload);
  in_.consume(consumed);
  return payload;
}

Result<void> PostgresClient::check_clear(RouteRequest& request, const UserSecret* secret) {
  auto payload = ask_password(kAuthCleartext, {});
  if (!payload) return std::unexpected(payload.error());
  auto password = read_password(*payload);
  if (!password) return std::unexpected(password.error());
  if (password->bytes.empty()) return wrong_password();
  request.password = password->bytes;
  if (options_->auth == ClientAuth::passthrough)
    return {};  // the server judges it, in open_route()
  if (!secret || !check_password(secret->secret, user_, request.password)) return wrong_password();
  return {};
}

Result<void> PostgresClient::check_md5(RouteRequest&, const UserSecret* secret) {
  std::array<char, 4> salt;
  fill_random(std::span<char>(salt));
  auto payload = ask_password(kAuthMd5, {salt.data(), salt.size()});
  if (!payload) return std::unexpected(payload.error());
  auto answer = read_password(*payload);
  if (!answer) return std::unexpected(answer.error());
  if (!secret || !check_md5_answer(secret->secret, user_, salt, answer->bytes))
    return wrong_password();
  return {};
}

Result<void> PostgresClient::check_scram(RouteRequest& request, const UserSecret* secret) {
  ScramVerifier verifier = mock_verifier(user_, front_.mock_secret());
  bool known = false;
  if (secret && kind_of(secret->secret) == SecretKind::scram) {
    if (auto parsed = parse_verifier(secret->secret)) {
      verifier = *parsed;
      known = true;
    }
  } else if (secret && secret->verifier) {
    verifier = *secret->verifier;
    known = true;
  }
  const std::string binding = stream_->tls_endpoint_hash();
  std::string mechanisms;
  if (!binding.empty()) mechanisms.append(kScramSha256Plus).push_back('\0');
  mechanisms.append(kScramSha256).push_back('\0');
  mechanisms.push_back('\0');
  auto payload = ask_password(kAuthSasl, mechanisms);
  if (!payload) return std::unexpected(payload.error());
  auto initial = read_sasl_initial(*payload);
  if (!initial) return std::unexpected(initial.error());
  ScramServer scram(std::move(verifier), binding);
  auto challenge = scram.first(initial->mechanism, initial->data.value_or(std::string_view{}));
  if (!challenge) return std::unexpected(challenge.error());
  auto proof = ask_password(kAuthSaslContinue, *challenge);
  if (!proof) return std::unexpected(proof.error());
  auto final = scram.finish(*proof);
  if (!final && final.error().code == Code::unauthenticated) return wrong_password();
  if (!final) return std::unexpected(final.error());
  if (!known) return wrong_password();
  append_authentication(out_, kAuthSaslFinal, *final);
  request.keys = scram.keys();
  return {};
}

}  // namespace sluice::postgres
