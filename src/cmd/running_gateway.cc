#include "cmd/running_gateway.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/parse.h"
#include "cmd/configuration.h"
#include "cmd/exit_code.h"
#include "cmd/http_get.h"

namespace sluice::cmd {
namespace {

constexpr std::uint16_t kAdminPort = 8001;
constexpr Duration kPatience = std::chrono::seconds(5);

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(Code::invalid_argument, fmt::format("token file {} can't be read", path));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return std::string(trim(text));
}

// A line end inside would become a header of its own.
bool sendable(std::string_view token) {
  for (const char c : token)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

Result<GatewayOptions> from_configuration(GatewayOptions options) {
  Source source;
  source.config = options.config;
  const auto loaded = load(source);
  if (!loaded) {
    print_problems(loaded.error());
    return fail(Code::invalid_argument, fmt::format("{} can't be used", options.config));
  }
  if (options.admin.empty()) options.admin = loaded->config.admin.listen;
  if (options.token.empty() && options.token_file.empty())
    options.token = loaded->config.admin.token;
  return options;
}

}  // namespace

Result<RunningGateway> RunningGateway::find(const GatewayOptions& given) {
  GatewayOptions options = given;
  if (!options.config.empty()) {
    auto configured = from_configuration(std::move(options));
    if (!configured) return std::unexpected(configured.error());
    options = std::move(*configured);
  }
  if (options.admin.empty()) options.admin = variable("SLUICE_ADMIN_LISTEN");
  if (options.admin.empty()) options.admin = "127.0.0.1:8001";
  if (options.token.empty() && options.token_file.empty()) {
    options.token = variable("SLUICE_ADMIN_TOKEN");
    if (options.token.empty()) options.token_file = variable("SLUICE_ADMIN_TOKEN_FILE");
  }
  RunningGateway gateway;
  auto at = net::Endpoint::parse(options.admin, kAdminPort);
  if (!at) return fail(Code::invalid_argument, "--admin: " + at.error().detail);
  gateway.at_ = std::move(*at);
  gateway.token_ = options.token;
  if (!options.token_file.empty()) {
    auto token = read_token(options.token_file);
    if (!token) return std::unexpected(token.error());
    gateway.token_ = std::move(*token);
  }
  if (!sendable(gateway.token_))
    return fail(Code::invalid_argument, "the token has a control character in it");
  return gateway;
}

Result<std::string> RunningGateway::ask(std::string_view path) const {
  auto answer = http_get(at_, path, token_, now() + kPatience);
  if (!answer) {
    Error error = answer.error();
    error.detail = fmt::format("{}: {}", address(), error.detail);
    return std::unexpected(std::move(error));
  }
  if (answer->status == 200 || (answer->status == 503 && path == "/health"))
    return std::move(answer->body);
  const std::string what = fmt::format("{}{} answers with {}", address(), path, answer->status);
  if (answer->status == 401) return fail(Code::unauthenticated, what);
  if (answer->status == 404) return fail(Code::not_found, what);
  return fail(Code::unavailable, what);
}

std::string complaint(const Error& error) {
  std::string mend;
  if (error.code == Code::unauthenticated) {
    mend = "the token is missing or wrong: --token-file FILE, or SLUICE_ADMIN_TOKEN";
  } else if (error.code == Code::unavailable || error.code == Code::timed_out) {
    mend =
        "is `sluice serve` running, and is that its admin.listen? --admin HOST:PORT names another";
  } else if (error.code == Code::protocol_violation || error.code == Code::not_found) {
    mend = "is that the admin listener (admin.listen) of a Sluice of this version?";
  }
  return mend.empty() ? error.text() : error.text() + "; " + mend;
}

int complain(const Error& error) {
  std::fprintf(stderr, "sluice: %s\n", complaint(error).c_str());
  return error.code == Code::invalid_argument ? kUsage : kFailure;
}

}  // namespace sluice::cmd
