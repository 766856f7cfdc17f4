// Balancer: the fifth stage. Chooses the replica that a request goes to.
//
// So far every request goes to the primary. A policy is one function over the targets; it does no
// I/O and keeps no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sluice {

// What a policy may look at.
struct Target {
  bool primary = false;  // takes writes
};

// Thread-safe.
class Balancer {
 public:
  // The index of the chosen target, or nothing when none will do. `tried` has bit i set when
  // target i has already failed this request.
  std::optional<std::size_t> pick(std::span<const Target> targets, bool /*writes*/,
                                  std::uint64_t tried = 0) const {
    for (std::size_t i = 0; i < targets.size(); ++i)
      if (targets[i].primary && !(tried >> i & 1)) return i;
    return std::nullopt;
  }
};

}  // namespace sluice
