#include "admin/console.h"

#include <ctime>
#include <map>

#include <fmt/format.h>

#include "admin/console_settings.h"
#include "gateway/config_load.h"

namespace sluice::admin {
namespace {

std::unexpected<Error> refused(const char* state, std::string detail) {
  return std::unexpected(
      Error{.code = Code::invalid_argument, .detail = std::move(detail), .state = state});
}

// As a client reads it: the sentence alone.
std::unexpected<Error> failed(const Error& error) {
  Error told = error;
  if (told.state.empty() && told.code == Code::invalid_argument) told.state = "22023";
  if (told.state.empty() && told.code == Code::not_found) told.state = "3D000";
  return std::unexpected(std::move(told));
}

ConsoleReply done(std::string tag) {
  ConsoleReply reply;
  reply.tag = std::move(tag);
  return reply;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// What PgBouncer has and we don't, and what to do instead.
const std::map<std::string, std::string, std::less<>> kUnsupported = {
    {"disable", "PAUSE keeps clients waiting, KILL also ends those that are connected"},
    {"enable", "databases aren't disabled here; RESUME ends a PAUSE or KILL"},
    {"suspend", "use PAUSE, which waits until all server connections are free"},
    {"wait_close", "SHOW SERVERS tells how old each connection is"},
};

}  // namespace

Result<ConsoleReply> PostgresConsole::run(std::string_view text, bool admin) {
  auto command = parse_console_command(text);
  if (!command) return std::unexpected(command.error());
  if (command->verb.empty()) return done("");
  if (command->verb == "show") return show(command->argument, text);
  if (!admin) return refused("42501", "only users in admin_users may do that; you may use SHOW");
  return steer(*command, text);
}

Result<ConsoleReply> PostgresConsole::show(const std::string& what, std::string_view text) {
  using Make = std::function<ConsoleReply(PostgresConsole&)>;
  static const std::map<std::string, Make, std::less<>> tables = {
      {"active_sockets", [](auto& c) { return sockets_table(c.facts(), false); }},
      {"clients", [](auto& c) { return clients_table(c.facts()); }},
      {"config", [](auto& c) { return config_table(*c.gateway_.config()); }},
      {"databases", [](auto& c) { return databases_table(c.facts()); }},
      {"dns_hosts", [](auto&) { return dns_hosts_table(); }},
      {"dns_zones", [](auto&) { return dns_zones_table(); }},
      {"help", [](auto&) { return help(); }},
      {"lists", [](auto& c) { return lists_table(c.facts()); }},
      {"mem", [](auto& c) { return memory_table(c.facts()); }},
      {"pins", [](auto& c) { return pins_table(c.facts()); }},
      {"pools", [](auto& c) { return pools_table(c.facts()); }},
      {"servers", [](auto& c) { return servers_table(c.facts()); }},
      {"sockets", [](auto& c) { return sockets_table(c.facts(), true); }},
      {"state", [](auto& c) { return state_table(c.facts()); }},
      {"stats", [](auto& c) { return stats_table(c.rates()); }},
      {"stats_averages", [](auto& c) { return stats_averages_table(c.rates()); }},
      {"stats_totals", [](auto& c) { return stats_totals_table(c.rates()); }},
      {"totals", [](auto& c) { return totals_table(c.rates()); }},
      {"users", [](auto& c) { return users_table(c.facts()); }},
      {"version", [](auto&) { return version_table(); }},
  };
  if (what == "fds")
    return refused("0A000",
                   "SHOW FDS is not supported: connections can't be taken over by another process");
  const auto found = tables.find(what);
  if (found == tables.end()) return invalid_console_command(text);
  return found->second(*this);
}

Result<ConsoleReply> PostgresConsole::steer(const ConsoleCommand& command, std::string_view text) {
  const std::string& verb = command.verb;
  if (verb == "set") return set(command.argument, command.value);
  if (const auto found = kUnsupported.find(verb); found != kUnsupported.end())
    return refused("0A000", upper(verb) + " is not supported: " + found->second);

  const bool takes_database =
      verb == "pause" || verb == "resume" || verb == "reconnect" || verb == "kill";
  if (takes_database) {
    if (verb == "kill" && command.argument.empty())
      return refused("42601", "a database is required");
    if (auto result = on_database(command); !result) return failed(result.error());
    return done(upper(verb));
  }
  if (!command.argument.empty()) return invalid_console_command(text);
  if (verb == "reload") {
    if (!gateway_.on_reload)
      return refused("0A000", "RELOAD is not supported: there is no configuration to read");
    if (auto result = gateway_.on_reload(); !result) return failed(result.error());
    return done("RELOAD");
  }
  if (verb == "shutdown") {
    if (!gateway_.on_shutdown) return refused("0A000", "SHUTDOWN is not supported here");
    gateway_.on_shutdown(true);
    return done("SHUTDOWN");
  }
  return invalid_console_command(text);
}

Result<void> PostgresConsole::on_database(const ConsoleCommand& command) {
  if (command.verb == "pause") return gateway_.pause(command.argument);
  if (command.verb == "resume") return gateway_.resume(command.argument);
  if (command.verb == "reconnect") return gateway_.reconnect(command.argument);
  return gateway_.kill(command.argument);
}

// Checked as a whole, as if the file said so.
Result<ConsoleReply> PostgresConsole::set(const std::string& name, const std::string& value) {
  gateway::Config config = *gateway_.config();
  if (auto changed = change_setting(config, name, value); !changed) return failed(changed.error());
  gateway::LoadOptions options;
  options.path = "SET";
  options.text = gateway::to_toml(config);
  auto checked = gateway::load_config(options);
  if (!checked) return refused("22023", checked.error().front().message);
  if (!change_) return refused("0A000", "SET is not supported here");
  if (auto changed = change_(std::move(config)); !changed) return failed(changed.error());
  return done("SET");
}

ConsoleFacts PostgresConsole::facts() {
  return {.pools = gateway_.pools(),
          .servers = gateway_.servers(),
          .clients = gateway_.clients(),
          .config = *gateway_.config(),
          .now = std::time(nullptr)};
}

std::vector<DatabaseRates> PostgresConsole::rates() {
  return rates_.read(gateway_.totals(), gateway_.started(), now());
}

}  // namespace sluice::admin
