// Base64 with padding (RFC 4648, section 4), as SCRAM writes keys, salts and proofs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::postgres {

std::string base64(std::string_view bytes);
// nullopt unless every character is right: no blanks, whole groups, padding at the end only, and no
// bits set that the padding leaves over.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace sluice::postgres
