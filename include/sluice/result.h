// Errors are values: every operation that can fail returns Result<T>.
//
// An Error is small until somebody looks at it: a code, the operating system's errno where there is
// one, and a detail that names the place. Text is built on the cold path only. A protocol has one
// table that says a Code in its own words (SQLSTATE, -ERR, an HTTP status).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

enum class Code : std::uint8_t {
  invalid_argument,    // the caller or the configuration is wrong; the detail names place and mend
  not_found,           // no such database, user, file, name
  unauthenticated,     // a wrong password, a missing certificate
  permission_denied,   // known, but not allowed
  protocol_violation,  // bytes that the protocol doesn't allow; the connection is lost
  would_block,         // nothing to read or no room to write at this moment
  timed_out,           // a deadline passed
  cancelled,           // the caller or an operator took it back
  connection_lost,     // end of file or reset in the middle
  unavailable,         // nobody answers, or shutting down; another try may succeed
  exhausted,           // a bound was reached: connections, memory, rate
  internal,            // an invariant of our own doesn't hold
};

// The code's name, for logs and metrics: "timed_out".
std::string_view name_of(Code code);

struct Error {
  Code code = Code::internal;
  int os = 0;              // errno, or 0
  std::string detail;      // one sentence without a full stop, naming the place
  std::string state = {};  // the upstream's own word for it (a SQLSTATE), or empty

  // "timed_out: connect to 10.0.0.1:5432 (Connection refused)"
  std::string text() const;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string detail = {}, int os = 0) {
  return std::unexpected<Error>(Error{code, os, std::move(detail)});
}

}  // namespace sluice
