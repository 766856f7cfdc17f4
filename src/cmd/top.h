// `sluice top`: what a running gateway is doing, second by second.
#pragma once

#include <string>

#include "cmd/running_gateway.h"

namespace sluice::cmd {

struct TopOptions {
  GatewayOptions gateway;
  std::string interval = "1s";
  std::string sort = "time";  // time, calls, mean, errors
  unsigned count =
      0;  // plain snapshots, then the end; 0: a live view, or one if there is no terminal
  unsigned rows = 20;  // statements of a plain snapshot
  bool json = false;   // the raw answers, once
};

int top(const TopOptions& options);

}  // namespace sluice::cmd
