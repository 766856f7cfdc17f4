// Durations and points in time. No stage reads a clock: `now` is an argument.
#pragma once

#include <chrono>

namespace sluice {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;  // monotonic

// The point in time after which nobody cares. kNever compares greater than every other.
using Deadline = Time;
inline constexpr Deadline kNever = Deadline::max();

// Reads the monotonic clock. For the edges (net/, cmd/, tests); stages take `now`.
inline Time now() { return std::chrono::steady_clock::now(); }

// `at + timeout`, with timeout <= 0 meaning "no timeout" and without overflow.
constexpr Deadline deadline_after(Time at, Duration timeout) {
  if (timeout <= Duration::zero() || timeout >= kNever - at) return kNever;
  return at + timeout;
}

}  // namespace sluice
