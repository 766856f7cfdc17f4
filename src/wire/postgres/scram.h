// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677; channel binding tls-server-end-point, RFC 5929),
// the server's side for our clients and the client's side for our upstreams: bytes in, bytes out.
//
// A password never has to pass: a client proves that it knows one, and the proof tells the server the
// ClientKey for that salt and iteration count. So a proxy that holds the upstream's own verifier can
// let a client in and then log in upstream as the client (pass-through), now and at each reconnect.
// Passwords are used as they are, without SASLprep: PostgreSQL does so for ASCII and for what SASLprep
// refuses; only a non-ASCII password that isn't in its normal form (NFKC) makes a difference.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::postgres {

inline constexpr std::string_view kScramSha256 = "SCRAM-SHA-256";
inline constexpr std::string_view kScramSha256Plus = "SCRAM-SHA-256-PLUS";
inline constexpr std::uint32_t kScramIterations = 4096;          // PostgreSQL's default
inline constexpr std::uint32_t kMaxScramIterations = 1'000'000;  // about half a second of CPU
inline constexpr std::size_t kMaxScramNonce = 1024;              // characters, of one side
inline constexpr std::size_t kMaxScramMessage = 8192;

using ScramKey = std::array<unsigned char, 32>;

// What a server keeps instead of a password.
struct ScramVerifier {
  std::uint32_t iterations = kScramIterations;
  std::string salt;  // raw bytes
  ScramKey stored_key{};
  ScramKey server_key{};
  bool operator==(const ScramVerifier&) const = default;
};

// What logs in without the password, wherever salt and iterations are the same.
struct ScramKeys {
  std::uint32_t iterations = 0;
  std::string salt;
  ScramKey client_key{};
  ScramKey server_key{};
};

// "SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>", as in pg_authid and userlist.txt.
Result<ScramVerifier> parse_verifier(std::string_view text);
std::string format_verifier(const ScramVerifier& verifier);
bool is_verifier(std::string_view text);

// Costs `iterations` HMACs: some milliseconds of CPU at the default.
Result<ScramVerifier> make_verifier(std::string_view password, std::string_view salt,
                                    std::uint32_t iterations = kScramIterations);
// With a random salt of 16 bytes.
Result<ScramVerifier> make_verifier(std::string_view password);
// For a user that doesn't exist: its salt is the same at each try and nothing matches it, so the
// exchange looks like a wrong password. `server_secret` is random, made once, never shown.
ScramVerifier mock_verifier(std::string_view user, std::string_view server_secret);

// The server's side of one login. One fiber; any error ends it for good.
class ScramServer {
 public:
  // channel_binding: the hash of our certificate (tls-server-end-point), empty without TLS; with it
  // the PLUS mechanism is offered and a client that believes otherwise is refused (downgrade).
  // nonce: for tests; empty: random.
  explicit ScramServer(ScramVerifier verifier, std::string channel_binding = {},
                       std::string nonce = {});

  // Answers client-first-message with server-first-message. protocol_violation: malformed;
  // unauthenticated: channel binding doesn't fit.
  Result<std::string> first(std::string_view mechanism, std::string_view client_first);
  // Answers client-final-message with server-final-message. unauthenticated: the wrong password.
  Result<std::string> finish(std::string_view client_final);

  bool authenticated() const { return client_key_.has_value(); }
  // After success: what the client's password amounts to, ready for ScramClient.
  const std::optional<ScramKey>& client_key() const { return client_key_; }
  std::optional<ScramKeys> keys() const;

 private:
  enum class Step : std::uint8_t { first, finish, over };
  Result<std::string> start(std::string_view mechanism, std::string_view client_first);
  Result<std::string> check(std::string_view client_final);
  Result<void> check_binding(std::string_view mechanism, std::string_view flag) const;

  ScramVerifier verifier_;
  std::string binding_;  // the certificate's hash
  std::string server_nonce_;
  std::string nonce_;         // both sides'
  std::string expected_c_;    // what c= has to say, in base64
  std::string auth_message_;  // client-first-bare "," server-first
  std::optional<ScramKey> client_key_;
  Step step_ = Step::first;
};

// The client's side of one login. One fiber; any error ends it for good.
class ScramClient {
 public:
  struct Options {
    std::string channel_binding = {};  // the hash of the server's certificate, empty without TLS
    bool plus_offered = false;         // the server's list has SCRAM-SHA-256-PLUS
    std::string nonce = {};            // for tests; empty: random
  };
  ScramClient(std::string password, Options options);
  // Logs in with what an earlier login left behind; fails if the server's salt or iterations differ.
  ScramClient(ScramKeys keys, Options options);

  // PLUS if the server offers it and we have the certificate's hash.
  std::string_view mechanism() const;
  // client-first-message.
  const std::string& first() const { return first_; }
  // Answers server-first-message with client-final-message. unauthenticated: keys for another salt.
  Result<std::string> answer(std::string_view server_first);
  // Checks server-final-message. unauthenticated: the server refused, or doesn't know the password.
  Result<void> verify(std::string_view server_final);

  bool authenticated() const { return step_ == Step::done; }
  // After success: for the next login, which then costs no key derivation.
  std::optional<ScramKeys> keys() const;

 private:
  enum class Step : std::uint8_t { answer, verify, done, over };
  Result<std::string> prove(std::string_view server_first);
  Result<void> check(std::string_view server_final) const;

  std::string password_;
  std::optional<ScramKeys> keys_;
  std::string binding_;
  bool plus_ = false;
  std::string gs2_;  // "p=tls-server-end-point,,", "y,," or "n,,"
  std::string nonce_;
  std::string first_;
  std::string auth_message_;
  Step step_ = Step::answer;
};

}  // namespace sluice::postgres
