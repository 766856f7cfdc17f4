// Hashes for keys and fingerprints: XXH3, fast and well mixed, not for secrets.
//
// Values are the same on every machine and in every release of XXH3, so they may be stored and shared.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

struct Hash128 {
  std::uint64_t high = 0, low = 0;
  auto operator<=>(const Hash128&) const = default;

  std::string text() const;  // 32 hexadecimal digits, high half first
};

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);
// Wide enough that two different keys never meet: no second comparison is needed.
Hash128 hash128(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace sluice

// Already mixed, so a hash table takes one half as it is.
template <>
struct std::hash<sluice::Hash128> {
  std::size_t operator()(const sluice::Hash128& h) const noexcept { return h.low; }
};
