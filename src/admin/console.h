// PostgresConsole: the `pgbouncer` database. An administrator's psql, or a script written for
// PgBouncer, sees and steers the gateway in the words it knows.
//
// The files: console_command (what was typed), console_tables (what SHOW answers), console_settings (SHOW
// CONFIG, SET), rates (averages), console (which command does what).
#pragma once

#include <functional>
#include <string_view>

#include "admin/console_command.h"
#include "admin/console_tables.h"
#include "admin/rates.h"
#include "gateway/gateway.h"
#include "session/postgres_front.h"

namespace sluice::admin {

// Thread-safe. Errors carry a SQLSTATE: 42601 for what isn't a command, 42501 for what isn't allowed.
class PostgresConsole final : public postgres::Console {
 public:
  // Puts a changed configuration in force until the next reload (SET). May wait.
  using Change = std::function<Result<void>(gateway::Config)>;

  PostgresConsole(gateway::Gateway& gateway, Change change)
      : gateway_(gateway), change_(std::move(change)) {}

  Result<ConsoleReply> run(std::string_view text, bool admin) override;

 private:
  Result<ConsoleReply> show(const std::string& what, std::string_view text);
  Result<ConsoleReply> steer(const ConsoleCommand& command, std::string_view text);
  Result<ConsoleReply> set(const std::string& name, const std::string& value);
  Result<void> on_database(const ConsoleCommand& command);
  ConsoleFacts facts();
  std::vector<DatabaseRates> rates();

  gateway::Gateway& gateway_;
  const Change change_;
  Rates rates_;
};

}  // namespace sluice::admin
