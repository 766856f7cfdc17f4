// The first packet of a connection: it has no type byte, because protocol 1 had none.
//
// It is a start, a request for encryption (after whose answer another first packet follows), or a
// cancel, which comes on a connection of its own and gets no answer. A client sends it before it has
// proved anything, so the bounds are tight: 10,000 bytes, as in the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "sluice/result.h"

namespace sluice::postgres {

inline constexpr std::size_t kMaxFirstPacket = 10'000;  // MAX_STARTUP_PACKET_LENGTH
inline constexpr std::size_t kMaxCancelSecret = 256;    // protocol 3.2
inline constexpr std::uint16_t kNewestMinor = 2;        // what we speak: 3.0 and 3.2
inline constexpr std::uint32_t kCancelRequestCode = 80877102;
inline constexpr std::uint32_t kSslRequestCode = 80877103;
inline constexpr std::uint32_t kGssEncRequestCode = 80877104;

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct SslRequest {
  bool operator==(const SslRequest&) const = default;
};
struct GssEncRequest {
  bool operator==(const GssEncRequest&) const = default;
};
struct CancelKey {
  std::uint32_t pid = 0;
  std::string secret;  // raw bytes: 4 in protocol 3.0, up to 256 in 3.2
  bool operator==(const CancelKey&) const = default;
};
struct Startup {
  std::uint16_t major = 3, minor = 0;
  Parameters parameters;                              // in the order sent; empty unless major is 3
  std::vector<std::string> unknown_protocol_options;  // names that begin with "_pq_."
  // The last value sent under that name, as the server takes it; nullptr if there is none.
  const std::string* find(std::string_view name) const;
  // The client asked for something that only a NegotiateProtocolVersion can answer.
  bool needs_negotiation() const {
    return minor > kNewestMinor || !unknown_protocol_options.empty();
  }
  bool operator==(const Startup&) const = default;
};

using FirstPacket = std::variant<SslRequest, GssEncRequest, CancelKey, Startup>;

// The packet at the front, nullopt while a part is missing; `consumed` is its size then, else 0.
// protocol_violation as soon as the length is out of bounds, or for a layout the server would refuse.
Result<std::optional<FirstPacket>> read_first_packet(std::string_view bytes, std::size_t& consumed);

// A TLS handshake instead of a first packet (direct TLS, PostgreSQL 17).
inline bool is_direct_tls(std::string_view bytes) { return !bytes.empty() && bytes[0] == 0x16; }

// The settings in a start's `options`: "-c a=b -ca=b --c-d=e", blanks and backslashes escaped by a
// backslash, dashes in a name read as underscores. invalid_argument names what isn't a setting.
Result<Parameters> parse_options(std::string_view options);

void append_startup(Buffer& out, const Parameters& parameters, std::uint16_t minor = 0);
void append_ssl_request(Buffer& out);
void append_cancel_request(Buffer& out, const CancelKey& key);
// The answer to an unknown minor version or unknown "_pq_." options, sent once before authentication.
void append_negotiate_version(Buffer& out, std::uint16_t newest_minor,
                              const std::vector<std::string>& options);

}  // namespace sluice::postgres
