#include "session/postgres_error.h"

#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

// By SQLSTATE's class where the class decides.
Code code_of(std::string_view state) {
  if (state == sqlstate::kTooManyConnections) return Code::exhausted;
  if (state == sqlstate::kInvalidCatalog) return Code::not_found;
  if (state == sqlstate::kQueryCanceled) return Code::cancelled;
  if (state == sqlstate::kInsufficientPrivilege) return Code::permission_denied;
  if (state.starts_with("28")) return Code::unauthenticated;
  if (state.starts_with("57P") || state.starts_with("53")) return Code::unavailable;
  if (state.starts_with("08P")) return Code::protocol_violation;
  if (state.starts_with("08")) return Code::connection_lost;
  return Code::invalid_argument;
}

}  // namespace

Error error_of(const ErrorFields& fields) {
  return {code_of(fields.sqlstate), 0, std::string(fields.message), std::string(fields.sqlstate)};
}

ErrorReport report_of(const Error& error, std::string severity) {
  ErrorReport report{.severity = std::move(severity)};
  report.sqlstate = error.state.empty() ? std::string(sqlstate::of(error.code)) : error.state;
  report.message = error.detail.empty() ? std::string(name_of(error.code)) : error.detail;
  return report;
}

}  // namespace sluice::postgres
