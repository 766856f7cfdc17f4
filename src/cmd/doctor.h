// `sluice doctor`: whether this machine and the servers are as the configuration needs them.
//
// doctor.cc looks at the machine, doctor_server.cc goes to each server as the gateway would.
#pragma once

#include "cmd/configuration.h"
#include "cmd/descriptors.h"
#include "cmd/finding.h"

namespace sluice::cmd {

struct DoctorOptions {
  Source source;
  bool json = false;
};

// kFailure if anything failed.
int doctor(const DoctorOptions& options);

Finding examine_descriptors(const gateway::Config& config, DescriptorLimit limit);
Findings examine_ports(const gateway::Config& config);
// Each server of the listener, and its auth query.
Findings examine_servers(const gateway::PostgresListener& listener);

}  // namespace sluice::cmd
