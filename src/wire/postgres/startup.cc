#include "wire/postgres/startup.h"

#include <algorithm>
#include <ranges>

#include "wire/postgres/frame.h"
#include "wire/postgres/reader.h"

namespace sluice::postgres {
namespace {

constexpr std::uint16_t kMajor = 3;

std::uint32_t version(std::uint16_t minor) { return std::uint32_t{kMajor} << 16 | minor; }

// Name and value pairs, then an empty name as the last byte (pg: ProcessStartupPacket).
Result<FirstPacket> read_startup(std::uint32_t version, Reader body) {
  Startup start;
  start.major = static_cast<std::uint16_t>(version >> 16);
  start.minor = static_cast<std::uint16_t>(version);
  if (start.major != kMajor) return start;  // laid out differently; the caller refuses the version
  for (std::string_view name = body.cstring(); !name.empty(); name = body.cstring()) {
    std::string_view value = body.cstring();
    if (!body.ok()) break;
    if (name.starts_with("_pq_."))
      start.unknown_protocol_options.emplace_back(name);
    else
      start.parameters.emplace_back(name, value);
  }
  if (!body.done())
    return fail(Code::protocol_violation, "startup packet: the terminator isn't the last byte");
  return start;
}

Result<FirstPacket> read_cancel(Reader body) {
  CancelKey key{body.u32(), std::string(body.rest())};
  if (!body.ok() || key.secret.empty() || key.secret.size() > kMaxCancelSecret)
    return fail(Code::protocol_violation, "cancel request: a key of an impossible size");
  return key;
}

Result<FirstPacket> read_body(std::string_view bytes) {
  Reader body(bytes);
  std::uint32_t code = body.u32();
  if (code == kCancelRequestCode) return read_cancel(body);
  if (code != kSslRequestCode && code != kGssEncRequestCode) return read_startup(code, body);
  if (!body.done()) return fail(Code::protocol_violation, "encryption request with a body");
  if (code == kSslRequestCode) return SslRequest{};
  return GssEncRequest{};
}

// As isspace() in the C locale, which is what the server splits by.
bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Words split at blanks; a backslash takes the next character as it is (pg: pg_split_opts).
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::size_t i = 0;
  while (true) {
    while (i < text.size() && blank(text[i])) ++i;
    if (i == text.size()) return words;
    std::string& word = words.emplace_back();
    for (; i < text.size() && !blank(text[i]); ++i) {
      if (text[i] == '\\' && ++i == text.size()) break;
      word += text[i];
    }
  }
}

Result<std::pair<std::string, std::string>> setting_of(std::string_view text) {
  std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fail(Code::invalid_argument, "options: '" + std::string(text) + "' isn't name=value");
  std::string name(text.substr(0, equals));
  std::ranges::replace(name, '-', '_');
  return std::pair(std::move(name), std::string(text.substr(equals + 1)));
}

}  // namespace

const std::string* Startup::find(std::string_view name) const {
  for (const auto& [key, value] : std::views::reverse(parameters))
    if (key == name) return &value;
  return nullptr;
}

Result<std::optional<FirstPacket>> read_first_packet(std::string_view bytes,
                                                     std::size_t& consumed) {
  consumed = 0;
  if (bytes.size() < 4) return std::nullopt;
  std::uint32_t length = Reader(bytes).u32();
  if (length < 8 || length > kMaxFirstPacket)
    return fail(Code::protocol_violation, "first packet of " + std::to_string(length) + " bytes");
  if (bytes.size() < length) return std::nullopt;
  Result<FirstPacket> packet = read_body(bytes.substr(4, length - 4));
  if (!packet) return std::unexpected(std::move(packet.error()));
  consumed = length;
  return std::move(*packet);
}

Result<Parameters> parse_options(std::string_view options) {
  Parameters settings;
  std::vector<std::string> words = words_of(options);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word == "-c" && i + 1 < words.size())
      word = words[++i];
    else if ((word.starts_with("-c") || word.starts_with("--")) && word.size() > 2)
      word.remove_prefix(2);
    else
      return fail(Code::invalid_argument, "options: '" + std::string(word) + "' isn't a setting");
    auto setting = setting_of(word);
    if (!setting) return std::unexpected(std::move(setting.error()));
    settings.push_back(std::move(*setting));
  }
  return settings;
}

void append_startup(Buffer& out, const Parameters& parameters, std::uint16_t minor) {
  std::size_t at = out.size();
  out.append_u32(0);
  out.append_u32(version(minor));
  for (const auto& [name, value] : parameters) {
    if (name.empty() || name[0] == '\0') continue;  // it would read as the end
    append_text(out, name);
    append_text(out, value);
  }
  out.append('\0');
  out.put_u32(at, static_cast<std::uint32_t>(out.size() - at));
}

void append_ssl_request(Buffer& out) {
  out.append_u32(8);
  out.append_u32(kSslRequestCode);
}

void append_cancel_request(Buffer& out, const CancelKey& key) {
  out.append_u32(static_cast<std::uint32_t>(12 + key.secret.size()));
  out.append_u32(kCancelRequestCode);
  out.append_u32(key.pid);
  out.append(key.secret);
}

// The number is a whole version, 3 << 16 | minor, as the server sends it.
void append_negotiate_version(Buffer& out, std::uint16_t newest_minor,
                              const std::vector<std::string>& options) {
  FrameWriter frame(out, 'v');
  out.append_u32(version(newest_minor));
  out.append_u32(static_cast<std::uint32_t>(options.size()));
  for (const std::string& option : options) append_text(out, option);
}

}  // namespace sluice::postgres
