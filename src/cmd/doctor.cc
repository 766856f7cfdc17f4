#include "cmd/doctor.h"

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "cmd/exit_code.h"
#include "net/listener.h"

namespace sluice::cmd {
namespace {

constexpr std::uint64_t kOwnDescriptors = 100;  // loops, listeners, log, the admin side

// Each client is one, each server connection another.
std::uint64_t wanted_descriptors(const gateway::Config& config) {
  std::uint64_t wanted = kOwnDescriptors;
  for (const auto& listener : config.postgres) {
    const std::uint64_t pools = std::max<std::size_t>(1, listener.databases.size());
    wanted += listener.max_clients;
    wanted += listener.pool.max_total > 0 ? listener.pool.max_total : pools * listener.pool.max;
  }
  return wanted;
}

Finding examine_port(const std::string& kind, const std::string& address) {
  Finding finding{.subject = kind + " " + address, .detail = {}, .mend = {}};
  const auto at = net::Endpoint::parse(address, 0);
  if (!at) return {Grade::fail, finding.subject, at.error().text(), "write it as host:port"};
  const auto opened = net::ListenSocket::open(*at, {.reuse_port = false});
  if (opened) {
    finding.detail = "free";
  } else if (opened.error().os == EADDRINUSE) {
    finding.grade = Grade::warn;
    finding.detail = "in use";
    finding.mend = "fine if sluice runs already; else `ss -ltnp` tells who listens there";
  } else {
    finding.grade = Grade::fail;
    finding.detail = opened.error().text();
    finding.mend = "choose an address of this machine and a port above 1023";
  }
  return finding;
}

}  // namespace

Finding examine_descriptors(const gateway::Config& config, DescriptorLimit limit) {
  const std::uint64_t wanted = wanted_descriptors(config);
  if (limit.most >= wanted)
    return {Grade::ok,
            "open files",
            fmt::format("{} allowed, at most {} needed", limit.most, wanted),
            {}};
  return {
      Grade::warn, "open files",
      fmt::format("{} allowed, up to {} needed by max_clients and the pools", limit.most, wanted),
      fmt::format("LimitNOFILE={0} in the systemd unit, or `ulimit -n {0}`, or a lower max_clients",
                  wanted)};
}

Findings examine_ports(const gateway::Config& config) {
  Findings findings;
  for (const auto& listener : config.postgres)
    for (const std::string& address : listener.listen)
      findings.push_back(examine_port("listen", address));
  if (config.admin.enabled) findings.push_back(examine_port("admin listen", config.admin.listen));
  return findings;
}

int doctor(const DoctorOptions& options) {
  const auto loaded = load(options.source);
  if (!loaded) {
    print_problems(loaded.error());
    return kUsage;
  }
  Findings findings{examine_descriptors(loaded->config, raise_descriptor_limit())};
  for (const gateway::Problem& warning : loaded->warnings)
    findings.push_back({Grade::warn, "configuration", warning.text(), {}});
  for (auto& finding : examine_ports(loaded->config)) findings.push_back(std::move(finding));
  for (const auto& listener : loaded->config.postgres)
    for (auto& finding : examine_servers(listener)) findings.push_back(std::move(finding));
  std::fputs((options.json ? json_of(findings) : text_of(findings)).c_str(), stdout);
  return any_failed(findings) ? kFailure : kOk;
}

}  // namespace sluice::cmd
