#include "wire/postgres/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace sluice::postgres {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

// SHA-256 and HMAC can't fail but for lack of memory, and then nothing else goes on either; all zeros
// would still match no stored key.
Sha256 sha256(std::string_view bytes) {
  Sha256 digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view message) {
  Sha256 digest{};
  HMAC(EVP_sha256(), key.data() ? key.data() : "", static_cast<int>(key.size()), bytes_of(message),
       message.size(), digest.data(), nullptr);
  return digest;
}

Sha256 pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  Sha256 key{};
  PKCS5_PBKDF2_HMAC(password.data() ? password.data() : "", static_cast<int>(password.size()),
                    bytes_of(salt), static_cast<int>(salt.size()), static_cast<int>(iterations),
                    EVP_sha256(), static_cast<int>(key.size()), key.data());
  return key;
}

Result<std::string> md5_hex(std::string_view bytes) {
  std::array<unsigned char, 16> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_md5(), nullptr) != 1)
    return fail(Code::internal, "the crypto library refuses MD5");
  std::string text;
  for (unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace sluice::postgres
