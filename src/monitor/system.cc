// Parsing of /proc (proc(5)) and cgroup v2 (kernel documentation, admin-guide/cgroup-v2).
#include "monitor/system.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/parse.h"

namespace sluice::monitor {
namespace {

// Empty if it can't be read. /proc's files have no size, so this reads to the end.
std::string contents(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string out;
  char part[4096];
  ssize_t n;
  while ((n = ::read(fd, part, sizeof part)) > 0) out.append(part, static_cast<std::size_t>(n));
  ::close(fd);
  return out;
}

// The fields of a line, however many blanks part them.
std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::string_view field : split(line, ' '))
    if (!field.empty()) out.push_back(field);
  return out;
}

std::uint64_t number_at(const std::vector<std::string_view>& fields, std::size_t i) {
  return i < fields.size() ? parse_u64(fields[i]).value_or(0) : 0;
}

// The line that starts with key, without it; empty if there is none.
std::string_view line_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(key)) return trim(line.substr(key.size()));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return {};
}

double ticks_per_second() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }
double seconds(std::uint64_t ticks) { return static_cast<double>(ticks) / ticks_per_second(); }

// "MemTotal:  16384 kB"
std::uint64_t kilobytes(std::string_view text, std::string_view key) {
  return number_at(fields_of(line_of(text, key)), 0) * 1024;
}

std::uint64_t entries_in(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (!dir) return 0;
  std::uint64_t n = 0;
  while (const dirent* entry = ::readdir(dir)) n += entry->d_name[0] != '.';
  ::closedir(dir);
  return n > 0 ? n - 1 : 0;  // the directory's own descriptor
}

void read_cgroup(const SystemRoots& roots, MachineReading& out) {
  const std::string self = contents(roots.proc + "/self/cgroup");
  const std::string_view path = line_of(self, "0::");
  if (path.empty()) return;
  const std::string directory = roots.cgroup + std::string(path) + (path.ends_with('/') ? "" : "/");
  const auto value_in = [&](const char* file) -> std::optional<std::uint64_t> {
    const auto value = parse_u64(trim(contents(directory + file)));  // "max" means no limit
    return value ? std::optional(*value) : std::nullopt;
  };
  out.cgroup_memory_bytes = value_in("memory.current");
  out.cgroup_memory_limit_bytes = value_in("memory.max");
}

// "  eth0: 1234 5 0 0 0 0 0 0 5678 ...": received bytes first, sent bytes ninth
void read_network(const SystemRoots& roots, MachineReading& out) {
  const std::string text = contents(roots.proc + "/self/net/dev");
  for (std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) == "lo") continue;
    const auto fields = fields_of(line.substr(colon + 1));
    out.received_bytes += number_at(fields, 0);
    out.sent_bytes += number_at(fields, 8);
  }
}

}  // namespace

ProcessReading read_process(const SystemRoots& roots) {
  ProcessReading out;
  const std::string stat = contents(roots.proc + "/self/stat");
  // The second field is the program's name in parentheses and may hold anything, ')' included.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return out;
  const auto fields = fields_of(trim(std::string_view(stat).substr(name_end + 1)));
  const auto field = [&](std::size_t number) {
    return number_at(fields, number - 3);
  };  // as in proc(5)
  out.cpu_seconds = seconds(field(14) + field(15));
  out.threads = field(20);
  out.virtual_bytes = field(23);
  out.resident_bytes = field(24) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::string system = contents(roots.proc + "/stat");
  const std::uint64_t boot = number_at(fields_of(line_of(system, "btime ")), 0);
  out.start_time = static_cast<double>(boot) + seconds(field(22));
  out.open_descriptors = entries_in(roots.proc + "/self/fd");
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.descriptor_limit = limit.rlim_cur;
  return out;
}

MachineReading read_machine(const SystemRoots& roots) {
  MachineReading out;
  const std::string stat = contents(roots.proc + "/stat");
  // cpu user nice system idle iowait irq softirq steal
  const auto cpu = fields_of(line_of(stat, "cpu "));
  out.user_seconds = seconds(number_at(cpu, 0) + number_at(cpu, 1));
  out.system_seconds = seconds(number_at(cpu, 2) + number_at(cpu, 5) + number_at(cpu, 6));
  out.idle_seconds = seconds(number_at(cpu, 3));
  out.iowait_seconds = seconds(number_at(cpu, 4));
  out.steal_seconds = seconds(number_at(cpu, 7));
  for (std::string_view line : split(stat, '\n'))
    out.cpus += line.starts_with("cpu") && !line.starts_with("cpu ");
  const std::string memory = contents(roots.proc + "/meminfo");
  out.memory_bytes = kilobytes(memory, "MemTotal:");
  out.memory_available_bytes = kilobytes(memory, "MemAvailable:");
  read_cgroup(roots, out);
  read_network(roots, out);
  return out;
}

