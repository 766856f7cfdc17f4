// `sluice serve`: builds everything from one configuration, runs it, takes it down in order.
#pragma once

#include <functional>
#include <string>

#include "cmd/configuration.h"

namespace sluice::cmd {

struct ServeOptions {
  Source source;
};

int serve(const ServeOptions& options);

}  // namespace sluice::cmd
