#include "cmd/demo.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/control.h"
#include "cmd/demo_load.h"
#include "cmd/demo_server.h"
#include "cmd/exit_code.h"

namespace sluice::cmd {
namespace {

namespace fs = std::filesystem;
using Order = Control::Order;

std::string own_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).string();
}

// Installed beside the binary (PREFIX/bin, PREFIX/share/sluice/demo), or in a checkout above build/x/.
Result<std::string> sample_folder() {
  const fs::path home = fs::path(own_path()).parent_path();
  for (const fs::path& folder :
       {home / "../share/sluice/demo", home / "../../demo", fs::path("/usr/share/sluice/demo")}) {
    std::error_code ignored;
    if (fs::exists(folder / "schema.sql", ignored))
      return fs::weakly_canonical(folder, ignored).string();
  }
  return fail(
      Code::not_found,
      "the sample data (share/sluice/demo/schema.sql) isn't installed beside " + own_path());
}

std::string state_folder(const DemoOptions& options) {
  if (!options.data.empty()) return fs::absolute(options.data).string();
  if (::geteuid() == 0) return "/var/lib/sluice/demo";  // a home of root's is closed to PostgreSQL
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/')
    return std::string(state) + "/sluice/demo";
  const char* home = std::getenv("HOME");
  return std::string(home ? home : "/tmp") + "/.local/state/sluice/demo";
}

class Demo {
 public:
  Demo(Control& control, const DemoOptions& options, std::string folder, std::string samples)
      : control_(control),
        options_(options),
        folder_(std::move(folder)),
        server_(folder_, std::move(samples)) {}

  Result<int> run() {
    if (auto up = server_.start(); !up) return std::unexpected(up.error());
    if (auto up = start_gateway(); !up) return std::unexpected(up.error());
    const int status = options_.seconds > 0 ? sample_load() : kOk;
    if (stopping_ || options_.once) return status;
    print_addresses();
    return wait();
  }

  void stop() {
    fmt::print("stopping\n");
    std::fflush(stdout);
    gateway_.reset();
    server_.stop();
  }

 private:
  Result<void> start_gateway() {
    const auto port = free_port_near(6432), admin = free_port_near(8001);
    if (!port || !admin) return std::unexpected(port ? admin.error() : port.error());
    port_ = *port;
    admin_ = *admin;
    const std::string path = folder_ + "/sluice.toml", log = folder_ + "/sluice.log";
    std::ofstream(path) << fmt::format(R"(# Written by `sluice demo` at each start.
[[postgres]]
listen = "127.0.0.1:{}"
primary = "postgres://bot:bot@127.0.0.1:{}/bot"
pool = {{ mode = "transaction", min = 0, max = 20, wait = "5s" }}
auth = {{ method = "scram-sha-256", users = {{ bot = "bot" }}, admin_users = ["bot"] }}

[admin]
listen = "127.0.0.1:{}"

[store]
directory = "kept"
)",
                                       port_, server_.port(), admin_);
    ::chmod(path.c_str(), 0600);
    auto child = Child::start({own_path(), "serve", "--config", path},
                              {.as = std::nullopt, .environment = {}, .log = log});
    if (!child) return std::unexpected(child.error());
    gateway_ = std::make_unique<Child>(std::move(*child));
    const std::string line = gateway_->read_line(now() + std::chrono::seconds(30));
    if (line.find(" ready: ") == line.npos)
      return fail(Code::unavailable, "the gateway didn't start, see " + log);
    fmt::print("{}\n", line);
    return {};
  }

  // Twice the same: straight at the server, through the gateway. Ctrl-C ends it.
  int sample_load() {
    fmt::print(
        "\nsample load: {} clients for {:g} s straight at PostgreSQL, then as long through "
        "Sluice\n",
        options_.workers, options_.seconds);
    std::fflush(stdout);
    LoadResult results[2];
    std::thread load([&] {
      for (int i = 0; i < 2 && !stopping_; ++i)
        results[i] = run_load({.port = i == 0 ? server_.port() : port_,
                               .server_port = server_.port(),
                               .workers = options_.workers,
                               .length = std::chrono::duration_cast<Duration>(
                                   std::chrono::duration<double>(options_.seconds))},
                              stopping_);
      control_.order(Order::stopped);
    });
    while (true) {
      const Order order = control_.wait(std::chrono::seconds(1));
      if (order == Order::stopped) break;
      if (order == Order::stop) stopping_ = true;
    }
    load.join();
    if (stopping_) return kOk;
    return report(results[0], results[1]);
  }

  static int report(const LoadResult& straight, const LoadResult& through) {
    auto line = [](const char* title, auto a, auto b) {
      fmt::print("  {:<32}{:>12}{:>12}\n", title, a, b);
    };
    auto times = [&](const char* title, double share) {
      line(title, fmt::format("{:.2f}", straight.quantile(share)),
           fmt::format("{:.2f}", through.quantile(share)));
    };
    line("", "straight", "sluice");
    line("commands", straight.latencies.size(), through.latencies.size());
    times("median, ms", 0.5);
    times("99 % within, ms", 0.99);
    line("server connections, at most", straight.peak_connections, through.peak_connections);
    line("errors", straight.errors.size(), through.errors.size());
    for (const LoadResult* result : {&straight, &through})
      if (!result->errors.empty()) fmt::print("  first error: {}\n", result->errors.front());
    const bool well =
        straight.errors.empty() && through.errors.empty() && !through.latencies.empty();
    return well ? kOk : kFailure;
  }

  void print_addresses() const {
    fmt::print(R"(
  through Sluice   psql postgresql://bot:bot@127.0.0.1:{0}/bot
  its console      psql postgresql://bot:bot@127.0.0.1:{0}/pgbouncer
  live numbers     http://127.0.0.1:{1}/
  metrics          http://127.0.0.1:{1}/metrics
  PostgreSQL       psql postgresql://bot:bot@127.0.0.1:{2}/bot
  configuration    {3}/sluice.toml

serving until Ctrl-C
)",
               port_, admin_, server_.port(), folder_);
    std::fflush(stdout);
  }

  int wait() {
    while (server_.running() && gateway_->running())
      if (control_.wait(std::chrono::milliseconds(300)) == Order::stop) return kOk;
    fmt::print("a process ended by itself; logs are in {}\n", folder_);
    return kFailure;
  }

  Control& control_;
  const DemoOptions& options_;
  const std::string folder_;
  DemoServer server_;
  std::unique_ptr<Child> gateway_;
  std::uint16_t port_ = 0, admin_ = 0;
  std::atomic<bool> stopping_ = false;
};

}  // namespace

int demo(const DemoOptions& options) {
  Control control;
  const auto samples = sample_folder();
  if (!samples) {
    fmt::print(stderr, "sluice demo: {}\n", samples.error().text());
    return kFailure;
  }
  Demo demo(control, options, state_folder(options), *samples);
  const auto status = demo.run();
  if (!status) fmt::print(stderr, "sluice demo: {}\n", status.error().text());
  demo.stop();
  return status.value_or(kFailure);
}

}  // namespace sluice::cmd
