#include "cmd/config_command.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/parse.h"
#include "cmd/exit_code.h"
#include "gateway/pgbouncer_import.h"

namespace sluice::cmd {

int show_config(const Source& source, bool json) {
  const auto loaded = load(source);
  if (!loaded) {
    print_problems(loaded.error());
    return kUsage;
  }
  const std::string text = gateway::explain(loaded->config);
  if (!json) {
    std::fputs(text.c_str(), stdout);
    return kOk;
  }
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const std::string_view line : split(text, '\n'))
    if (const auto equals = line.find(" = "); equals != line.npos)
      out[std::string(line.substr(0, equals))] = line.substr(equals + 3);
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return kOk;
}

int import_pgbouncer_config(const std::string& path) {
  const auto imported = gateway::import_pgbouncer(path);
  if (!imported) {
    print_problems(imported.error());
    return kUsage;
  }
  std::fputs(gateway::to_toml(imported->config).c_str(), stdout);
  for (const gateway::Problem& note : imported->notes)
    fmt::print(stderr, "note: {}\n", note.text());
  return kOk;
}

}  // namespace sluice::cmd
