#include "query/text_faults.h"

#include <cstdint>
#include <cstring>

namespace sluice::query {
namespace {

// Of the bytes from `at` on, whether one may continue a character of several in UTF-8.
bool continues(const unsigned char* at, const unsigned char* end, std::size_t count) {
  if (static_cast<std::size_t>(end - at) < count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if ((at[i] & 0xc0U) != 0x80) return false;
  }
  return true;
}

bool valid_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = at + text.size();
  while (at != end) {
    const unsigned char c = *at++;
    if (c < 0x80) continue;
    const std::size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || !continues(at, end, more)) return false;
    if (c == 0xe0 && *at < 0xa0) return false;  // longer than needed
    if (c == 0xed && *at > 0x9f) return false;  // a surrogate
    if (c == 0xf0 && *at < 0x90) return false;
    if (c == 0xf4 && *at > 0x8f) return false;  // beyond U+10FFFF
    at += more;
  }
  return true;
}

}  // namespace

// Eight bytes at a time; most texts are all ASCII.
const char* fault_of_bytes(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  std::uint64_t high = 0, zero = 0;
  const auto look = [&](std::uint64_t word) {
    high |= word;
    zero |= (word - kOnes) & ~word;
  };
  std::size_t at = 0;
  std::uint64_t word = 0;
  for (; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    look(word);
  }
  word = kOnes;
  if (at < text.size()) std::memcpy(&word, text.data() + at, text.size() - at);
  look(word);
  if ((zero & kHighs) != 0) return "invalid character";
  if ((high & kHighs) != 0 && !valid_utf8(text)) return "not UTF-8";
  return nullptr;
}

}  // namespace sluice::query
