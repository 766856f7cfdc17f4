// What both sides of SCRAM share: taking attributes off a message, nonces, and the three signatures.
// Only the scram_*.cc files include it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/postgres/scram.h"

namespace sluice::postgres::scram {

// The value of "<name>=<value>" at the front, up to the next comma, which is taken too. nullopt: another
// attribute, or none, stands there.
std::optional<std::string_view> take(std::string_view& message, char name);

// Printable ASCII without a comma (RFC 5802, section 7), at most `longest` characters.
bool valid_nonce(std::string_view nonce, std::size_t longest);
// 24 characters from 18 random bytes, as PostgreSQL makes them.
std::string make_nonce();

// What c= says: the GS2 header and, if a binding is in use, the certificate's hash.
std::string channel_binding_of(std::string_view gs2_header, std::string_view binding);

ScramKey stored_key_of(const ScramKey& client_key);
// ClientProof from the ClientKey, or the ClientKey from the proof: the same exclusive or.
ScramKey xor_signature(const ScramKey& key, const ScramKey& stored_key,
                       std::string_view auth_message);
ScramKey server_signature(const ScramKey& server_key, std::string_view auth_message);
// From SaltedPassword.
ScramKey client_key_of(const ScramKey& salted);
ScramKey server_key_of(const ScramKey& salted);

// Exactly 32 bytes in base64.
std::optional<ScramKey> key_from_base64(std::string_view text);

}  // namespace sluice::postgres::scram
