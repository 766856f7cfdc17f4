// PgBouncer's names for what can be set here: SHOW CONFIG and SET. All of them stand in one table in
// console_settings.cc; our own keys follow in SHOW CONFIG, read-only.
#pragma once

#include <string>
#include <string_view>

#include "gateway/config.h"
#include "session/postgres_front.h"

namespace sluice::admin {

postgres::ConsoleReply config_table(const gateway::Config& config);

// Changes the setting on every listener. Times in seconds ("7") or with a unit ("7s"). Errors:
// invalid_argument, naming what can be set.
Result<void> change_setting(gateway::Config& config, std::string_view name, std::string_view value);

}  // namespace sluice::admin
