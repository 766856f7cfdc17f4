// Hit ratios of the cache engine beside the policies of the literature, unit sizes, at 0.1, 1 and 10 %
// of each workload's keys; then how well its miss-ratio curve foretells the other sizes.
//
//   ./dev bench cache-hit            SLUICE_TRACES=folder says where real traces are
#include <cinttypes>

#include "cache_traces.h"
#include "sluice/cache/engine.h"

namespace {

using namespace cache_bench;
using namespace sluice;

class Sluice {
 public:
  Sluice(std::size_t, std::size_t capacity)
      : engine_({.memory = std::size_t{1} << 30, .max_entries = capacity, .shards = 1, .seed = 42}),
        space_(engine_.open({.name = "bench"}).value()) {}
  bool access(Key k) {
    const std::string_view key(reinterpret_cast<const char*>(&k), sizeof k);
    if (engine_.find(space_, key, Time{})) return true;
    engine_.put(space_, key, {}, Time{});
    return false;
  }
  cache::Curve curve() const { return engine_.curve(); }

 private:
  cache::Engine engine_;
  cache::NamespaceId space_;
};

template <class Policy>
double ratio(const Workload& w, std::size_t capacity) {
  Policy policy(w.keys, capacity);
  std::size_t hits = 0;
  for (const Key k : w.trace) hits += policy.access(k);
  return 100.0 * static_cast<double>(hits) / static_cast<double>(w.trace.size());
}

constexpr double kSizes[] = {0.001, 0.01, 0.1};
constexpr int kPolicies = 6;  // the references, then the engine
double sums[3][kPolicies], worst_gap = 0;
int cells[3];

void compare(const Workload& w) {
  for (int s = 0; s < 3; ++s) {
    const auto capacity =
        std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(w.keys) * kSizes[s]));
    const double all[kPolicies] = {ratio<Lru>(w, capacity),
                                   ratio<Arc>(w, capacity),
                                   ratio<WTinyLfu>(w, capacity),
                                   ratio<S3Fifo>(w, capacity),
                                   100.0 *
                                       static_cast<double>(belady_hits(w.trace, w.keys, capacity)) /
                                       static_cast<double>(w.trace.size()),
                                   ratio<Sluice>(w, capacity)};
    const double best = *std::max_element(all, all + 4);
    worst_gap = std::max(worst_gap, best - all[5]);
    ++cells[s];
    std::printf("%-16s %8zu", w.name.c_str(), capacity);
    for (int p = 0; p < kPolicies; ++p) {
      sums[s][p] += all[p];
      std::printf(" %9.2f", all[p]);
    }
    std::printf(" %+9.2f\n", all[5] - best);
  }
}

// What an engine at 1 % says of other sizes, and what engines of those sizes really hit.
void foretell(const Workload& w) {
  const auto base = std::max<std::size_t>(16, w.keys / 100);
  Sluice engine(w.keys, base);
  for (const Key k : w.trace) engine.access(k);
  const cache::Curve curve = engine.curve();
  if (curve.points.empty()) return;
  std::printf("%-16s", w.name.c_str());
  for (const double times : {0.5, 1.0, 2.0, 4.0, 8.0}) {
    const auto entries = static_cast<std::size_t>(static_cast<double>(base) * times);
    const cache::CurvePoint said = curve.at_entries(entries);
    std::printf("  %5.1f/%5.1f+-%-4.1f", ratio<Sluice>(w, entries), 100 * said.hit_ratio,
                100 * said.error);
  }
  std::printf("\n");
}

}  // namespace

int main() {
  const auto files = trace_files();
  std::vector<Workload> workloads;
  for (const auto& file : files) workloads.push_back(read_trace(file));
  if (files.empty()) std::printf("no traces (SLUICE_TRACES): generated workloads only\n");
  for (Workload& w : generated()) workloads.push_back(std::move(w));

  std::printf("%-16s %8s %9s %9s %9s %9s %9s %9s %9s\n", "workload", "entries", "LRU", "ARC",
              "W-TinyLFU", "S3-FIFO", "Belady", "engine", "vs best");
  for (const Workload& w : workloads) compare(w);
  for (int s = 0; s < 3; ++s) {
    std::printf("mean at %4.1f %%          ", 100 * kSizes[s]);
    for (const double sum : sums[s]) std::printf(" %9.2f", sum / cells[s]);
    std::printf("\n");
  }
  std::printf("furthest behind the best: %.2f points\n\n", worst_gap);
  std::printf("curve of an engine at 1 %%: replayed/foretold at 0.5, 1, 2, 4, 8 times its size\n");
  for (const Workload& w : workloads) foretell(w);
}
