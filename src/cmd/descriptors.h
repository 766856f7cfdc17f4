// The bound on open files: each client and each server connection is one.
#pragma once

#include <cstdint>

namespace sluice::cmd {

struct DescriptorLimit {
  std::uint64_t now = 0;   // in force
  std::uint64_t most = 0;  // what the process may ask for
};

DescriptorLimit descriptor_limit();
// Asks for the most. Returns what is in force afterwards.
DescriptorLimit raise_descriptor_limit();

}  // namespace sluice::cmd
