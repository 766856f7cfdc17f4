// Curve: the miss-ratio curve of a running cache: "200 MB more would give 84 %, +-2".
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::cache {

struct CurvePoint {
  std::size_t entries = 0;
  std::size_t bytes = 0;  // at today's mean size of an entry
  double hit_ratio = 0;   // 0..1
  double error = 0;       // half of the band, 0..1
};

// Points from small to large; hit ratios never fall. Plain data.
struct Curve {
  std::vector<CurvePoint> points;
  double measured = 0;          // the real hit ratio that the curve is anchored to
  std::size_t entries_now = 0;  // and where
  std::uint64_t samples = 0;

  // Between the points by interpolation, beyond them the last one's.
  CurvePoint at_entries(std::size_t entries) const;
  CurvePoint at_bytes(std::size_t bytes) const;
};

}  // namespace sluice::cache
