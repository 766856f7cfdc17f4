// What a server keeps instead of a password: read, written, made, and made up.
#include "base/parse.h"
#include "base/random.h"
#include "wire/postgres/base64.h"
#include "wire/postgres/digest.h"
#include "wire/postgres/scram.h"
#include "wire/postgres/scram_message.h"

namespace sluice::postgres {
namespace {

constexpr std::string_view kPrefix = "SCRAM-SHA-256$";
constexpr std::size_t kSaltSize = 16;  // as PostgreSQL's
constexpr std::size_t kMaxSalt = 1024;

// Up to the separator, which is taken too; nullopt if there is none.
std::optional<std::string_view> take_until(std::string_view& text, char separator) {
  std::size_t end = text.find(separator);
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view field = text.substr(0, end);
  text.remove_prefix(end + 1);
  return field;
}

std::optional<ScramVerifier> parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  std::optional<std::string_view> iterations = take_until(text, ':');
  std::optional<std::string_view> salt = take_until(text, '$');
  std::optional<std::string_view> stored_key = take_until(text, ':');
  if (!iterations || !salt || !stored_key) return std::nullopt;

  ScramVerifier verifier;
  Result<std::uint64_t> count = parse_u64(*iterations, 1, 0x7fffffff);
  if (!count) return std::nullopt;
  verifier.iterations = static_cast<std::uint32_t>(*count);
  std::optional<std::string> raw_salt = from_base64(*salt);
  std::optional<ScramKey> stored = scram::key_from_base64(*stored_key);
  std::optional<ScramKey> server = scram::key_from_base64(text);
  if (!raw_salt || raw_salt->empty() || raw_salt->size() > kMaxSalt || !stored || !server)
    return std::nullopt;
  verifier.salt = std::move(*raw_salt);
  verifier.stored_key = *stored;
  verifier.server_key = *server;
  return verifier;
}

}  // namespace

Result<ScramVerifier> parse_verifier(std::string_view text) {
  std::optional<ScramVerifier> verifier = parse(text);
  if (!verifier) return fail(Code::invalid_argument, "not a SCRAM-SHA-256 verifier");
  return std::move(*verifier);
}

bool is_verifier(std::string_view text) { return parse(text).has_value(); }

std::string format_verifier(const ScramVerifier& verifier) {
  return std::string(kPrefix) + std::to_string(verifier.iterations) + ":" + base64(verifier.salt) +
         "$" + base64(view_of(verifier.stored_key)) + ":" + base64(view_of(verifier.server_key));
}

Result<ScramVerifier> make_verifier(std::string_view password, std::string_view salt,
                                    std::uint32_t iterations) {
  if (iterations == 0 || iterations > kMaxScramIterations)
    return fail(Code::invalid_argument, "SCRAM with " + std::to_string(iterations) + " iterations");
  ScramKey salted = pbkdf2_sha256(password, salt, iterations);
  return ScramVerifier{iterations, std::string(salt),
                       scram::stored_key_of(scram::client_key_of(salted)),
                       scram::server_key_of(salted)};
}

Result<ScramVerifier> make_verifier(std::string_view password) {
  std::array<char, kSaltSize> salt{};
  fill_random(std::span<char>(salt));
  return make_verifier(password, {salt.data(), salt.size()});
}

// The keys are made up, so no ClientKey is known that hashes to stored_key.
ScramVerifier mock_verifier(std::string_view user, std::string_view server_secret) {
  auto derived = [&](std::string_view purpose) {
    return hmac_sha256(server_secret, std::string(purpose).append(user));
  };
  return {kScramIterations, std::string(view_of(derived("salt:")).substr(0, kSaltSize)),
          derived("stored key:"), derived("server key:")};
}

}  // namespace sluice::postgres
