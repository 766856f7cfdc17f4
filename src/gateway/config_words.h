// The words of the configuration's enums, in order of their values.
#pragma once

#include <string_view>

namespace sluice::gateway {

inline constexpr std::string_view kLogLevels[] = {"debug", "info", "warn", "error"};
inline constexpr std::string_view kLogFormats[] = {"text", "json"};
inline constexpr std::string_view kPoolModes[] = {"session", "transaction"};
inline constexpr std::string_view kMultiplexes[] = {"auto", "reads", "all", "off"};
inline constexpr std::string_view kAutoPrepares[] = {"auto", "off"};
inline constexpr std::string_view kTlsModes[] = {"disable", "allow",     "prefer",
                                                 "require", "verify-ca", "verify-full"};
inline constexpr std::string_view kAuthMethods[] = {"auto",          "trust", "password",   "md5",
                                                    "scram-sha-256", "cert",  "passthrough"};
inline constexpr std::string_view kReplications[] = {"refuse", "passthrough"};
inline constexpr std::string_view kBalanceStrategies[] = {"primary"};
inline constexpr std::string_view kServerSockets[] = {"auto", "off"};
inline constexpr std::string_view kCacheModes[] = {"off"};
inline constexpr std::string_view kRedacts[] = {"none", "auto", "all"};

}  // namespace sluice::gateway
