// The gateway that runs already: `sluice top` and `sluice report` ask its admin listener.
#pragma once

#include <string>
#include <string_view>

#include "net/endpoint.h"

namespace sluice::cmd {

// As on the command line; what is empty comes from the configuration, if one is named, else from the
// environment (SLUICE_ADMIN_LISTEN, SLUICE_ADMIN_TOKEN, SLUICE_ADMIN_TOKEN_FILE), else it is
// 127.0.0.1:8001 without a token.
struct GatewayOptions {
  std::string admin, token, token_file, config;
};

// One thread.
class RunningGateway {
 public:
  // Errors: invalid_argument (address, token file or configuration can't be read).
  static Result<RunningGateway> find(const GatewayOptions& options);

  // The JSON that stands at a path. Errors: those of http_get(), unauthenticated, not_found,
  // unavailable for what isn't 200 (but /health's 503 is an answer).
  Result<std::string> ask(std::string_view path) const;

  std::string address() const { return at_.text(); }

 private:
  net::Endpoint at_;
  std::string token_;
};

// What went wrong and what mends it, on standard error; the program's exit code.
int complain(const Error& error);
std::string complaint(const Error& error);

}  // namespace sluice::cmd
