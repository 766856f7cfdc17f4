// SQLSTATE: how PostgreSQL names a failure, and the one table that says our own codes in it.
//
// Drivers and frameworks decide by these five characters whether to retry, reconnect or give up, so a
// proxy has to choose them as the server would.
#pragma once

#include <string_view>

#include "sluice/result.h"

namespace sluice::postgres::sqlstate {

inline constexpr std::string_view kSuccess = "00000";
inline constexpr std::string_view kWarning = "01000";
inline constexpr std::string_view kConnectionException = "08000";
inline constexpr std::string_view kUnableToConnect = "08001";
inline constexpr std::string_view kConnectionRejected = "08004";
inline constexpr std::string_view kConnectionFailure = "08006";
inline constexpr std::string_view kProtocolViolation = "08P01";
inline constexpr std::string_view kFeatureNotSupported = "0A000";
inline constexpr std::string_view kInvalidParameterValue = "22023";
inline constexpr std::string_view kActiveTransaction = "25001";
inline constexpr std::string_view kReadOnlyTransaction = "25006";
inline constexpr std::string_view kIdleInTransaction = "25P03";
inline constexpr std::string_view kInFailedTransaction = "25P02";
inline constexpr std::string_view kUndefinedPreparedStatement = "26000";
inline constexpr std::string_view kInvalidAuthorization = "28000";
inline constexpr std::string_view kInvalidPassword = "28P01";
inline constexpr std::string_view kUndefinedCursor = "34000";
inline constexpr std::string_view kInvalidCatalog = "3D000";
inline constexpr std::string_view kSerializationFailure = "40001";
inline constexpr std::string_view kDeadlockDetected = "40P01";
inline constexpr std::string_view kInsufficientPrivilege = "42501";
inline constexpr std::string_view kSyntaxError = "42601";
inline constexpr std::string_view kUndefinedObject = "42704";
inline constexpr std::string_view kDuplicateCursor = "42P03";
inline constexpr std::string_view kDuplicatePreparedStatement = "42P05";
inline constexpr std::string_view kInsufficientResources = "53000";
inline constexpr std::string_view kOutOfMemory = "53200";
inline constexpr std::string_view kTooManyConnections = "53300";
inline constexpr std::string_view kConfigurationLimit = "53400";
inline constexpr std::string_view kProgramLimitExceeded = "54000";
inline constexpr std::string_view kLockNotAvailable = "55P03";
inline constexpr std::string_view kQueryCanceled = "57014";
inline constexpr std::string_view kAdminShutdown = "57P01";
inline constexpr std::string_view kCrashShutdown = "57P02";
inline constexpr std::string_view kCannotConnectNow = "57P03";
inline constexpr std::string_view kDatabaseDropped = "57P04";
inline constexpr std::string_view kIdleSessionTimeout = "57P05";
inline constexpr std::string_view kInternalError = "XX000";

// What a client is told for an error of ours. A place that knows better uses a constant: a full pool
// is kTooManyConnections, a client that idles kIdleSessionTimeout.
std::string_view of(Code code);

// Five of 0-9 and A-Z.
bool well_formed(std::string_view sqlstate);

}  // namespace sluice::postgres::sqlstate
