// Origins: database, user and caller of statements, each once for a worker, however many point to it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "sluice/query/workload.h"

namespace sluice::query {

struct Origin {
  std::string database, user;
  Caller caller;
  std::uint64_t caller_hash = 0;  // of caller; 0: it says nothing
  std::uint32_t uses = 0;         // runs and entries that point here
  bool told = false;              // the journal has its caller record
};

// Changed by its worker, under the recorder's lock; what find() returns lives while it is used.
class Origins {
 public:
  static constexpr std::size_t kMaxName = 63;     // bytes; what PostgreSQL keeps of a name
  static constexpr std::size_t kMaxUnused = 256;  // kept in case they come again

  struct Key {
    std::string_view database, user, application, tags;
  };
  // The one of the last call, if it is the same, else null: the usual case, for its worker without a lock.
  Origin* last(const Key& key) const;
  Origin* find(const Key& key);
  // What was remembered of a client's statements without tags, if its `sender` is the same; else null. The
  // worker's alone, without a lock.
  Origin* remembered(std::uint64_t client, std::uint32_t sender) const {
    const Memory& memory = memories_[client % kMemories];
    const bool known = memory.client == client && memory.sender == sender &&
                       memory.dropped == dropped_ && sender != 0;
    return known ? memory.origin : nullptr;
  }
  void remember(std::uint64_t client, std::uint32_t sender, Origin& origin) {
    memories_[client % kMemories] = {client, &origin, sender, dropped_};
  }

  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return by_hash_.size(); }

 private:
  static bool is(const Origin& origin, const Key& key);
  static std::size_t cost(const Origin& origin);
  void drop_unused();

  std::unordered_map<std::uint64_t, std::unique_ptr<Origin>> by_hash_;
  Origin* last_ = nullptr;
  std::size_t drop_at_ = kMaxUnused;
  std::size_t bytes_ = 0;

  static constexpr std::size_t kMemories = 1024;
  struct Memory {
    std::uint64_t client = 0;
    Origin* origin = nullptr;
    std::uint32_t sender = 0, dropped = 0;
  };
  std::array<Memory, kMemories> memories_{};
  std::uint32_t dropped_ = 0;  // times that some were: what is remembered may be gone
};

}  // namespace sluice::query
