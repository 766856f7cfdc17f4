// Frames: how PostgreSQL's protocol 3 cuts a stream into messages.
//
// Behind the untyped first packet (startup.h) each message is a type byte, a 32-bit length that counts
// itself but not the type, and a payload. A proxy mostly needs the head alone: it decides by the type,
// then lets the payload stream by, so head_of() asks for five bytes and next_frame() for all of them.
// Nothing here copies: views point into the caller's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "sluice/result.h"

namespace sluice::postgres {

inline constexpr std::size_t kHeadSize = 5;  // type and length
inline constexpr std::uint32_t kMaxPayload =
    0x3fffffff;  // MaxAllocSize: the bound of the server itself

struct Head {
  char type = 0;
  std::uint32_t payload_size = 0;
  std::size_t frame_size() const { return payload_size + kHeadSize; }
};

struct Frame {
  char type = 0;
  std::string_view payload;
  std::string_view bytes;  // head and payload
};

std::unexpected<Error> wrong_length(char type, std::uint32_t length);

// The head at the front, nullopt while fewer than five bytes are here.
// protocol_violation: a length below 4, or a payload above max_payload. Inline: a proxied request
// comes by here twenty times.
inline Result<std::optional<Head>> head_of(std::string_view bytes,
                                           std::uint32_t max_payload = kMaxPayload) {
  if (bytes.size() < kHeadSize) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 1, sizeof length);
  length = __builtin_bswap32(length);
  if (length < 4 || length - 4 > max_payload) return wrong_length(bytes[0], length);
  return Head{bytes[0], length - 4};
}

// The message at the front whose head was read, nullopt while a part of it is missing.
inline std::optional<Frame> frame_behind(const Head& head, std::string_view bytes) {
  if (bytes.size() < head.frame_size()) return std::nullopt;
  return Frame{head.type, bytes.substr(kHeadSize, head.payload_size),
               bytes.substr(0, head.frame_size())};
}

// The whole message at the front, nullopt while a part of it is missing. Errors as head_of().
Result<std::optional<Frame>> next_frame(std::string_view bytes,
                                        std::uint32_t max_payload = kMaxPayload);

// Writes a message in place: open, append the payload, close.
//   FrameWriter frame(out, 'Q');  out.append_cstring(text);      // closed by the destructor
// REQUIRES: nothing is consumed from the buffer meanwhile.
class FrameWriter {
 public:
  FrameWriter(Buffer& out, char type) : out_(out) {
    out_.append(type);
    length_at_ = out_.size();
    out_.append_u32(0);
  }
  ~FrameWriter() { out_.put_u32(length_at_, static_cast<std::uint32_t>(out_.size() - length_at_)); }
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

 private:
  Buffer& out_;
  std::size_t length_at_;
};

// NUL-terminated; what stands behind a NUL inside the text is cut off, since the protocol can't say it.
void append_text(Buffer& out, std::string_view text);

}  // namespace sluice::postgres
