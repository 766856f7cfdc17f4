#include "cache/compress.h"

#include <zstd.h>

namespace sluice::cache {

namespace {
constexpr int kLevel = 1;
}

std::optional<std::string> compressed(std::string_view value) {
  std::string frame(ZSTD_compressBound(value.size()), '\0');
  const std::size_t n =
      ZSTD_compress(frame.data(), frame.size(), value.data(), value.size(), kLevel);
  if (ZSTD_isError(n) || n > value.size() - value.size() / 8) return std::nullopt;
  frame.resize(n);
  return frame;
}

std::unique_ptr<char[]> decompressed(std::string_view frame, std::size_t size) {
  std::unique_ptr<char[]> out(new char[size + 1]);
  const std::size_t n = ZSTD_decompress(out.get(), size, frame.data(), frame.size());
  if (ZSTD_isError(n) || n != size) return nullptr;
  return out;
}

}  // namespace sluice::cache
