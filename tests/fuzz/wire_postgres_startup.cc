// What a stranger may send first: the untyped packet, and the options inside a start.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/postgres/startup.h"

namespace {

using namespace sluice;
using namespace sluice::postgres;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_start(const Startup& start, std::string_view packet) {
  if (const std::string* options = start.find("options")) (void)parse_options(*options).has_value();
  if (start.major != 3 || !start.unknown_protocol_options.empty()) return;
  Buffer out;
  append_startup(out, start.parameters, start.minor);
  require(out.view() == packet);
}

void check_packet(std::string_view bytes) {
  std::size_t consumed = 0;
  auto packet = read_first_packet(bytes, consumed);
  if (!packet || !*packet) {
    require(consumed == 0);
    return;
  }
  require(consumed >= 8 && consumed <= bytes.size() && consumed <= kMaxFirstPacket);
  std::size_t less = 0;  // a byte short of it, nothing is read
  auto early = read_first_packet(bytes.substr(0, consumed - 1), less);
  require(early && !*early && less == 0);
  Buffer out;
  if (auto* start = std::get_if<Startup>(&**packet)) check_start(*start, bytes.substr(0, consumed));
  if (auto* key = std::get_if<CancelKey>(&**packet)) append_cancel_request(out, *key);
  if (std::holds_alternative<SslRequest>(**packet)) append_ssl_request(out);
  require(out.empty() || out.view() == bytes.substr(0, consumed));
}

// What was understood, written back with everything escaped, is understood the same.
void check_options(std::string_view text) {
  auto settings = parse_options(text);
  if (!settings) return;
  std::string again;
  for (const auto& [name, value] : *settings) {
    again += "-c ";
    for (char c : name + "=" + value) again.append("\\").append(1, c);
    again += ' ';
  }
  auto same = parse_options(again);
  require(same && *same == *settings);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_packet(bytes);
  check_options(bytes);
  return 0;
}
