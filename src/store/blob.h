// Blob: small nested values as bytes for one column, where nobody would ask for them by SQL.
//
// Numbers are eight bytes, little-endian; a text has its length in front. Who reads has a bound before each
// step: of damaged bytes he gets zeros and ok() == false, never more than there is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::store {

class BlobWriter {
 public:
  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
  }
  void number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Views are into the bytes.
class BlobReader {
 public:
  explicit BlobReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    const std::string_view bytes = take(8);
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }
  std::int64_t signed_number() { return static_cast<std::int64_t>(number()); }
  // How many items follow, of at least so many bytes each: no more than there can be.
  std::uint64_t count(std::size_t least_bytes) {
    const std::uint64_t items = number();
    if (items <= rest_.size() / least_bytes) return items;
    ok_ = false;
    return 0;
  }
  std::string_view text() { return take(number()); }
  // All was there so far.
  bool ok() const { return ok_; }

 private:
  std::string_view take(std::uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace sluice::store
