#include "wire/postgres/frame.h"

#include <string>

namespace sluice::postgres {

Result<std::optional<Head>> head_of(std::string_view bytes, std::uint32_t max_payload) {
  if (bytes.size() < kHeadSize) return std::nullopt;
  std::uint32_t length = 0;
  for (char byte : bytes.substr(1, 4)) length = length << 8 | static_cast<unsigned char>(byte);
  if (length < 4 || length - 4 > max_payload)
    return fail(Code::protocol_violation, "message length " + std::to_string(length) + " of type " +
                                              std::to_string(static_cast<unsigned char>(bytes[0])));
  return Head{bytes[0], length - 4};
}

Result<std::optional<Frame>> next_frame(std::string_view bytes, std::uint32_t max_payload) {
  Result<std::optional<Head>> head = head_of(bytes, max_payload);
  if (!head) return std::unexpected(std::move(head.error()));
  if (!*head || bytes.size() < (*head)->frame_size()) return std::nullopt;
  return Frame{(*head)->type, bytes.substr(kHeadSize, (*head)->payload_size),
               bytes.substr(0, (*head)->frame_size())};
}

void append_text(Buffer& out, std::string_view text) {
  out.append_cstring(text.substr(0, text.find('\0')));
}

}  // namespace sluice::postgres
