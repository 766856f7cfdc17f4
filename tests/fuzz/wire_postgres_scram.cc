// Both sides of SCRAM against a peer that sends anything. Lines of the input are the peer's messages.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/postgres/base64.h"
#include "wire/postgres/scram.h"

namespace {

using namespace sluice;
using namespace sluice::postgres;

void require(bool holds) {
  if (!holds) std::abort();
}

const ScramVerifier& verifier() {
  static const ScramVerifier made = make_verifier("secret", "0123456789abcdef", 1).value();
  return made;
}

// Nobody gets in without the password.
void attack_server(std::string_view first, std::string_view last, bool tls) {
  for (std::string_view mechanism : {kScramSha256, kScramSha256Plus}) {
    ScramServer server(verifier(), tls ? "certificate hash" : "", "server-nonce");
    (void)server.first(mechanism, first).has_value();
    auto done = server.finish(last);
    require(!done && !server.authenticated() && !server.keys());
  }
}

// A server that knows no password isn't believed. Keys with the peer's own salt stand for any password
// and keep key derivation, which a peer may ask for a million times, out of the measure.
void attack_client(std::string_view first, std::string_view last, bool tls) {
  ScramKeys keys{1, "0123456789abcdef", {1}, {2}};
  ScramClient client(keys, {.channel_binding = tls ? "certificate hash" : "",
                            .plus_offered = tls,
                            .nonce = "client-nonce"});
  (void)client.answer(first).has_value();
  require(!client.verify(last) && !client.authenticated() && !client.keys());
}

// With the right password and any nonces that are allowed, both sides agree.
void log_in(std::string_view nonce, bool tls) {
  if (nonce.contains(',')) return;  // would end there for the server
  ScramServer server(verifier(), tls ? "certificate hash" : "");
  ScramClient client("secret", {.channel_binding = tls ? "certificate hash" : "",
                                .plus_offered = tls,
                                .nonce = std::string(nonce)});
  auto challenge = server.first(client.mechanism(), client.first());
  if (!challenge) return;  // a nonce that isn't one
  auto proof = client.answer(*challenge);
  require(proof.has_value());
  auto signature = server.finish(*proof);
  require(signature && client.verify(*signature) && client.authenticated());
}

void check_texts(std::string_view text) {
  if (auto bytes = from_base64(text)) require(base64(*bytes) == text);
  require(from_base64(base64(text)) == text);
  if (auto parsed = parse_verifier(text))
    require(parse_verifier(format_verifier(*parsed)).value() == *parsed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t line = bytes.find('\n');
  std::string_view first = bytes.substr(0, line);
  std::string_view last = line == std::string_view::npos ? "" : bytes.substr(line + 1);
  for (bool tls : {false, true}) {
    attack_server(first, last, tls);
    attack_client(first, last, tls);
    log_in(first, tls);
  }
  check_texts(first);
  return 0;
}
