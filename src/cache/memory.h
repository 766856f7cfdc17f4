// The cache's memory: blobs with their honest price, and regions that grow in place.
//
// A region reserves addresses for the most that it can ever hold and touches pages as it grows, so
// nothing in it moves or goes away while lock-free readers look at it.
#pragma once

#include <cstddef>

namespace sluice::cache {

char* allocate_blob(std::size_t bytes);  // null when there is no memory
void free_blob(char* blob);
// What the allocator really spends on it: its size class, and its own header where it has one.
std::size_t price_of(char* blob);

// Zeroed address space. One owner.
class Region {
 public:
  explicit Region(std::size_t bytes);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  void* data() const { return data_; }

 private:
  void* data_;
  std::size_t bytes_;
};

}  // namespace sluice::cache
