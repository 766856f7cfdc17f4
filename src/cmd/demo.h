// `sluice demo`: a private PostgreSQL with sample data, the gateway in front of it, a sample load; then it
// serves until Ctrl-C. All of it stops with this process.
#pragma once

#include <string>

namespace sluice::cmd {

struct DemoOptions {
  std::string data;  // folder; empty: $XDG_STATE_HOME/sluice/demo, for root /var/lib/sluice/demo
  unsigned workers = 60;  // clients of the sample load
  double seconds = 5;     // of each half: straight at the server, then through the gateway
  bool once = false;      // stop after the load
};

int demo(const DemoOptions& options);

}  // namespace sluice::cmd
