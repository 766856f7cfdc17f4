// PgBouncer's ini dialect: sections, key = value, ; and # comments on lines of their own, %include.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config_load.h"

namespace sluice::gateway {

struct IniEntry {
  std::string section;  // lower case
  std::string key;      // a quoted name without its quotes
  std::string value;    // trimmed
  std::string file;
  int line = 0;
};

// How files are read: read_small_file, or a test's own.
using ReadFile = std::function<Result<std::string>(const std::string& path)>;

// All entries in order, those of included files where they are included. Relative files start at the
// folder of the file that names them.
std::expected<std::vector<IniEntry>, std::vector<Problem>> parse_ini(const std::string& path,
                                                                     const ReadFile& read);

// "host=db1 port=5432 connect_query='select ''x'''": names are lower case. The error says what is wrong.
std::expected<std::vector<std::pair<std::string, std::string>>, std::string> parse_pairs(
    std::string_view text);

std::string beside(const std::string& file, std::string_view path);

}  // namespace sluice::gateway
