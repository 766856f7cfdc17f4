#include "monitor/system.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::monitor {
namespace {

namespace fs = std::filesystem;

// A made-up /proc and /sys/fs/cgroup.
class SystemTest : public testing::Test {
 protected:
  SystemTest() {
    std::string name = (fs::temp_directory_path() / "sluice-system-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    roots_ = {(root_ / "proc").string(), (root_ / "cgroup").string()};
  }
  ~SystemTest() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& content) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }

  fs::path root_;
  SystemRoots roots_;
};

TEST_F(SystemTest, a_program_name_with_brackets_and_blanks_confuses_nobody) {
  write("proc/self/stat",
        "7 (a) b (c) S 1 7 7 0 -1 4194560 0 0 0 0 250 150 0 0 20 0 9 0 12345 104857600 2560 0 0\n");
  write("proc/stat", "cpu  1 2 3 4\nbtime 1700000000\n");
  const ProcessReading reading = read_process(roots_);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(reading.cpu_seconds, 400 / ticks);
  EXPECT_EQ(reading.threads, 9u);
  EXPECT_EQ(reading.virtual_bytes, 104857600u);
  EXPECT_EQ(reading.resident_bytes, 2560u * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_DOUBLE_EQ(reading.start_time, 1700000000 + 12345 / ticks);
}

TEST_F(SystemTest, the_machine_is_read_in_full) {
  write("proc/stat", "cpu  100 200 300 400 500 10 20 30 0 0\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n");
  write("proc/meminfo", "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\n");
  write("proc/self/cgroup", "0::/system.slice/sluice.service\n");
  write("cgroup/system.slice/sluice.service/memory.current", "1048576\n");
  write("cgroup/system.slice/sluice.service/memory.max", "max\n");
  write("proc/self/net/dev",
        "Inter-|   Receive                 |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
        "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n"
        "  eth0: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n"
        "  eth1:10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n");
  const MachineReading reading = read_machine(roots_);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(reading.user_seconds, 300 / ticks);
  EXPECT_DOUBLE_EQ(reading.system_seconds, 330 / ticks);
  EXPECT_DOUBLE_EQ(reading.idle_seconds, 400 / ticks);
  EXPECT_DOUBLE_EQ(reading.iowait_seconds, 500 / ticks);
  EXPECT_DOUBLE_EQ(reading.steal_seconds, 30 / ticks);
  EXPECT_EQ(reading.cpus, 2u);
  EXPECT_EQ(reading.memory_bytes, 16384u * 1024);
  EXPECT_EQ(reading.memory_available_bytes, 8192u * 1024);
  EXPECT_EQ(reading.cgroup_memory_bytes, 1048576u);
  EXPECT_EQ(reading.cgroup_memory_limit_bytes, std::nullopt) << "max is no limit";
  EXPECT_EQ(reading.received_bytes, 1010u);
  EXPECT_EQ(reading.sent_bytes, 2020u);
}

TEST_F(SystemTest, a_limit_in_the_containers_root_is_found) {
  write("proc/self/cgroup", "0::/\n");
  write("cgroup/memory.current", "5\n");
  write("cgroup/memory.max", "10\n");
  EXPECT_EQ(read_machine(roots_).cgroup_memory_limit_bytes, 10u);
}

TEST_F(SystemTest, without_any_file_everything_is_zero) {
  EXPECT_EQ(read_process(roots_).threads, 0u);
  EXPECT_EQ(read_machine(roots_).memory_bytes, 0u);
  EXPECT_FALSE(read_machine(roots_).cgroup_memory_bytes);
}

TEST_F(SystemTest, broken_files_are_no_reason_to_crash) {
  for (const char* junk :
       {"", "(", ")", "7 (x)", "7 (x) S a b c d e f g h i j k", "cpu", "cpu \n", "eth0:\n"}) {
    for (const char* path :
         {"proc/self/stat", "proc/stat", "proc/meminfo", "proc/self/cgroup", "proc/self/net/dev"})
      write(path, junk);
    EXPECT_EQ(read_process(roots_).cpu_seconds, 0);
    EXPECT_EQ(read_machine(roots_).received_bytes, 0u);
  }
}

TEST(RealSystemTest, this_process_is_read_truthfully) {
  const ProcessReading before = read_process();
  EXPECT_GT(before.resident_bytes, 1u << 20);
  EXPECT_GE(before.threads, 1u);
  EXPECT_GE(before.open_descriptors, 3u);
  EXPECT_GE(before.descriptor_limit, before.open_descriptors);
  EXPECT_LE(before.start_time, static_cast<double>(std::time(nullptr)) + 1);
  EXPECT_GT(before.start_time, static_cast<double>(std::time(nullptr)) - 86'400);
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(read_process().open_descriptors, before.open_descriptors + 1);
  ::close(fd);
}

TEST(RealSystemTest, this_machine_has_cpus_memory_and_a_disk) {
  const MachineReading machine = read_machine();
  EXPECT_EQ(machine.cpus, static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_GT(machine.memory_bytes, machine.memory_available_bytes);
  EXPECT_GT(machine.memory_available_bytes, 0u);
  const DiskReading disk = read_disk("/").value();
  EXPECT_GT(disk.bytes, 0u);
  EXPECT_LE(disk.available_bytes, disk.bytes);
  EXPECT_EQ(read_disk("/no/such/path").error().code, Code::not_found);
}

TEST_F(SystemTest, metrics_follow_the_files_and_leave_with_their_owner) {
  write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 50 kB\n");
  Registry registry;
  const auto available = [&]() -> double {
    for (const auto& family : registry.collect())
      if (family.name == "sluice_system_memory_available_bytes")
        return std::get<double>(family.samples[0].value);
    return -1;
  };
  {
    const SystemMetrics metrics(registry, {"/", root_.string()}, roots_);
    EXPECT_EQ(available(), 50 * 1024);
    write("proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 20 kB\n");
    EXPECT_EQ(available(), 20 * 1024);
    EXPECT_TRUE(registry.errors().empty());
  }
  EXPECT_TRUE(registry.collect().empty());
}

}  // namespace
}  // namespace sluice::monitor
