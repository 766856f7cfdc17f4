// What an allocation really takes, for accounts of memory.
#pragma once

#include <cstddef>
#include <string>

namespace sluice::query {

// A word in front, sizes in steps of 16, at least 32. (Source: glibc's malloc on 64-bit machines)
constexpr std::size_t block_size(std::size_t bytes) {
  if (bytes == 0) return 0;
  const std::size_t whole = (bytes + 8 + 15) & ~std::size_t{15};
  return whole < 32 ? 32 : whole;
}

// A short text lives inside its object.
inline std::size_t heap_of(const std::string& text) {
  constexpr std::size_t kInside = 15;
  return text.capacity() > kInside ? block_size(text.capacity() + 1) : 0;
}

}  // namespace sluice::query
