// `sluice report`: what a running gateway knows of its statements, as one file to read or to keep.
#pragma once

#include <string>

#include "cmd/running_gateway.h"

namespace sluice::cmd {

struct ReportOptions {
  GatewayOptions gateway;
  std::string format;  // markdown, html, json; empty: by the name of `output`, else markdown
  std::string output;  // empty: standard output
  unsigned top = 20;   // statements, slow ones, loops and recommendations, each
};

int report(const ReportOptions& options);

}  // namespace sluice::cmd
