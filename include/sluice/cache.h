// Cache: the third stage. Answers a request from memory when consistency allows it.
//
// So far it keeps nothing: find() never has an answer and insert() lets go of what it is given.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/time.h"

namespace sluice {

// Everything that can change the answer. Views live as long as the request.
struct CacheKey {
  std::string_view identity;   // database, role, settings
  std::string_view statement;  // exact bytes with parameters
};

// A kept answer; stays alive while the handle does, evicted or not.
class CacheHandle {
 public:
  CacheHandle() = default;
  explicit operator bool() const { return bytes_ != nullptr; }
  std::string_view bytes() const { return *bytes_; }

 private:
  std::shared_ptr<const std::string> bytes_;
};

// What a fill saw when it began; an invalidation in between voids it.
struct CacheTicket {
  std::uint64_t version = 0;
};

// Thread-safe.
class Cache {
 public:
  CacheHandle find(const CacheKey& /*key*/, Time /*now*/) { return {}; }
  CacheTicket ticket(const CacheKey& /*key*/) { return {}; }
  // True: a reply to this key would be kept, so it is worth copying while it streams by.
  bool wants(const CacheKey& /*key*/) const { return false; }
  void insert(const CacheKey&, std::string_view /*reply*/, CacheTicket, Time /*now*/) {}
};

}  // namespace sluice
