#include "cmd/ready_line.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::cmd {

std::string ready_line(const std::vector<std::string>& addresses) {
  std::vector<std::pair<std::string, std::vector<std::string>>> kinds;
  for (const std::string& entry : addresses) {
    const auto space = entry.find(' ');
    const std::string kind = entry.substr(0, space);
    auto at =
        std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.first == kind; });
    if (at == kinds.end()) at = kinds.insert(kinds.end(), {kind, {}});
    if (space != entry.npos) at->second.push_back(entry.substr(space + 1));
  }
  std::string line = fmt::format("sluice {} ready:", SLUICE_VERSION);
  for (auto& [kind, list] : kinds) {
    std::stable_partition(list.begin(), list.end(),
                          [](const std::string& a) { return !a.starts_with('/'); });
    line += fmt::format("{} {} {}", line.ends_with(':') ? "" : ",", kind, fmt::join(list, ", "));
  }
  return line;
}

}  // namespace sluice::cmd
