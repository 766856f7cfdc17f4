// The few pieces of cryptography that PostgreSQL's logins need, on OpenSSL, which stays in digest.cc.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::postgres {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view key, std::string_view message);
Sha256 pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations);
// 32 hex digits. internal: the library refuses MD5, as in FIPS mode.
Result<std::string> md5_hex(std::string_view bytes);

inline std::string_view view_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace sluice::postgres
