// Reader: takes fields off a payload, left to right, never past its end.
//
// The first field that doesn't fit makes the reader fail for good: from then on every field reads as
// zero or empty, and done() is false. So a message is decoded in a straight line and checked once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::postgres {

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t u32() { return big_endian(4); }
  std::string_view bytes(std::size_t n) {
    if (!ok_ || n > left_.size()) return give_up();
    std::string_view taken = left_.substr(0, n);
    left_.remove_prefix(n);
    return taken;
  }
  // Up to the next NUL, which is taken too.
  std::string_view cstring() {
    std::size_t end = left_.find('\0');
    if (!ok_ || end == std::string_view::npos) return give_up();
    std::string_view text = left_.substr(0, end);
    left_.remove_prefix(end + 1);
    return text;
  }
  // All that is left.
  std::string_view rest() { return bytes(left_.size()); }
  std::size_t left() const { return left_.size(); }
  void reject() { give_up(); }

  bool ok() const { return ok_; }
  // Everything fitted and nothing is left over.
  bool done() const { return ok_ && left_.empty(); }

 private:
  std::uint32_t big_endian(std::size_t n) {
    std::uint32_t value = 0;
    for (char byte : bytes(n)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  std::string_view give_up() {
    ok_ = false;
    left_ = {};
    return {};
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace sluice::postgres
