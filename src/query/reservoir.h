// Reservoirs: which executions of a statement are kept, of millions that pass.
//
// Uniform: each execution with the same probability (Vitter's Algorithm X: how
// many are passed over is drawn at once). Slowest: the longest ones. The
// place is decided before anything is built, for in the long run nearly every execution is passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::query {

inline constexpr std::size_t kKept = 8;  // in each reservoir

// Small and fast, not for secrets: SplitMix64.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  // 0 <= it < bound, as good as uniform. (Source: Lemire, Fast Random Integer Generation in an Interval)
  std::uint64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

 private:
  std::uint64_t state_;
};

struct KeptSample {
  std::string packed;  // its values, redacted (pack_values)
  Duration took{};
  std::int64_t at = 0;  // seconds since 1970

  Sample shown() const;
  static KeptSample of(const Sample& sample);
};
using Kept = std::vector<KeptSample>;

// Of executions after the `seen`-th the next one that is kept: the n-th is with probability kKept / n.
std::uint64_t next_uniform(std::uint64_t seen, Dice& dice);
// Where the `seen`-th execution goes, which is to be kept; a place at the end is a new one.
std::size_t uniform_place(const Kept& kept, std::uint64_t seen, Dice& dice);
std::optional<std::size_t> slowest_place(const Kept& kept, Duration took);
void put(Kept& kept, std::size_t place, KeptSample sample);
std::size_t heap_bytes(const Kept& kept);

// Of two uniform samples, of so many executions each, one of both together: drawn without putting back,
// from either side as often as it has executions left.
std::vector<Sample> merge_uniform(std::vector<Sample> a, std::uint64_t of_a, std::vector<Sample> b,
                                  std::uint64_t of_b, Dice& dice);
std::vector<Sample> merge_slowest(std::vector<Sample> a, std::vector<Sample> b);

}  // namespace sluice::query
