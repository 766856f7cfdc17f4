// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#include "query/clean_text.h"

namespace sluice::query {
namespace {

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80;
}

// How many bytes the character at the front of `text` has; 0: it is none.
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(text, 1)) return 0;
  if (first < 0xe0) return 2;
  const auto second = static_cast<unsigned char>(text[1]);
  if (!continues(text, 2)) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  const bool overlong = first == 0xf0 && second < 0x90;
  const bool too_high = first == 0xf4 && second >= 0x90;
  return overlong || too_high || !continues(text, 3) ? 0 : 4;
}

}  // namespace

bool append_clean(std::string& out, std::string_view text, std::size_t most) {
  std::size_t left = most;
  while (!text.empty()) {
    const std::size_t size = character(text);
    const std::size_t shown = size == 0 ? 1 : size;
    if (shown > left) return false;
    if (size == 0) {
      out.push_back('?');
    } else if (size == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f)) {
      out.push_back(' ');
    } else {
      out.append(text.substr(0, size));
    }
    text.remove_prefix(shown);
    left -= shown;
  }
  return true;
}

std::string clean(std::string_view text, std::size_t most) {
  std::string out;
  append_clean(out, text, most);
  return out;
}

}  // namespace sluice::query
