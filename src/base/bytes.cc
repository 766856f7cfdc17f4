// Allocation and slicing of shared immutable bytes; bytes.h says what they are for.
#include "base/bytes.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace sluice {

Bytes Bytes::joined(std::initializer_list<std::string_view> parts) {
  std::size_t total = 0;
  for (std::string_view part : parts) total += part.size();
  Bytes out;
  if (total == 0) return out;
  void* memory = ::operator new(sizeof(Owner) + total);
  out.owner_ = new (memory) Owner{.size = total};
  char* at = static_cast<char*>(memory) + sizeof(Owner);
  out.data_ = at;
  out.size_ = total;
  for (std::string_view part : parts) {
    if (part.empty()) continue;
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  return out;
}

Bytes Bytes::from(Buffer&& content) {
  Bytes out = from(content.view());
  content.clear();
  content.release();
  return out;
}

Bytes Bytes::slice(std::size_t offset, std::size_t length) const {
  if (offset >= size_ || length == 0) return {};
  Bytes out(*this);
  out.data_ += offset;
  out.size_ = std::min(length, size_ - offset);
  return out;
}

void Bytes::destroy(Owner* owner) {
  owner->~Owner();
  ::operator delete(static_cast<void*>(owner));
}

}  // namespace sluice
