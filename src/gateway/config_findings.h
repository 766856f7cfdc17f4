// What loading a configuration finds wrong, and where each key was set, so that a check across keys
// can still name file, line and column.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config_load.h"

namespace sluice::gateway {

struct Place {
  std::string file;
  int line = 0, column = 0;
  std::string key;  // as the user wrote it: "postgres[0].pool.max", "SLUICE_POSTGRES_POOL_MAX"
};

class Findings {
 public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  // Where `key` was set last: later layers overwrite.
  void set_at(const std::string& key, Place place) { places_[key] = std::move(place); }
  bool was_set(const std::string& key) const { return places_.contains(key); }

  // Whether the layer of that name set it.
  bool came_from(const std::string& key, std::string_view file) const {
    const auto found = places_.find(key);
    return found != places_.end() && found->second.file == file;
  }

  // At the key's place, or its section's. The first problem of a key hides those that follow from it.
  void problem(const std::string& key, std::string message);
  void warning(const std::string& key, std::string message);
  bool failed(const std::string& key) const { return failed_.contains(key); }

  // At a place of the caller's own; nothing is hidden.
  void problem_at(Place place, std::string message);
  void warning_at(Place place, std::string message);

  std::vector<Problem> problems() const;  // in the order of the file
  std::vector<Problem> warnings() const { return warnings_; }
  bool ok() const { return problems_.empty(); }

 private:
  Place place_of(const std::string& key) const;

  std::string file_;
  std::map<std::string, Place> places_;
  std::set<std::string> failed_;
  std::vector<Problem> problems_, warnings_;
};

// What no single key shows: bounds that contradict, addresses used twice, files that can't be read.
void check_config(const Config& config, Findings& findings);

}  // namespace sluice::gateway
