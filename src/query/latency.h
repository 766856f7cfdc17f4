// Latency: a histogram of one statement on one worker, in as little memory as its values need.
//
// Schema 3: eight buckets an octave. An octave's buckets come when its first value does; most statements
// need two to four of them, so 130-300 bytes, where the process's histograms (monitor/) take 16 KB.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/monitor/histogram.h"
#include "sluice/time.h"

namespace sluice::query {

class Latency {
 public:
  static constexpr int kSchema = 3;
  // Octaves 2^-24 s (60 ns) to 2^16 s (18 hours); what lies outside counts in the outermost bucket.
  static constexpr int kFirstOctave = -24, kOctaves = 40;

  // True: it took memory for it.
  bool add(Duration took) {
    if (took <= Duration::zero()) {
      ++zeros_;
      return false;
    }
    using monitor::BucketScale;
    static const BucketScale& scale = BucketScale::of(monitor::Unit::seconds);
    const auto cell = static_cast<int>(scale.cell(static_cast<std::uint64_t>(took.count())));
    bool grew = false;
    // neighbours of schema 5 add up to schema 3; shifting rounds down for negative ones too
    ++bucket((cell + scale.first_index()) >> (BucketScale::kSchema - kSchema), grew);
    return grew;
  }
  // Of all values that were added; `sum` is theirs.
  monitor::HistogramSnapshot snapshot(std::uint64_t count, Duration sum) const;
  // What an earlier process counted, in place of what is here.
  void restore(const monitor::HistogramSnapshot& snapshot);

  std::size_t heap_bytes() const { return octaves_.capacity() * sizeof(Octave); }

 private:
  using Octave = std::array<std::uint64_t, 8>;

  static constexpr int kFirst = 8 * kFirstOctave, kLast = kFirst + 8 * kOctaves - 1;

  // The bucket of an index at schema 3. Sets `grew` when its octave is new.
  std::uint64_t& bucket(int index, bool& grew) {
    const auto from = static_cast<std::size_t>(std::clamp(index, kFirst, kLast) - kFirst);
    std::uint8_t& place = place_[from / 8];
    if (place == 0) {
      place = add_octave();
      grew = true;
    }
    return octaves_[place - 1U][from % 8];
  }
  std::uint8_t add_octave();

  std::uint64_t zeros_ = 0;
  std::array<std::uint8_t, kOctaves> place_{};  // in octaves_, from 1; 0: no value yet
  std::vector<Octave> octaves_;                 // in the order they came
};

}  // namespace sluice::query
