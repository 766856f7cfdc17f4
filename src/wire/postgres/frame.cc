#include "wire/postgres/frame.h"

#include <bit>
#include <string>

namespace sluice::postgres {

static_assert(std::endian::native == std::endian::little);  // head_of() turns bytes around

std::unexpected<Error> wrong_length(char type, std::uint32_t length) {
  return fail(Code::protocol_violation, "message length " + std::to_string(length) + " of type " +
                                            std::to_string(static_cast<unsigned char>(type)));
}

Result<std::optional<Frame>> next_frame(std::string_view bytes, std::uint32_t max_payload) {
  Result<std::optional<Head>> head = head_of(bytes, max_payload);
  if (!head) return std::unexpected(std::move(head.error()));
  if (!*head) return std::nullopt;
  return frame_behind(**head, bytes);
}

void append_text(Buffer& out, std::string_view text) {
  out.append_cstring(text.substr(0, text.find('\0')));
}

}  // namespace sluice::postgres
