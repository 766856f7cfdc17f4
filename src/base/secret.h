// Comparing secrets without telling by the time it takes how much of them was right.
#pragma once

#include <string_view>

namespace sluice {

// Takes the same time for any content of the same length; the length itself is no secret.
bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace sluice
