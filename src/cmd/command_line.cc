// CLI11 in one place. Each `add_...` declares a subcommand and says what runs when it was named.
#include "cmd/command_line.h"

#include <cstdio>
#include <functional>
#include <memory>

#include <CLI/CLI.hpp>

#include "cmd/check.h"
#include "cmd/completions.h"
#include "cmd/config_command.h"
#include "cmd/demo.h"
#include "cmd/doctor.h"
#include "cmd/exit_code.h"
#include "cmd/report.h"
#include "cmd/serve.h"
#include "cmd/top.h"

namespace sluice::cmd {
namespace {

using Action = std::function<int()>;

void add_source(CLI::App& command, Source& source) {
  auto* config =
      command.add_option("-c,--config", source.config,
                         "configuration (default: ./sluice.toml, /etc/sluice/sluice.toml)");
  command.add_option("--pgbouncer-ini", source.pgbouncer_ini, "PgBouncer's configuration instead")
      ->excludes(config);
  command.add_option("--postgres", source.postgres,
                     "server: postgres://user:password@host:port/database");
  command.add_option("--listen", source.listen, "address for PostgreSQL clients (may be repeated)")
      ->allow_extra_args(false);
  command.add_option("--admin", source.admin, "address of the admin listener");
}

void add_serve(CLI::App& app, Action& action) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "run the gateway in the foreground");
  add_source(*command, options->source);
  command->callback([options, &action] { action = [options] { return serve(*options); }; });
}

void add_check(CLI::App& app, Action& action) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "say all that is wrong with a configuration");
  add_source(*command, options->source);
  command->add_flag("--json", options->json, "as JSON");
  command->callback([options, &action] { action = [options] { return check(*options); }; });
}

void add_doctor(CLI::App& app, Action& action) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command =
      app.add_subcommand("doctor", "try the servers, ports and limits that a configuration needs");
  add_source(*command, options->source);
  command->add_flag("--json", options->json, "as JSON");
  command->callback([options, &action] { action = [options] { return doctor(*options); }; });
}

void add_config(CLI::App& app, Action& action) {
  CLI::App* config = app.add_subcommand("config", "show or import a configuration");
  config->require_subcommand(1);

  struct Show {
    Source source;
    bool json = false;
  };
  auto shown = std::make_shared<Show>();
  CLI::App* show = config->add_subcommand("show", "every key in force, secrets left out");
  add_source(*show, shown->source);
  show->add_flag("--json", shown->json, "as JSON");
  show->callback(
      [shown, &action] { action = [shown] { return show_config(shown->source, shown->json); }; });

  auto path = std::make_shared<std::string>();
  CLI::App* import =
      config->add_subcommand("import-pgbouncer", "print sluice.toml for a pgbouncer.ini");
  import->add_option("file", *path, "pgbouncer.ini")->required();
  import->callback([path, &action] { action = [path] { return import_pgbouncer_config(*path); }; });
}

void add_demo(CLI::App& app, Action& action) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* command = app.add_subcommand(
      "demo", "a private PostgreSQL with sample data, the gateway, a sample load");
  command->add_option("--data", options->data,
                      "folder for its data (default: below $XDG_STATE_HOME)");
  command->add_option("--workers", options->workers, "clients of the sample load")
      ->check(CLI::Range(1, 150));
  command->add_option("--seconds", options->seconds, "length of each of its two halves")
      ->check(CLI::Range(0, 600));
  command->add_flag("--once", options->once, "stop after the sample load");
  command->callback([options, &action] { action = [options] { return demo(*options); }; });
}

void add_gateway(CLI::App& command, GatewayOptions& gateway) {
  command.add_option("--admin", gateway.admin,
                     "admin listener of the running gateway (default: 127.0.0.1:8001)");
  auto* token = command.add_option("--token", gateway.token,
                                   "its token; others can see it in the process list");
  command.add_option("--token-file", gateway.token_file, "file with its token")->excludes(token);
  command.add_option("-c,--config", gateway.config, "take both from this configuration");
}

void add_top(CLI::App& app, Action& action) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* command =
      app.add_subcommand("top", "what a running gateway does, second by second: pools, statements");
  add_gateway(*command, options->gateway);
  command->add_option("--interval", options->interval, "between two looks (default: 1s)");
  command->add_option("--sort", options->sort, "time, calls, mean or errors")
      ->check(CLI::IsMember({"time", "calls", "mean", "errors"}));
  command->add_option("--count", options->count, "print so many plain snapshots, then end")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--rows", options->rows, "statements of a plain snapshot (default: 20)")
      ->check(CLI::Range(1, 1000));
  command->add_flag("--json", options->json, "the raw numbers, once");
  command->callback([options, &action] { action = [options] { return top(*options); }; });
}

void add_report(CLI::App& app, Action& action) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand(
      "report", "what a running gateway knows: statements, loops, recommendations");
  add_gateway(*command, options->gateway);
  command->add_option("--format", options->format, "markdown, html or json")
      ->check(CLI::IsMember({"markdown", "html", "json"}));
  command->add_option("-o,--output", options->output, "write to this file");
  command->add_option("--top", options->top, "entries of each list (default: 20)")
      ->check(CLI::Range(1, 1000));
  command->callback([options, &action] { action = [options] { return report(*options); }; });
}

CommandTree tree_of(const CLI::App& command) {
  CommandTree tree{command.get_name(), command.get_description(), {}, {}};
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames())
      tree.options.push_back({"--" + name, option->get_description()});
  for (const CLI::App* child : command.get_subcommands([](const CLI::App*) { return true; }))
    tree.commands.push_back(tree_of(*child));
  return tree;
}

void add_completions(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completions", "print a completion script for a shell");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app, &action] {
    action = [shell, &app] {
      const auto script = completions(*shell, tree_of(app));
      std::fputs(script ? script->c_str() : script.error().detail.c_str(),
                 script ? stdout : stderr);
      return script ? kOk : kUsage;
    };
  });
}

}  // namespace

int run(int argc, const char* const* argv) {
  CLI::App app("The performance layer between an application and its data.", "sluice");
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  Action action;
  add_serve(app, action);
  add_demo(app, action);
  add_check(app, action);
  add_doctor(app, action);
  add_config(app, action);
  add_top(app, action);
  add_report(app, action);
  add_completions(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return action();
}

}  // namespace sluice::cmd
