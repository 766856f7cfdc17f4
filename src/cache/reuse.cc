#include "cache/reuse.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace sluice::cache {

namespace {
constexpr double kMemory = 100'000;  // samples after which the old ones count half
constexpr double kFewest = 1000;
}  // namespace

thread_local constinit std::uint32_t Reuse::references = 0;

Reuse::Reuse(std::size_t slots)
    : mask_(slots - 1), slots_(new std::atomic<std::uint64_t>[slots]()) {}

std::uint32_t Reuse::clock() const {
  return clock_.load(std::memory_order_relaxed) + references % 64;
}

unsigned Reuse::bin_of(std::uint32_t age) {
  age = std::max(age, 1u);
  const unsigned octave = 31 - static_cast<unsigned>(std::countl_zero(age));
  const unsigned part = octave >= 3 ? age >> (octave - 3) & 7 : age << (3 - octave) & 7;
  return octave * 8 + part;
}

double Reuse::start_of(unsigned bin) {
  return std::ldexp(1.0 + (bin % 8) / 8.0, static_cast<int>(bin / 8));
}

void Reuse::start(std::uint64_t hash, bool hit) {
  clock_.fetch_add(64, std::memory_order_relaxed);
  const std::uint32_t now = clock();
  std::uint64_t seen =
      slots_[hash & mask_].exchange(print_of(hash) << 32 | now, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  if (seen != 0) ++given_up_[bin_of(now - static_cast<std::uint32_t>(seen))];
  ++samples_;
  hits_ += hit;
  if (++asked_ >= kMemory) halve();
}

void Reuse::finish(std::uint64_t hash) {
  std::uint64_t seen = slots_[hash & mask_].load(std::memory_order_relaxed);
  if (seen == 0 || seen >> 32 != print_of(hash)) return;
  if (!slots_[hash & mask_].compare_exchange_strong(seen, 0, std::memory_order_relaxed)) return;
  const std::uint32_t age = clock() - static_cast<std::uint32_t>(seen);
  std::lock_guard lock(mutex_);
  ++reused_[bin_of(age)];
}

void Reuse::halve() {
  for (double& n : reused_) n /= 2;
  for (double& n : given_up_) n /= 2;
  hits_ /= 2;
  asked_ /= 2;
}

// Survival of reuse times by Kaplan and Meier's product, because what was given up, or still waits,
// says only that its reuse time is longer than that. AET's integral over it; then the difference
// between this cache and an LRU of its size, known at today's size alone, fades to both ends.
Curve Reuse::curve(std::size_t entries, std::size_t bytes) const {
  std::array<double, kBins> reused, censored;
  Curve out;
  double measured = 0;
  {
    std::lock_guard lock(mutex_);
    if (asked_ < kFewest) return out;
    reused = reused_;
    censored = given_up_;
    measured = hits_ / asked_;
    out.samples = samples_;
  }
  const std::uint32_t now = clock();
  for (std::size_t i = 0; i <= mask_; ++i)
    if (const std::uint64_t seen = slots_[i].load(std::memory_order_relaxed); seen != 0)
      ++censored[bin_of(now - static_cast<std::uint32_t>(seen))];
  double at_risk = 0;
  for (unsigned i = 0; i < kBins; ++i) at_risk += reused[i] + censored[i];
  double survival = 1, stack = 1;
  std::vector<CurvePoint>& points = out.points;
  const double each = entries ? static_cast<double>(bytes) / static_cast<double>(entries) : 0;
  for (unsigned i = 0; i < kBins && at_risk > 0.5; ++i) {
    const double width = i + 1 < kBins ? start_of(i + 1) - start_of(i) : 0;
    const double before = survival;
    const double exposed = std::max(at_risk - censored[i] / 2, reused[i]);
    if (exposed > 0) survival *= 1 - reused[i] / exposed;
    at_risk -= reused[i] + censored[i];
    stack += width * (before + survival) / 2;
    const double error = std::sqrt(survival * (1 - survival) / static_cast<double>(out.samples));
    const auto size = static_cast<std::size_t>(stack);
    if (!points.empty() && points.back().entries == size) points.pop_back();
    points.push_back({size, static_cast<std::size_t>(stack * each), 1 - survival, 2 * error});
  }
  out.measured = measured;
  out.entries_now = entries;
  if (points.empty() || entries == 0) return out;

  const CurvePoint here = out.at_entries(entries);
  const double off = measured - here.hit_ratio, top = points.back().hit_ratio;
  double floor = 0;
  for (CurvePoint& p : points) {
    const double fade =
        p.entries <= entries
            ? (here.hit_ratio > 0 ? p.hit_ratio / here.hit_ratio : 0)
            : (top > here.hit_ratio ? (top - p.hit_ratio) / (top - here.hit_ratio) : 0);
    const double far = std::abs(std::log2(std::max<double>(1, static_cast<double>(p.entries)) /
                                          static_cast<double>(entries)));
    p.error += 0.005 + std::abs(off) * std::min(1.0, far / 4);
    p.hit_ratio = std::clamp(p.hit_ratio + off * fade, floor, 1.0);
    floor = p.hit_ratio;
  }
  return out;
}

CurvePoint Curve::at_entries(std::size_t entries) const {
  if (points.empty()) return {};
  if (entries <= points.front().entries) return points.front();
  const auto above = std::ranges::lower_bound(points, entries, {}, &CurvePoint::entries);
  if (above == points.end()) return points.back();
  const CurvePoint &a = *(above - 1), &b = *above;
  const double part = static_cast<double>(entries - a.entries) /
                      static_cast<double>(std::max<std::size_t>(1, b.entries - a.entries));
  const double ratio = a.hit_ratio + part * (b.hit_ratio - a.hit_ratio);
  const auto bytes =
      a.bytes + static_cast<std::size_t>(part * static_cast<double>(b.bytes - a.bytes));
  return {entries, bytes, ratio, std::max(a.error, b.error)};
}

CurvePoint Curve::at_bytes(std::size_t bytes) const {
  if (points.empty() || points.back().bytes == 0) return {};
  const double each =
      static_cast<double>(points.back().bytes) / static_cast<double>(points.back().entries);
  return at_entries(static_cast<std::size_t>(static_cast<double>(bytes) / each));
}

}  // namespace sluice::cache
