// Blobs come from mimalloc, whose size classes cost about a third of glibc's headers and rounding;
// under sanitizers from malloc, so that they see every use after free.
#include "cache/memory.h"

#include <cstdlib>
#include <new>

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#include <malloc.h>
#else
#include <mimalloc.h>
#endif

namespace sluice::cache {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
char* allocate_blob(std::size_t bytes) { return static_cast<char*>(std::malloc(bytes)); }
void free_blob(char* blob) { std::free(blob); }
std::size_t price_of(char* blob) { return malloc_usable_size(blob) + 8; }
#else
char* allocate_blob(std::size_t bytes) { return static_cast<char*>(mi_malloc(bytes)); }
void free_blob(char* blob) { mi_free(blob); }
std::size_t price_of(char* blob) { return mi_usable_size(blob); }
#endif

Region::Region(std::size_t bytes) : bytes_(bytes) {
  data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
               -1, 0);
  if (data_ == MAP_FAILED) throw std::bad_alloc();
  if (bytes >= 8 << 20) madvise(data_, bytes, MADV_HUGEPAGE);
}

Region::~Region() { munmap(data_, bytes_); }

}  // namespace sluice::cache
