// Clean text: bytes from the network made fit to be shown, stored and put into JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::query {

// Appends `text` to `out` as valid UTF-8 of at most `most` bytes, never half a character: control bytes
// (zero included) become blanks, bytes that are no UTF-8 question marks. False: something was cut off.
bool append_clean(std::string& out, std::string_view text, std::size_t most);

// The same as a new text.
std::string clean(std::string_view text, std::size_t most);

}  // namespace sluice::query
