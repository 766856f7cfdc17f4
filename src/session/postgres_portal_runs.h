// PortalRuns: executions that a client has bound and not run to their end, by portal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::postgres {

// One fiber. Few portals are open at a time, mostly one without a name.
class PortalRuns {
 public:
  static constexpr std::size_t kMost = 64;  // beyond: the oldest isn't counted

  // In place of the portal's last one. `suspended`: it came to its row limit and may go on.
  void put(std::string_view portal, query::RunRef run, bool suspended = false);
  query::RunRef take(std::string_view portal);  // null: nothing is known of it
  void close_suspended();                       // the transaction is over: they have ended
  void clear() { runs_.clear(); }

 private:
  struct Bound {
    std::string portal;
    query::RunRef run;
    bool suspended = false;
  };
  std::vector<Bound> runs_;
};

}  // namespace sluice::postgres
