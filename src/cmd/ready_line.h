// The line that `sluice serve` prints when it is ready.
#pragma once

#include <string>
#include <vector>

namespace sluice::cmd {

// "sluice 0.1.0 ready: postgres 127.0.0.1:6432, /run/x/.s.PGSQL.6432, admin 127.0.0.1:8001" from
// "postgres 127.0.0.1:6432", ...: each kind once, in the order they come, TCP before Unix sockets.
std::string ready_line(const std::vector<std::string>& addresses);

}  // namespace sluice::cmd
