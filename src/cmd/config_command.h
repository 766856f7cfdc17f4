// `sluice config show` and `sluice config import-pgbouncer`.
#pragma once

#include <string>

#include "cmd/configuration.h"

namespace sluice::cmd {

// Every key in force as "key = value", secrets as ***.
int show_config(const Source& source, bool json);

// An equivalent sluice.toml on standard output, what has no equivalent on standard error.
int import_pgbouncer_config(const std::string& path);

}  // namespace sluice::cmd
