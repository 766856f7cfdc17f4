// Places in reservoirs, and fair marriages of two of them.
#include "query/reservoir.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "query/block_size.h"
#include "query/redaction.h"

namespace sluice::query {

Sample KeptSample::shown() const { return {unpack_values(packed), took, at}; }

KeptSample KeptSample::of(const Sample& sample) {
  return {pack_texts(sample.values), sample.took, sample.at};
}

namespace {

// n (n-1) ... (n-kKept+1)
double falling(std::uint64_t n) {
  double product = 1;
  for (std::size_t i = 0; i < kKept; ++i) product *= static_cast<double>(n - i);
  return product;
}

}  // namespace

// All of seen+1 ... n are passed over with probability falling(seen) / falling(n). So n is the first whose
// falling(n) exceeds falling(seen) / u, u uniform in (0, 1].
std::uint64_t next_uniform(std::uint64_t seen, Dice& dice) {
  if (seen < kKept) return seen + 1;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 52;  // beyond: not in this life
  const double u = static_cast<double>((dice.next() >> 11) + 1) * 0x1p-53;
  const double least = falling(seen) / u;
  std::uint64_t step = 1;
  while (seen + step < kMost && falling(seen + step) <= least) step *= 2;
  std::uint64_t low = seen, high = seen + step;  // not yet; it or one before
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (falling(middle) <= least ? low : high) = middle;
  }
  return high;
}

std::size_t uniform_place(const Kept& kept, std::uint64_t seen, Dice& dice) {
  if (kept.size() < kKept && seen <= kKept) return kept.size();
  return std::min<std::size_t>(dice.below(kKept), kept.size());
}

std::optional<std::size_t> slowest_place(const Kept& kept, Duration took) {
  if (kept.size() < kKept) return kept.size();
  const auto least = std::ranges::min_element(kept, {}, &KeptSample::took);
  if (took <= least->took) return {};
  return static_cast<std::size_t>(least - kept.begin());
}

void put(Kept& kept, std::size_t place, KeptSample sample) {
  if (place < kept.size()) {
    kept[place] = std::move(sample);
    return;
  }
  if (kept.size() == kept.capacity()) kept.reserve(kept.empty() ? 1 : 2 * kept.size());
  kept.push_back(std::move(sample));
}

std::size_t heap_bytes(const Kept& kept) {
  std::size_t bytes = block_size(kept.capacity() * sizeof(KeptSample));
  for (const KeptSample& sample : kept) bytes += heap_of(sample.packed);
  return bytes;
}

namespace {

Sample draw(std::vector<Sample>& from, Dice& dice) {
  std::swap(from[dice.below(from.size())], from.back());
  Sample drawn = std::move(from.back());
  from.pop_back();
  return drawn;
}

}  // namespace

std::vector<Sample> merge_uniform(std::vector<Sample> a, std::uint64_t of_a, std::vector<Sample> b,
                                  std::uint64_t of_b, Dice& dice) {
  std::vector<Sample> merged;
  while (merged.size() < kKept && (!a.empty() || !b.empty())) {
    of_a = std::max<std::uint64_t>(of_a, a.size());
    of_b = std::max<std::uint64_t>(of_b, b.size());
    const bool from_a = b.empty() || (!a.empty() && dice.below(of_a + of_b) < of_a);
    merged.push_back(draw(from_a ? a : b, dice));
    --(from_a ? of_a : of_b);
  }
  return merged;
}

std::vector<Sample> merge_slowest(std::vector<Sample> a, std::vector<Sample> b) {
  std::ranges::move(b, std::back_inserter(a));
  std::ranges::stable_sort(a, std::greater{}, &Sample::took);
  if (a.size() > kKept) a.resize(kKept);
  return a;
}

}  // namespace sluice::query
