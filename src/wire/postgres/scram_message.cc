#include "wire/postgres/scram_message.h"

#include <algorithm>

#include "base/random.h"
#include "wire/postgres/base64.h"
#include "wire/postgres/digest.h"

namespace sluice::postgres::scram {

std::optional<std::string_view> take(std::string_view& message, char name) {
  if (message.size() < 2 || message[0] != name || message[1] != '=') return std::nullopt;
  std::size_t end = std::min(message.find(','), message.size());
  std::string_view value = message.substr(2, end - 2);
  message.remove_prefix(std::min(end + 1, message.size()));
  return value;
}

bool valid_nonce(std::string_view nonce, std::size_t longest) {
  return !nonce.empty() && nonce.size() <= longest &&
         std::ranges::all_of(nonce, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

std::string make_nonce() {
  std::array<char, 18> bytes{};
  fill_random(std::span<char>(bytes));
  return base64({bytes.data(), bytes.size()});
}

std::string channel_binding_of(std::string_view gs2_header, std::string_view binding) {
  return base64(std::string(gs2_header).append(binding));
}

ScramKey stored_key_of(const ScramKey& client_key) { return sha256(view_of(client_key)); }

ScramKey xor_signature(const ScramKey& key, const ScramKey& stored_key,
                       std::string_view auth_message) {
  ScramKey result = hmac_sha256(view_of(stored_key), auth_message);
  for (std::size_t i = 0; i < key.size(); ++i) result[i] ^= key[i];
  return result;
}

ScramKey server_signature(const ScramKey& server_key, std::string_view auth_message) {
  return hmac_sha256(view_of(server_key), auth_message);
}

ScramKey client_key_of(const ScramKey& salted) {
  return hmac_sha256(view_of(salted), "Client Key");
}
ScramKey server_key_of(const ScramKey& salted) {
  return hmac_sha256(view_of(salted), "Server Key");
}

std::optional<ScramKey> key_from_base64(std::string_view text) {
  std::optional<std::string> bytes = from_base64(text);
  ScramKey key{};
  if (!bytes || bytes->size() != key.size()) return std::nullopt;
  std::ranges::copy(*bytes, key.begin());
  return key;
}

}  // namespace sluice::postgres::scram