Result<DiskReading> read_disk(const std::string& path) {
  struct statvfs disk{};
  if (::statvfs(path.c_str(), &disk) != 0)
    return fail(errno == ENOENT ? Code::not_found : Code::unavailable, "file system of " + path,
                errno);
  return DiskReading{disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize};
}

struct SystemMetrics::Readings {
  SystemRoots roots;
  std::vector<std::string> paths;
  ProcessReading process;
  MachineReading machine;
  std::vector<DiskReading> disks;

  void refresh() {
    process = read_process(roots);
    machine = read_machine(roots);
    disks.clear();
    for (const std::string& path : paths) disks.push_back(read_disk(path).value_or(DiskReading{}));
  }
};

SystemMetrics::SystemMetrics(Registry& registry, std::vector<std::string> disks, SystemRoots roots)
    : readings_(std::make_unique<Readings>(std::move(roots), std::move(disks))) {
  readings_->refresh();
  const Readings* now = readings_.get();
  const auto gauge = [&](const char* name, const char* help, auto value, Labels labels = {}) {
    registrations_.push_back(registry.gauge_fn(
        name, help, std::move(labels), [value, now] { return static_cast<double>(value(*now)); }));
  };
  const auto counter = [&](const char* name, const char* help, auto value, Labels labels = {}) {
    registrations_.push_back(registry.counter_fn(
        name, help, std::move(labels), [value, now] { return static_cast<double>(value(*now)); }));
  };
  using R = const Readings&;
  registrations_.push_back(registry.before_collect([r = readings_.get()] { r->refresh(); }));

  counter("sluice_process_cpu_seconds_total", "CPU time of this process, user and system.",
          [](R r) { return r.process.cpu_seconds; });
  gauge("sluice_process_resident_memory_bytes", "Memory of this process in RAM.",
        [](R r) { return r.process.resident_bytes; });
  gauge("sluice_process_virtual_memory_bytes", "Address space of this process.",
        [](R r) { return r.process.virtual_bytes; });
  gauge("sluice_process_open_fds", "Descriptors that this process has open.",
        [](R r) { return r.process.open_descriptors; });
  gauge("sluice_process_max_fds", "Descriptors that this process may have open.",
        [](R r) { return r.process.descriptor_limit; });
  gauge("sluice_process_threads", "Threads of this process.",
        [](R r) { return r.process.threads; });
  gauge("sluice_process_start_time_seconds", "When this process started, in seconds since 1970.",
        [](R r) { return r.process.start_time; });

  const char* cpu = "sluice_system_cpu_seconds_total";
  const char* cpu_help = "CPU time of the machine, all CPUs together.";
  counter(cpu, cpu_help, [](R r) { return r.machine.user_seconds; }, {{"mode", "user"}});
  counter(cpu, cpu_help, [](R r) { return r.machine.system_seconds; }, {{"mode", "system"}});
  counter(cpu, cpu_help, [](R r) { return r.machine.idle_seconds; }, {{"mode", "idle"}});
  counter(cpu, cpu_help, [](R r) { return r.machine.iowait_seconds; }, {{"mode", "iowait"}});
  counter(cpu, cpu_help, [](R r) { return r.machine.steal_seconds; }, {{"mode", "steal"}});
  gauge("sluice_system_cpus", "CPUs of the machine.", [](R r) { return r.machine.cpus; });
  gauge("sluice_system_memory_bytes", "Memory of the machine.",
        [](R r) { return r.machine.memory_bytes; });
  gauge("sluice_system_memory_available_bytes",
        "Memory of the machine that programs could still get.",
        [](R r) { return r.machine.memory_available_bytes; });
  counter("sluice_system_network_receive_bytes_total",
          "Bytes received by all interfaces but loopback.",
          [](R r) { return r.machine.received_bytes; });
  counter("sluice_system_network_transmit_bytes_total",
          "Bytes sent by all interfaces but loopback.", [](R r) { return r.machine.sent_bytes; });
  if (now->machine.cgroup_memory_bytes)
    gauge("sluice_system_cgroup_memory_bytes", "Memory that this container or service uses.",
          [](R r) { return r.machine.cgroup_memory_bytes.value_or(0); });
  if (now->machine.cgroup_memory_limit_bytes)
    gauge("sluice_system_cgroup_memory_limit_bytes",
          "Memory that this container or service may use.",
          [](R r) { return r.machine.cgroup_memory_limit_bytes.value_or(0); });
  for (std::size_t i = 0; i < now->paths.size(); ++i) {
    const Labels labels{{"path", now->paths[i]}};
    gauge(
        "sluice_system_disk_bytes", "Size of the path's file system.",
        [i](R r) { return r.disks[i].bytes; }, labels);
    gauge(
        "sluice_system_disk_available_bytes", "Free space of the path's file system.",
        [i](R r) { return r.disks[i].available_bytes; }, labels);
  }
}

// Callbacks point into the readings: they go first.
SystemMetrics::~SystemMetrics() { registrations_.clear(); }

}  // namespace sluice::monitor
