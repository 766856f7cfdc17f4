// What /proc says of this process and its machine, as readings and as metrics.
//
// A reading is a few small files, 20-50 us in all: made once for each collection, not on a request's way.
// What a kernel or container doesn't tell is 0 or absent, never an error: a gateway
// without a readable cgroup still works.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitor/metrics.h"
#include "sluice/result.h"

namespace sluice::monitor {

struct ProcessReading {
  double cpu_seconds = 0;  // user and system
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t open_descriptors = 0, descriptor_limit = 0;
  std::uint64_t threads = 0;
  double start_time = 0;  // seconds since 1970
};

struct MachineReading {
  double user_seconds = 0, system_seconds = 0, idle_seconds = 0, iowait_seconds = 0,
         steal_seconds = 0;
  std::uint64_t cpus = 0;
  std::uint64_t memory_bytes = 0, memory_available_bytes = 0;
  std::optional<std::uint64_t> cgroup_memory_bytes, cgroup_memory_limit_bytes;
  std::uint64_t received_bytes = 0, sent_bytes = 0;  // over all interfaces but the loopback
};

struct DiskReading {
  std::uint64_t bytes = 0, available_bytes = 0;  // available: to an ordinary user
};

// Where to read: other roots for tests.
struct SystemRoots {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

ProcessReading read_process(const SystemRoots& roots = {});
MachineReading read_machine(const SystemRoots& roots = {});
// not_found and the like if the path's file system doesn't answer.
Result<DiskReading> read_disk(const std::string& path);

// Keeps sluice_process_* and sluice_system_* in a registry as long as it lives.
class SystemMetrics {
 public:
  // `disks`: paths whose file systems are watched, each under its path as label.
  SystemMetrics(Registry& registry, std::vector<std::string> disks, SystemRoots roots = {});
  ~SystemMetrics();
  SystemMetrics(const SystemMetrics&) = delete;
  SystemMetrics& operator=(const SystemMetrics&) = delete;

 private:
  struct Readings;
  std::unique_ptr<Readings> readings_;
  std::vector<Registration> registrations_;
};

}  // namespace sluice::monitor
