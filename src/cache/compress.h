// Values above a size are kept as zstd frames, at a level that costs about as much as a copy over a
// network, and only if that saves an eighth.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cache {

// Nothing: it doesn't get smaller by an eighth.
std::optional<std::string> compressed(std::string_view value);
// Null: not a frame of that size.
std::unique_ptr<char[]> decompressed(std::string_view frame, std::size_t size);

}  // namespace sluice::cache
