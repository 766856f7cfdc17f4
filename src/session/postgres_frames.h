// Reading whole frames on a fiber: for logins, where each side waits for the other.
#pragma once

#include <optional>

#include "base/buffer.h"
#include "net/stream.h"
#include "wire/postgres/frame.h"

namespace sluice::postgres {

// The next whole frame; it stays valid until the following call. Bytes that arrive behind it stay in
// `in`. protocol_violation for a payload above `max`.
inline Result<Frame> read_frame(net::Stream& stream, Buffer& in, std::size_t& consumed,
                                std::uint32_t max, Deadline deadline) {
  in.consume(std::exchange(consumed, 0));
  for (;;) {
    auto frame = next_frame(in.view(), max);
    if (!frame) return std::unexpected(frame.error());
    if (*frame) {
      consumed = (*frame)->bytes.size();
      return **frame;
    }
    if (auto more = stream.read(in, deadline); !more) return std::unexpected(more.error());
  }
}

}  // namespace sluice::postgres
