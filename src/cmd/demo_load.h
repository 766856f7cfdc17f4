// The demo's sample load: a chat bot's workers, each with a connection of its own, as applications have
// them. What a worker does takes a moment, then it rests: the load is bounded.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/time.h"

namespace sluice::cmd {

struct LoadOptions {
  std::uint16_t port = 0;         // where the workers connect
  std::uint16_t server_port = 0;  // where connections are counted
  unsigned workers = 60;
  double rate = 8;  // commands a second of each worker
  Duration length = std::chrono::seconds(5);
};

struct LoadResult {
  std::vector<double> latencies;  // milliseconds, sorted
  std::vector<std::string> errors;
  unsigned peak_connections = 0;  // at the server

  // 0 <= share <= 1; 0 if nothing was measured.
  double quantile(double share) const;
};

// Until the time is up or `stop` is set. Makes a thread of its own.
LoadResult run_load(const LoadOptions& options, const std::atomic<bool>& stop);

}  // namespace sluice::cmd
