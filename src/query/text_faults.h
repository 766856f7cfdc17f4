// What is wrong with a text whatever its tokens: NUL, and bytes that aren't UTF-8. Looked for
// before a text is read, so that whoever shows or stores parts of it needn't.
#pragma once

#include <string_view>

namespace sluice::query {

// "invalid character", "not UTF-8", or null: nothing is wrong.
const char* fault_of_bytes(std::string_view text);

}  // namespace sluice::query
