// Mark: the nine bytes that the loading cache keeps behind each value: what it is, and how much of its
// stay in the engine lies beyond its ttl. Behind, so that the value's start stays aligned.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "sluice/cache/engine.h"
#include "sluice/time.h"

namespace sluice::cache {

struct Mark {
  bool negative = false;       // the value is not_found's detail
  std::uint32_t grace_ms = 0;  // kept so long after the ttl
  std::uint32_t ttl_ms = 0;    // after jitter; 0: never expires

  static constexpr std::size_t kSize = 9;

  void append_to(std::string& value) const {
    char bytes[kSize] = {static_cast<char>(negative)};
    std::memcpy(bytes + 1, &grace_ms, 4);
    std::memcpy(bytes + 5, &ttl_ms, 4);
    value.append(bytes, kSize);
  }
  // REQUIRES: value.size() >= kSize.
  static Mark of(std::string_view value) {
    Mark mark;
    const char* at = value.data() + value.size() - kSize;
    mark.negative = *at != 0;
    std::memcpy(&mark.grace_ms, at + 1, 4);
    std::memcpy(&mark.ttl_ms, at + 5, 4);
    return mark;
  }
};

// A value in the engine, read with its mark.
struct Found {
  Handle handle;
  std::string_view bytes;
  Mark mark;
  Duration fresh_left{};  // negative: expired so long ago; the maximum: never expires

  Found() = default;
  Found(Handle kept, Time now) : handle(std::move(kept)) {
    const std::string_view all = handle.bytes();
    if (all.size() < Mark::kSize) {
      handle = {};
      return;
    }
    mark = Mark::of(all);
    bytes = all.substr(0, all.size() - Mark::kSize);
    const Duration left = handle.ttl_left(now);
    fresh_left =
        left == Duration::max() ? left : left - Duration(std::chrono::milliseconds(mark.grace_ms));
  }

  explicit operator bool() const { return static_cast<bool>(handle); }
  bool fresh() const { return handle && fresh_left > Duration::zero(); }
  // Expired less than `window` ago.
  bool within(Duration window) const { return handle && !mark.negative && -fresh_left < window; }
  // Past the share of its ttl.
  bool past(double share) const {
    if (share <= 0 || mark.negative || fresh_left == Duration::max()) return false;
    const double left = std::chrono::duration<double, std::milli>(fresh_left).count();
    return mark.ttl_ms - left >= mark.ttl_ms * share;
  }
};

}  // namespace sluice::cache
