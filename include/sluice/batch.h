// Flights: the fourth stage. Equal requests that are under way at the same time share one answer.
//
// So far nothing is shared: every request leads a flight of its own.
#pragma once

#include <string_view>

namespace sluice {

// One request's part in a flight. The leader asks the upstream; followers wait for its answer.
class Flight {
 public:
  bool follower() const { return false; }
  // The leader's answer is there, or failed.
  void land(bool /*answered*/) {}
};

// Thread-safe.
class Flights {
 public:
  // `key` holds everything that can change the answer.
  Flight join(std::string_view /*key*/) { return {}; }
};

}  // namespace sluice
