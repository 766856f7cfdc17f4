// The kernel's random bytes and xoshiro256**; random.h says which is for what.
#include "base/random.h"

#include <bit>
#include <cerrno>
#include <cstdlib>

#include <sys/random.h>

namespace sluice {

void fill_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      std::abort();  // a kernel without getrandom: no secret may be made without it
    }
  }
}

void fill_random(std::span<char> out) { fill_random(std::as_writable_bytes(out)); }

std::uint64_t random_u64() {
  std::uint64_t value;
  fill_random(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

std::uint32_t random_u32() { return static_cast<std::uint32_t>(random_u64()); }

// Seeded by splitmix64, as the authors advise: a state of zeros would stay zero.
Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

// Numbers of the last, incomplete round of `bound` are thrown away: at most every second one.
std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t incomplete = (0 - bound) % bound;
  while (true) {
    const std::uint64_t x = next();
    if (x >= incomplete) return x % bound;
  }
}

}  // namespace sluice
