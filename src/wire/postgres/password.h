// Passwords as PostgreSQL keeps and sends them, apart from SCRAM (scram.h).
//
// A secret is what a file or pg_authid holds for a user: the password itself, "md5" and 32 hex digits,
// or a SCRAM verifier. Comparisons take the same time wherever the difference stands.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::postgres {

enum class SecretKind : std::uint8_t { plain, md5, scram };

SecretKind kind_of(std::string_view secret);

// "md5" + md5(password + user). internal: the crypto library refuses MD5 (FIPS).
Result<std::string> md5_secret(std::string_view user, std::string_view password);

// What a client sends for AuthenticationMD5Password. `secret` is plain or md5; invalid_argument for a
// SCRAM verifier, from which no such answer can be made.
Result<std::string> md5_answer(std::string_view secret, std::string_view user,
                               const std::array<char, 4>& salt);
// Whether a client's answer is the right one.
bool check_md5_answer(std::string_view secret, std::string_view user,
                      const std::array<char, 4>& salt, std::string_view answer);

// Whether a password sent in clear fits the secret, of whichever kind. A SCRAM verifier costs a key
// derivation. An empty secret fits nothing.
bool check_password(std::string_view secret, std::string_view user, std::string_view cleartext);

}  // namespace sluice::postgres
