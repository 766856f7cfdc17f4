#include "wire/postgres/sqlstate.h"

#include <algorithm>

namespace sluice::postgres::sqlstate {

std::string_view of(Code code) {
  switch (code) {
    case Code::invalid_argument: return kInvalidParameterValue;
    case Code::not_found: return kInvalidCatalog;
    case Code::unauthenticated: return kInvalidPassword;
    case Code::permission_denied: return kInsufficientPrivilege;
    case Code::protocol_violation: return kProtocolViolation;
    case Code::would_block: return kInternalError;  // never meant for a client
    case Code::timed_out: return kQueryCanceled;
    case Code::cancelled: return kQueryCanceled;
    case Code::connection_lost: return kConnectionFailure;
    case Code::unavailable: return kCannotConnectNow;
    case Code::exhausted: return kTooManyConnections;
    case Code::internal: return kInternalError;
  }
  return kInternalError;
}

bool well_formed(std::string_view sqlstate) {
  return sqlstate.size() == 5 && std::ranges::all_of(sqlstate, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

}  // namespace sluice::postgres::sqlstate
