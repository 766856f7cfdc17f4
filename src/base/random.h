// Random numbers of two kinds: from the kernel for secrets (salts, tokens, cancel keys), and a small
// fast generator for choices that an attacker gains nothing by guessing (which replica, how much jitter).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace sluice {

// Cryptographically secure, from getrandom(2). Thread-safe.
void fill_random(std::span<std::byte> out);
void fill_random(std::span<char> out);
std::uint64_t random_u64();
std::uint32_t random_u32();

// xoshiro256** 1.0 (Blackman and Vigna, 2018), about 1 ns a number. Predictable. One thread.
class Random {
 public:
  using result_type = std::uint64_t;

  Random() : Random(random_u64()) {}
  // The same seed gives the same numbers, everywhere.
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  // 0 <= x < bound, without bias. REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // 0 <= x < 1, in steps of 2^-53.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // What the standard library's distributions ask of a generator.
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return next(); }

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace sluice
