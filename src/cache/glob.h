// Glob: a pattern of keys, "users:*:profile".
//
// '*' stands for any run of bytes, '?' for one, '\' takes the next one's meaning away. Matching goes
// back to the last star only, so it takes at most pattern times key steps, whatever somebody sends.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sluice/result.h"

namespace sluice::cache {

class Glob {
 public:
  // Fails: invalid_argument for a pattern that is longer than a key may be, or ends in '\'.
  static Result<Glob> parse(std::string_view pattern);

  bool matches(std::string_view key) const;

 private:
  enum : std::uint16_t { kOne = 256, kRun };  // beside the 256 bytes that stand for themselves
  std::vector<std::uint16_t> steps_;
};

}  // namespace sluice::cache
