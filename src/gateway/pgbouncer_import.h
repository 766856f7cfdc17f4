// PgBouncer's configuration as one of ours: what means the same is taken over, defaults included,
// and what has no equivalent is named with the reason. to_toml() (config_load.h) writes the result.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "gateway/config_load.h"
#include "gateway/pgbouncer_ini.h"

namespace sluice::gateway {

struct PgbouncerImport {
  Config config;
  std::vector<Problem> notes;  // one for each line that was not taken over as it is
};

// Reads pgbouncer.ini and what it includes; keys of version 1.18 and a few newer ones. Problems: files
// that can't be read, lines that PgBouncer itself would refuse. Files named in it stay where they are.
std::expected<PgbouncerImport, std::vector<Problem>> import_pgbouncer(const std::string& path);
std::expected<PgbouncerImport, std::vector<Problem>> import_pgbouncer(const std::string& path,
                                                                      const ReadFile& read);

}  // namespace sluice::gateway
