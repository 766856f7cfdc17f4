// Latency: a histogram of one statement on one worker, in as little memory as its values need.
//
// Schema 3: eight buckets an octave. An octave's buckets come when its first value does; most statements
// need two to four of them, so 130-300 bytes, where the process's histograms (monitor/) take 16 KB.
#pragma once

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
  bool add(Duration took);
  // Of all values that were added; `sum` is theirs.
  monitor::HistogramSnapshot snapshot(std::uint64_t count, Duration sum) const;
  // What an earlier process counted, in place of what is here.
  void restore(const monitor::HistogramSnapshot& snapshot);

  std::size_t heap_bytes() const { return octaves_.capacity() * sizeof(Octave); }

 private:
  using Octave = std::array<std::uint64_t, 8>;

  // The bucket of an index at schema 3. Sets `grew` when its octave is new.
  std::uint64_t& bucket(int index, bool& grew);

  std::uint64_t zeros_ = 0;
  std::array<std::uint8_t, kOctaves> place_{};  // in octaves_, from 1; 0: no value yet
  std::vector<Octave> octaves_;                 // in the order they came
};

}  // namespace sluice::query
