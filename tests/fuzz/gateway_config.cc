// A configuration file of any content: sluice.toml, or pgbouncer.ini after a first line of ";ini". What
// loads reads back the same from what is written of it; nothing throws.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gateway/config_load.h"
#include "gateway/pgbouncer_import.h"

namespace {

using namespace sluice;
using namespace sluice::gateway;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_written(const Config& config, bool must_load) {
  LoadOptions options;
  options.text = to_toml(config);
  auto again = load_config(options);
  if (again)
    require(again->config == config);
  else
    require(!must_load);
  require(!explain(config).empty());
}

void check_toml(std::string text) {
  LoadOptions options;
  options.text = std::move(text);
  auto loaded = load_config(options);
  if (loaded)
    check_written(loaded->config, true);
  else
    require(!text_of(loaded.error()).empty());
}

void check_ini(const std::string& text) {
  auto read = [&](const std::string& path) -> Result<std::string> {
    if (path == "main.ini") return text;
    return fail(Code::not_found, "no such file");
  };
  // What it names, addresses and files, may not suit the checks that a start makes.
  if (auto imported = import_pgbouncer("main.ini", read)) check_written(imported->config, false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // Loading opens the files that a configuration names, and some of a system's block for ever.
  if (text.find("/dev") != text.npos || text.find("\\u") != text.npos ||
      text.find("\\U") != text.npos)
    return 0;
  if (text.starts_with(";ini\n"))
    check_ini(text);
  else
    check_toml(text);
  return 0;
}
