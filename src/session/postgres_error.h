// How failures of ours and of servers are told to a PostgreSQL client.
#pragma once

#include "sluice/result.h"
#include "wire/postgres/backend.h"

namespace sluice::postgres {

// A server's ErrorResponse as an Error; its SQLSTATE stays in `state`.
Error error_of(const ErrorFields& fields);

// What a client is told: the server's own SQLSTATE if there is one, else ours.
ErrorReport report_of(const Error& error, std::string severity = "ERROR");

}  // namespace sluice::postgres
