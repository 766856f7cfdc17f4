// What an administrator types on the `pgbouncer` database, taken apart. PgBouncer's grammar: a word, at
// most one argument, an optional semicolon; SET key = value. Words in any letter case, quoted ones as
// they are.
#pragma once

#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::admin {

struct ConsoleCommand {
  std::string verb;      // lower case: "show"; empty: nothing was asked
  std::string argument;  // "pools", a database, a setting's name; lower case unless it was quoted
  std::string value;     // of SET
};

// Errors: invalid_argument with PgBouncer's sentence.
Result<ConsoleCommand> parse_console_command(std::string_view text);

// "invalid command '...', use SHOW HELP;"
std::unexpected<Error> invalid_console_command(std::string_view text);

}  // namespace sluice::admin
