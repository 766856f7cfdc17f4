#include "wire/postgres/password.h"

#include <algorithm>

#include "base/secret.h"
#include "wire/postgres/digest.h"
#include "wire/postgres/scram.h"

namespace sluice::postgres {
namespace {

constexpr std::size_t kMd5Secret = 3 + 32;

bool hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

Result<std::string> prefixed_md5(std::string_view first, std::string_view second) {
  Result<std::string> digest = md5_hex(std::string(first).append(second));
  if (!digest) return digest;
  return "md5" + *digest;
}

bool fits_verifier(std::string_view secret, std::string_view cleartext) {
  Result<ScramVerifier> stored = parse_verifier(secret);
  if (!stored) return false;
  Result<ScramVerifier> tried = make_verifier(cleartext, stored->salt, stored->iterations);
  return tried && constant_time_equal(view_of(tried->server_key), view_of(stored->server_key));
}

}  // namespace

SecretKind kind_of(std::string_view secret) {
  if (secret.size() == kMd5Secret && secret.starts_with("md5") &&
      std::ranges::all_of(secret.substr(3), hex_digit))
    return SecretKind::md5;
  return is_verifier(secret) ? SecretKind::scram : SecretKind::plain;
}

Result<std::string> md5_secret(std::string_view user, std::string_view password) {
  return prefixed_md5(password, user);
}

Result<std::string> md5_answer(std::string_view secret, std::string_view user,
                               const std::array<char, 4>& salt) {
  SecretKind kind = kind_of(secret);
  if (kind == SecretKind::scram)
    return fail(Code::invalid_argument, "md5 login with only a SCRAM verifier");
  Result<std::string> stored = std::string(secret);
  if (kind == SecretKind::plain) stored = md5_secret(user, secret);
  if (!stored) return stored;
  return prefixed_md5(std::string_view(*stored).substr(3), {salt.data(), salt.size()});
}

bool check_md5_answer(std::string_view secret, std::string_view user,
                      const std::array<char, 4>& salt, std::string_view answer) {
  if (secret.empty()) return false;
  Result<std::string> expected = md5_answer(secret, user, salt);
  return expected && constant_time_equal(*expected, answer);
}

bool check_password(std::string_view secret, std::string_view user, std::string_view cleartext) {
  if (secret.empty()) return false;
  switch (kind_of(secret)) {
    case SecretKind::scram: return fits_verifier(secret, cleartext);
    case SecretKind::md5: {
      Result<std::string> tried = md5_secret(user, cleartext);
      return tried && constant_time_equal(*tried, secret);
    }
    case SecretKind::plain:  // digests, so that the length doesn't show either
      return constant_time_equal(view_of(sha256(secret)), view_of(sha256(cleartext)));
  }
  return false;
}

}  // namespace sluice::postgres
