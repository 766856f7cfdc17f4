// A GET over HTTP/1.1, as much of it as asking the admin listener takes: one request a connection, an
// answer with a Content-Length or until the end. No redirects, no chunks, no TLS: the listener has none.
#pragma once

#include <string>
#include <string_view>

#include "net/endpoint.h"

namespace sluice::cmd {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

inline constexpr std::size_t kMaxHttpAnswer = 64u << 20;

// Blocks at most until the deadline. `token`: empty, or sent as a bearer's. Errors: not_found and
// unavailable (nobody there), timed_out, connection_lost, protocol_violation (not HTTP, or chunked),
// exhausted (longer than kMaxHttpAnswer).
Result<HttpAnswer> http_get(const net::Endpoint& at, std::string_view path, std::string_view token,
                            Deadline deadline);

// What the bytes of a whole answer say. Errors: protocol_violation, connection_lost (cut short).
Result<HttpAnswer> parse_http_answer(std::string_view bytes);

}  // namespace sluice::cmd
