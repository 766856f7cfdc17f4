// The client's side: we prove to an upstream that we know the password, or that a client of ours did.
#include <utility>

#include "base/parse.h"
#include "base/secret.h"
#include "wire/postgres/base64.h"
#include "wire/postgres/digest.h"
#include "wire/postgres/scram.h"
#include "wire/postgres/scram_message.h"

namespace sluice::postgres {
namespace {

std::unexpected<Error> malformed(const char* what) {
  return fail(Code::protocol_violation, std::string("malformed SCRAM message: ") + what);
}

struct Challenge {
  std::string_view nonce;
  std::string salt;
  std::uint32_t iterations = 0;
};

Result<Challenge> read_challenge(std::string_view message) {
  if (message.size() > kMaxScramMessage) return malformed("size");
  if (message.starts_with("m=")) return malformed("a mandatory extension");
  std::optional<std::string_view> nonce = scram::take(message, 'r');
  std::optional<std::string_view> salt = scram::take(message, 's');
  std::optional<std::string_view> iterations = scram::take(message, 'i');
  if (!nonce || !salt || !iterations) return malformed("server-first-message");
  if (!scram::valid_nonce(*nonce, 2 * kMaxScramNonce)) return malformed("nonce");
  std::optional<std::string> raw_salt = from_base64(*salt);
  if (!raw_salt || raw_salt->empty()) return malformed("salt");
  Result<std::uint64_t> count = parse_u64(*iterations, 1, 0x7fffffff);
  if (!count) return malformed("iteration count");
  return Challenge{*nonce, std::move(*raw_salt), static_cast<std::uint32_t>(*count)};
}

// The costly step; a server may not make us derive for minutes.
Result<ScramKeys> derive(std::string_view password, const Challenge& challenge) {
  if (challenge.iterations > kMaxScramIterations) return malformed("too many iterations");
  ScramKey salted = pbkdf2_sha256(password, challenge.salt, challenge.iterations);
  return ScramKeys{challenge.iterations, challenge.salt, scram::client_key_of(salted),
                   scram::server_key_of(salted)};
}

}  // namespace

ScramClient::ScramClient(std::string password, Options options)
    : password_(std::move(password)),
      binding_(std::move(options.channel_binding)),
      plus_(options.plus_offered && !binding_.empty()),
      gs2_(plus_              ? "p=tls-server-end-point,,"
           : binding_.empty() ? "n,,"
                              : "y,,"),
      nonce_(options.nonce.empty() ? scram::make_nonce() : std::move(options.nonce)),
      first_(gs2_ + "n=,r=" + nonce_) {}

ScramClient::ScramClient(ScramKeys keys, Options options)
    : ScramClient(std::string(), std::move(options)) {
  keys_ = std::move(keys);
}

std::string_view ScramClient::mechanism() const { return plus_ ? kScramSha256Plus : kScramSha256; }

Result<std::string> ScramClient::answer(std::string_view server_first) {
  if (std::exchange(step_, Step::over) != Step::answer) return malformed("out of order");
  Result<std::string> final = prove(server_first);
  if (final) step_ = Step::verify;
  return final;
}

Result<void> ScramClient::verify(std::string_view server_final) {
  if (std::exchange(step_, Step::over) != Step::verify) return malformed("out of order");
  Result<void> known = check(server_final);
  if (known) step_ = Step::done;
  return known;
}

Result<std::string> ScramClient::prove(std::string_view server_first) {
  Result<Challenge> challenge = read_challenge(server_first);
  if (!challenge) return std::unexpected(std::move(challenge.error()));
  if (!challenge->nonce.starts_with(nonce_) || challenge->nonce.size() == nonce_.size())
    return malformed("the nonce isn't a longer one than ours");
  if (!keys_) {
    Result<ScramKeys> derived = derive(password_, *challenge);
    if (!derived) return std::unexpected(std::move(derived.error()));
    keys_ = std::move(*derived);
  } else if (keys_->salt != challenge->salt || keys_->iterations != challenge->iterations) {
    return fail(Code::unauthenticated,
                "the server's SCRAM salt or iterations aren't those of our keys");
  }

  std::string_view bound = plus_ ? std::string_view(binding_) : "";
  std::string final =
      "c=" + scram::channel_binding_of(gs2_, bound) + ",r=" + std::string(challenge->nonce);
  auth_message_ =
      first_.substr(gs2_.size()).append(",").append(server_first).append(",").append(final);
  ScramKey proof = scram::xor_signature(keys_->client_key, scram::stored_key_of(keys_->client_key),
                                        auth_message_);
  return final + ",p=" + base64(view_of(proof));
}

Result<void> ScramClient::check(std::string_view server_final) const {
  if (server_final.starts_with("e="))
    return fail(Code::unauthenticated, "the server refused the SCRAM proof");
  std::optional<std::string_view> text = scram::take(server_final, 'v');
  std::optional<ScramKey> signature = text ? scram::key_from_base64(*text) : std::nullopt;
  if (!signature) return malformed("server-final-message");
  ScramKey expected = scram::server_signature(keys_->server_key, auth_message_);
  if (!constant_time_equal(view_of(*signature), view_of(expected)))
    return fail(Code::unauthenticated,
                "the server doesn't know the password: wrong SCRAM signature");
  return {};
}

std::optional<ScramKeys> ScramClient::keys() const {
  if (step_ != Step::done) return std::nullopt;
  return keys_;
}

}  // namespace sluice::postgres
