// `sluice check`: reads a configuration as `serve` would and says all that is wrong with it.
#pragma once

#include "cmd/configuration.h"

namespace sluice::cmd {

struct CheckOptions {
  Source source;
  bool json = false;
};

// kOk, also with warnings; kUsage if `serve` would refuse to start.
int check(const CheckOptions& options);

}  // namespace sluice::cmd
