// Names and texts of errors: the cold path of sluice/result.h.
#include "sluice/result.h"

#include <system_error>

namespace sluice {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::invalid_argument: return "invalid_argument";
    case Code::not_found: return "not_found";
    case Code::unauthenticated: return "unauthenticated";
    case Code::permission_denied: return "permission_denied";
    case Code::protocol_violation: return "protocol_violation";
    case Code::would_block: return "would_block";
    case Code::timed_out: return "timed_out";
    case Code::cancelled: return "cancelled";
    case Code::connection_lost: return "connection_lost";
    case Code::unavailable: return "unavailable";
    case Code::exhausted: return "exhausted";
    case Code::internal: return "internal";
  }
  return "unknown";
}

std::string Error::text() const {
  std::string out(name_of(code));
  if (!detail.empty()) {
    out += ": ";
    out += detail;
  }
  if (!state.empty()) {
    out += " [";
    out += state;
    out += ']';
  }
  if (os != 0) {
    out += " (";
    out += std::generic_category().message(os);  // thread-safe, unlike strerror
    out += ')';
  }
  return out;
}

}  // namespace sluice
