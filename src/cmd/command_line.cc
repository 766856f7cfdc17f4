// CLI11 in one place. Each `add_...` declares a subcommand and says what runs when it was named.
#include "cmd/command_line.h"

#include <functional>
#include <memory>

#include <CLI/CLI.hpp>

#include "cmd/exit_code.h"
#include "cmd/serve.h"

namespace sluice::cmd {
namespace {

using Action = std::function<int()>;

void add_source(CLI::App& command, Source& source) {
  auto* config = command.add_option("-c,--config", source.config,
                                    "configuration (default: ./sluice.toml, /etc/sluice/sluice.toml)");
  command.add_option("--pgbouncer-ini", source.pgbouncer_ini, "PgBouncer's configuration instead")
      ->excludes(config);
  command.add_option("--postgres", source.postgres, "server: postgres://user:password@host:port/database");
  command.add_option("--listen", source.listen, "address for PostgreSQL clients (may be repeated)");
  command.add_option("--admin", source.admin, "address of the admin listener");
}

void add_serve(CLI::App& app, Action& action) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "run the gateway in the foreground");
  add_source(*command, options->source);
  command->callback([options, &action] { action = [options] { return serve(*options); }; });
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app("The performance layer between an application and its data.", "sluice");
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  Action action;
  add_serve(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return action();
}

}  // namespace sluice::cmd
