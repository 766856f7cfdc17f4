// The order of things: signals blocked before any thread exists, configuration, metrics, gateway,
// console, admin listener; then one line on standard output, and orders until the last one.
#include "cmd/serve.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "admin/console.h"
#include "admin/server.h"
#include "base/log.h"
#include "cmd/control.h"
#include "cmd/descriptors.h"
#include "cmd/exit_code.h"
#include "cmd/notify.h"
#include "cmd/ready_line.h"
#include "gateway/gateway.h"
#include "monitor/system.h"

namespace sluice::cmd {
namespace {

using Order = Control::Order;

constexpr Duration kTick = std::chrono::seconds(5);  // between looks at repeated log lines

LogOptions log_options(const gateway::Config& config) {
  return {.level = config.logging.level, .format = config.logging.format};
}

class Service {
 public:
  Service(Control& control, Source source, gateway::LoadedConfig loaded)
      : control_(control),
        source_(std::move(source)),
        log_(log_options(loaded.config)),
        system_(registry_, {}),
        gateway_(std::move(loaded.config), log_, registry_),
        console_(gateway_, [this](gateway::Config config) { return change(std::move(config)); }),
        admin_(gateway_) {
    report("configuration", loaded.warnings);
    gateway_.set_console(&console_);
    gateway_.on_reload = [this] { return control_.run([this] { return reload(); }); };
    gateway_.on_shutdown = [this](bool at_once) {
      control_.order(at_once ? Order::stop_now : Order::stop);
    };
  }
  // The gateway's clients use the console: it stops first.
  ~Service() {
    control_.refuse();
    admin_.stop();
    gateway_.stop();
  }

  int run() {
    const DescriptorLimit limit = raise_descriptor_limit();
    log_.debug("sluice", "open files", {{"limit", limit.now}});
    if (auto started = start(); !started) {
      fmt::print(stderr, "sluice: {}\n", started.error().text());
      return kFailure;
    }
    announce();
    const bool at_once = obey();
    return stop(at_once);
  }

 private:
  Result<void> start() {
    if (auto started = gateway_.start(); !started) return started;
    return admin_.start(gateway_.config()->admin);
  }

  void announce() {
    std::vector<std::string> addresses = gateway_.addresses();
    if (!admin_.address().empty()) addresses.push_back("admin " + admin_.address());
    const std::string line = ready_line(addresses);
    fmt::print("{}\n", line);
    std::fflush(stdout);
    tell_systemd("READY=1\nSTATUS=" + line);
  }

  // Returns when it is time to stop; true: at once.
  bool obey() {
    while (true) {
      switch (control_.wait(kTick)) {
        case Order::none: log_.report_repeats(); break;
        case Order::reload: reload_and_tell(); break;
        case Order::stop: return false;
        case Order::stop_now: return true;
        case Order::stopped: break;
      }
    }
  }

  void reload_and_tell() {
    tell_systemd(reloading_state());
    [[maybe_unused]] const auto result = reload();  // has been logged
    tell_systemd("READY=1");
  }

  // All of it or nothing: what is wrong is logged, and everything goes on as before.
  Result<void> reload() {
    auto loaded = load(source_);
    if (!loaded) {
      report("configuration refused", loaded.error());
      return fail(Code::invalid_argument, "the configuration is wrong, nothing has changed: " +
                                              loaded.error().front().text());
    }
    report("configuration", loaded->warnings);
    return change(std::move(loaded->config));
  }

  Result<void> change(gateway::Config config) {
    const auto before = gateway_.config();
    auto changed = admin_.reload(config.admin);
    if (changed) {
      const LogLevel level = config.logging.level;
      changed = gateway_.reload(std::move(config));
      if (changed)
        log_.set_level(level);
      else if (auto back = admin_.reload(before->admin); !back)
        log_.error("sluice", "admin listener lost", {{"why", back.error().text()}});
    }
    if (changed)
      log_.info("sluice", "configuration loaded");
    else
      log_.error("sluice", "configuration refused, nothing has changed",
                 {{"why", changed.error().text()}});
    return changed;
  }

  // Gracefully: in the background, so that a second signal can still end it.
  int stop(bool at_once) {
    tell_systemd("STOPPING=1");
    control_.refuse();
    log_.info("sluice", at_once ? "stopping at once" : "stopping when transactions have ended");
    if (!at_once) {
      std::thread drain([this] {
        gateway_.drain();
        control_.order(Order::stopped);
      });
      wait_for_drain();
      drain.join();
    }
    admin_.stop();
    gateway_.stop();
    return kOk;
  }

  void wait_for_drain() {
    bool told_again = false;
    while (true) {
      switch (control_.wait(kTick)) {
        case Order::stopped: return;
        case Order::stop:
        case Order::stop_now:
          if (told_again) std::_Exit(kFailure);  // third time: whatever it is that hangs
          told_again = true;
          log_.warn("sluice", "told twice: cutting the rest off");
          gateway_.hurry();
          break;
        case Order::none:
        case Order::reload: break;
      }
    }
  }

  void report(std::string_view what, const std::vector<gateway::Problem>& problems) {
    const bool wrong = what != "configuration";
    for (const gateway::Problem& problem : problems) {
      if (wrong)
        log_.error("sluice", what, {{"problem", problem.text()}});
      else
        log_.warn("sluice", what, {{"warning", problem.text()}});
    }
  }

  void tell_systemd(const std::string& state) {
    if (auto told = notify(notify_socket_, state); !told)
      log_.warn("sluice", "systemd was not told", {{"why", told.error().text()}});
  }

  Control& control_;
  const Source source_;
  const std::string notify_socket_ = cmd::notify_socket();
  Log log_;
  monitor::Registry registry_;
  monitor::SystemMetrics system_;
  gateway::Gateway gateway_;
  admin::PostgresConsole console_;
  admin::AdminServer admin_;
};

}  // namespace

int serve(const ServeOptions& options) {
  Control control;
  auto loaded = load(options.source);
  if (!loaded) {
    print_problems(loaded.error());
    return kUsage;
  }
  return Service(control, options.source, std::move(*loaded)).run();
}

}  // namespace sluice::cmd
