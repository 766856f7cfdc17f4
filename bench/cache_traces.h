// Workloads for the cache bench: real traces where there are some (SLUICE_TRACES, or
// ../shared/traces), in the formats that their authors publish, and generated ones everywhere.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "cache_policies.h"

namespace cache_bench {

struct Workload {
  std::string name;
  Trace trace;
  std::size_t keys = 0;
};

// Gives keys dense numbers in the order in which they come.
class Numbering {
 public:
  explicit Numbering(std::string name) { out_.name = std::move(name); }
  void add(std::uint64_t key) {
    const auto [at, fresh] = dense_.try_emplace(key, static_cast<Key>(dense_.size()));
    out_.trace.push_back(at->second);
  }
  Workload done() {
    out_.keys = dense_.size();
    return std::move(out_);
  }

 private:
  Workload out_;
  std::unordered_map<std::uint64_t, Key> dense_;
};

inline std::string content_of(const std::string& command) {
  std::string out;
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  char block[1 << 16];
  while (pipe)
    if (const std::size_t n = fread(block, 1, sizeof block, pipe.get()))
      out.append(block, n);
    else
      break;
  return out;
}

inline Workload read_trace(const std::filesystem::path& path) {
  const std::string name = path.filename().string(), ext = path.extension().string();
  const std::string tool = ext == ".xz"    ? "xz -dc"
                           : ext == ".zst" ? "zstd -dc"
                           : ext == ".gz"  ? "gzip -dc"
                                           : "cat";
  const std::string bytes = content_of(tool + " '" + path.string() + "'");
  Numbering out(name.substr(0, name.find('.')));
  if (ext == ".xz") {  // big-endian int32
    for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
      std::uint32_t key;
      std::memcpy(&key, &bytes[i], 4);
      out.add(key);
    }
  } else if (ext == ".bin") {  // libCacheSim's oracleGeneral
    for (std::size_t i = 0; i + 24 <= bytes.size(); i += 24) {
      std::uint64_t key;
      std::memcpy(&key, &bytes[i + 4], 8);
      out.add(key);
    }
  } else {  // text: "start count ..." with .lis, a number a line else
    for (std::size_t at = 0, end; at < bytes.size(); at = end + 1) {
      end = std::min(bytes.find('\n', at), bytes.size());
      unsigned long long start = 0, count = 1;
      const std::string line = bytes.substr(at, end - at);
      const int fields = std::sscanf(line.c_str(), "%llu %llu", &start, &count);
      if (fields < 1) continue;
      if (ext != ".zst") count = 1;
      for (std::uint64_t k = start; k < start + count; ++k) out.add(k);
    }
  }
  return out.done();
}

inline std::vector<std::filesystem::path> trace_files() {
  const char* told = std::getenv("SLUICE_TRACES");
  const std::filesystem::path folder = told ? told : "../shared/traces";
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    const std::string ext = entry.path().extension().string();
    if (ext == ".xz" || ext == ".zst" || ext == ".gz" || ext == ".bin")
      files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

// Ranks from a power law, by inverting the continuous one: rank ~ (1 - s) exponent.
inline std::uint64_t skewed(sluice::Random& random, double keys, double s) {
  const double u = random.unit();
  if (std::abs(s - 1) < 1e-9) return static_cast<std::uint64_t>(std::pow(keys, u)) - 1;
  return static_cast<std::uint64_t>(std::pow(u * (std::pow(keys, 1 - s) - 1) + 1, 1 / (1 - s))) - 1;
}

inline std::vector<Workload> generated() {
  std::vector<Workload> out;
  sluice::Random random(20);
  constexpr int kRequests = 400'000;
  {
    Numbering w("zipf");
    for (int i = 0; i < kRequests; ++i) w.add(skewed(random, 50'000, 0.9));
    out.push_back(w.done());
  }
  {
    Numbering w("zipf+scans");
    std::uint64_t fresh = 1'000'000;
    for (int i = 0; i < kRequests; ++i) w.add(i / 1000 % 2 ? fresh++ : skewed(random, 50'000, 0.8));
    out.push_back(w.done());
  }
  {
    Numbering w("loop+zipf");
    for (int i = 0; i < kRequests; ++i)
      w.add(i % 11'000 < 9000 ? static_cast<std::uint64_t>(i % 11'000)
                              : 20'000 + skewed(random, 50'000, 0.8));
    out.push_back(w.done());
  }
  {
    Numbering w("drift");
    for (int i = 0; i < kRequests; ++i)
      w.add(skewed(random, 5000, 0.8) + static_cast<std::uint64_t>(i / 200 * 25));
    out.push_back(w.done());
  }
  {
    Numbering w("recency");
    std::vector<std::uint64_t> stack(5000);
    for (std::uint64_t i = 0; i < stack.size(); ++i) stack[i] = i;
    std::uint64_t fresh = stack.size();
    for (int i = 0; i < kRequests; ++i) {
      const auto depth = static_cast<std::size_t>(-600 * std::log(1 - random.unit()));
      if (random.unit() < 0.2)
        stack.push_back(fresh++);
      else {
        const std::size_t at = stack.size() - 1 - std::min(depth, stack.size() - 1);
        const std::uint64_t key = stack[at];
        stack.erase(stack.begin() + static_cast<std::ptrdiff_t>(at));
        stack.push_back(key);
      }
      w.add(stack.back());
    }
    out.push_back(w.done());
  }
  return out;
}

}  // namespace cache_bench
