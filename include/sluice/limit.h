// Limiter: the first stage. Says how long a client has to wait before its next request may pass.
//
// So far no rule can be configured, so every request is admitted.
#pragma once

#include <cstdint>

#include "sluice/time.h"

namespace sluice {

// Thread-safe.
class Limiter {
 public:
  // Zero: admitted and counted. Above zero: not admitted, and the time after which it may be.
  // `cost` in requests, >= 1.
  Duration admit(std::uint64_t /*client*/, unsigned /*cost*/, Time /*now*/) {
    return Duration::zero();
  }
};

}  // namespace sluice
