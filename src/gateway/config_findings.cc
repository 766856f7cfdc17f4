#include "gateway/config_findings.h"

#include <algorithm>
#include <tuple>

namespace sluice::gateway {
namespace {

Problem problem_of(Place place, std::string message) {
  return {std::move(place.file), place.line, place.column, std::move(place.key),
          std::move(message)};
}

}  // namespace

Place Findings::place_of(const std::string& key) const {
  if (auto found = places_.find(key); found != places_.end()) return found->second;
  for (auto section = key; !section.empty();) {
    const auto dot = section.rfind('.');
    section.resize(dot == section.npos ? 0 : dot);
    if (auto found = places_.find(section); found != places_.end())
      return {found->second.file, found->second.line, found->second.column, key};
  }
  return {file_, 0, 0, key};
}

void Findings::problem(const std::string& key, std::string message) {
  if (failed_.insert(key).second)
    problems_.push_back(problem_of(place_of(key), std::move(message)));
}

void Findings::warning(const std::string& key, std::string message) {
  warnings_.push_back(problem_of(place_of(key), std::move(message)));
}

void Findings::problem_at(Place place, std::string message) {
  failed_.insert(place.key);
  problems_.push_back(problem_of(std::move(place), std::move(message)));
}

void Findings::warning_at(Place place, std::string message) {
  warnings_.push_back(problem_of(std::move(place), std::move(message)));
}

std::vector<Problem> Findings::problems() const {
  auto sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [this](const Problem& a, const Problem& b) {
    return std::tuple(a.file != file_, a.line, a.column) <
           std::tuple(b.file != file_, b.line, b.column);
  });
  return sorted;
}

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  if (!out.empty()) out += ": ";
  if (!key.empty()) out += key + ": ";
  return out + message;
}

std::string text_of(const std::vector<Problem>& problems) {
  std::string out;
  for (const auto& problem : problems) out += problem.text() + "\n";
  return out;
}

}  // namespace sluice::gateway
