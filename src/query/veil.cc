// Encodings in which the second byte of a character may look like ASCII (a backslash, a quote).
#include "sluice/query.h"

namespace sluice::query {
namespace {

// Half-width katakana of Shift JIS: one byte each.
bool katakana(unsigned char c) { return c >= 0xa1 && c <= 0xdf; }

}  // namespace

std::string veil_multibyte(std::string_view text, bool shift_jis) {
  std::string veiled(text);
  for (std::size_t i = 0; i + 1 < veiled.size(); ++i) {
    const auto lead = static_cast<unsigned char>(veiled[i]);
    if (lead < 0x81 || (shift_jis && katakana(lead))) continue;
    veiled[++i] = '\xff';
  }
  return veiled;
}

}  // namespace sluice::query
