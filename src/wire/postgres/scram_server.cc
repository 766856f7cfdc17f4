// The server's side: a client proves to us that it knows the password behind a verifier.
#include <utility>

#include "base/secret.h"
#include "wire/postgres/base64.h"
#include "wire/postgres/digest.h"
#include "wire/postgres/scram.h"
#include "wire/postgres/scram_message.h"

namespace sluice::postgres {
namespace {

constexpr std::string_view kTlsServerEndPoint = "p=tls-server-end-point";

std::unexpected<Error> malformed(const char* what) {
  return fail(Code::protocol_violation, std::string("malformed SCRAM message: ") + what);
}

// Up to the next comma, which is taken too.
std::optional<std::string_view> take_until_comma(std::string_view& text) {
  std::size_t end = text.find(',');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view field = text.substr(0, end);
  text.remove_prefix(end + 1);
  return field;
}

}  // namespace

ScramServer::ScramServer(ScramVerifier verifier, std::string channel_binding, std::string nonce)
    : verifier_(std::move(verifier)),
      binding_(std::move(channel_binding)),
      server_nonce_(std::move(nonce)) {}

Result<std::string> ScramServer::first(std::string_view mechanism, std::string_view client_first) {
  if (std::exchange(step_, Step::over) != Step::first) return malformed("out of order");
  Result<std::string> answer = start(mechanism, client_first);
  if (answer) step_ = Step::finish;
  return answer;
}

Result<std::string> ScramServer::finish(std::string_view client_final) {
  if (std::exchange(step_, Step::over) != Step::finish) return malformed("out of order");
  return check(client_final);
}

// gs2-header client-first-message-bare; the user name in it is ignored, as the server does, since the
// startup packet has named the user.
Result<std::string> ScramServer::start(std::string_view mechanism, std::string_view client_first) {
  if (client_first.size() > kMaxScramMessage || client_first.contains('\0'))
    return malformed("size");
  std::string_view left = client_first;
  std::optional<std::string_view> flag = take_until_comma(left);
  std::optional<std::string_view> authorization = take_until_comma(left);
  if (!flag || !authorization) return malformed("GS2 header");
  if (!authorization->empty()) return malformed("an authorization identity isn't supported");
  if (Result<void> fits = check_binding(mechanism, *flag); !fits)
    return std::unexpected(std::move(fits.error()));

  std::string_view bare = left;
  std::string_view gs2_header = client_first.substr(0, client_first.size() - bare.size());
  if (bare.starts_with("m=")) return malformed("a mandatory extension");
  if (!scram::take(left, 'n')) return malformed("user name");
  std::optional<std::string_view> client_nonce = scram::take(left, 'r');
  if (!client_nonce || !scram::valid_nonce(*client_nonce, kMaxScramNonce))
    return malformed("nonce");

  if (server_nonce_.empty()) server_nonce_ = scram::make_nonce();
  nonce_ = std::string(*client_nonce) + server_nonce_;
  bool bound = mechanism == kScramSha256Plus;
  expected_c_ = scram::channel_binding_of(gs2_header, bound ? std::string_view(binding_) : "");
  std::string answer =
      "r=" + nonce_ + ",s=" + base64(verifier_.salt) + ",i=" + std::to_string(verifier_.iterations);
  auth_message_ = std::string(bare) + "," + answer;
  return answer;
}

// The flag has to agree with the mechanism, and "y" ("you don't offer it") must be true, or somebody in
// between has cut PLUS off our list.
Result<void> ScramServer::check_binding(std::string_view mechanism, std::string_view flag) const {
  if (mechanism == kScramSha256Plus && !binding_.empty()) {
    if (flag == kTlsServerEndPoint) return {};
    if (flag.starts_with("p="))
      return fail(Code::unauthenticated, "unsupported SCRAM channel-binding type");
    return malformed("SCRAM-SHA-256-PLUS without channel binding");
  }
  if (mechanism != kScramSha256) return malformed("a mechanism that wasn't offered");
  if (flag == "n") return {};
  if (flag != "y") return malformed("channel-binding flag");
  if (binding_.empty()) return {};
  return fail(Code::unauthenticated,
              "SCRAM channel binding negotiation error: the client thinks that it isn't offered");
}

Result<std::string> ScramServer::check(std::string_view client_final) {
  if (client_final.size() > kMaxScramMessage) return malformed("size");
  std::size_t proof_at = client_final.rfind(",p=");
  if (proof_at == std::string_view::npos) return malformed("no proof");
  std::optional<ScramKey> proof = scram::key_from_base64(client_final.substr(proof_at + 3));
  if (!proof) return malformed("proof");
  std::string_view without_proof = client_final.substr(0, proof_at);
  std::string_view left = without_proof;
  std::optional<std::string_view> binding = scram::take(left, 'c');
  std::optional<std::string_view> nonce = scram::take(left, 'r');
  if (!binding || !nonce) return malformed("client-final-message");
  if (*nonce != nonce_) return malformed("nonce does not match");
  if (*binding != expected_c_)
    return fail(Code::unauthenticated, "SCRAM channel binding check failed");

  auth_message_.append(",").append(without_proof);
  ScramKey client_key = scram::xor_signature(*proof, verifier_.stored_key, auth_message_);
  if (!constant_time_equal(view_of(scram::stored_key_of(client_key)),
                           view_of(verifier_.stored_key)))
    return fail(Code::unauthenticated, "password authentication failed");
  client_key_ = client_key;
  return "v=" + base64(view_of(scram::server_signature(verifier_.server_key, auth_message_)));
}

std::optional<ScramKeys> ScramServer::keys() const {
  if (!client_key_) return std::nullopt;
  return ScramKeys{verifier_.iterations, verifier_.salt, *client_key_, verifier_.server_key};
}

}  // namespace sluice::postgres
