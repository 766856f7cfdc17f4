#include "cmd/finding.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::cmd {
namespace {

std::string_view name_of(Grade grade) {
  return grade == Grade::ok ? "OK" : grade == Grade::warn ? "WARN" : "FAIL";
}

}  // namespace

std::string text_of(std::span<const Finding> findings) {
  std::string out;
  for (const Finding& f : findings) {
    out += fmt::format("{:<5} {}: {}\n", name_of(f.grade), f.subject, f.detail);
    if (!f.mend.empty()) out += fmt::format("      -> {}\n", f.mend);
  }
  return out;
}

std::string json_of(std::span<const Finding> findings) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& f : findings)
    list.push_back({{"grade", name_of(f.grade)},
                    {"subject", f.subject},
                    {"detail", f.detail},
                    {"mend", f.mend}});
  const nlohmann::ordered_json out = {{"ok", !any_failed(findings)}, {"findings", list}};
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool any_failed(std::span<const Finding> findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& f) { return f.grade == Grade::fail; });
}

}  // namespace sluice::cmd
