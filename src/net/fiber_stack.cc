#include "net/fiber_stack.h"

#include <new>

#include <sys/mman.h>
#include <unistd.h>

#ifdef SLUICE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SLUICE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice::net {
namespace {

std::size_t page() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

// What ASan remembers of the frames that lived at these addresses: a fiber's last frames are never
// left, and whoever gets the memory next would be blamed for them.
void forget_frames([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
#ifdef SLUICE_ASAN
  __asan_unpoison_memory_region(memory, size);
#endif
}

}  // namespace

FiberStack::FiberStack(std::size_t size) {
  const std::size_t length = (size + page() - 1) / page() * page() + page();
  void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  if (::mprotect(memory, page(), PROT_NONE) != 0) {
    ::munmap(memory, length);
    throw std::bad_alloc();
  }
  base_ = static_cast<char*>(memory);
  mapped_ = length;
  forget_frames(base_, mapped_);
}

FiberStack::~FiberStack() {
  forget_frames(base_, mapped_);
  ::munmap(base_, mapped_);
}

char* FiberStack::bottom() const { return base_ + page(); }
char* FiberStack::top() const { return base_ + mapped_; }

StackSwitch::StackSwitch(const FiberStack& stack, void (*entry)(boost::context::detail::transfer_t))
    : context_(boost::context::detail::make_fcontext(stack.top(), stack.size(), entry)) {
#ifdef SLUICE_ASAN
  bottom_ = stack.bottom();
  size_ = stack.size();
#endif
#ifdef SLUICE_TSAN
  tsan_ = __tsan_create_fiber(0);
  owns_tsan_ = true;
#endif
}

StackSwitch::~StackSwitch() {
#ifdef SLUICE_TSAN
  if (owns_tsan_) __tsan_destroy_fiber(tsan_);
#endif
}

void StackSwitch::go(StackSwitch& to) {
#ifdef SLUICE_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_, to.bottom_, to.size_);
#endif
#ifdef SLUICE_TSAN
  if (!tsan_) tsan_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.tsan_, 0);
#endif
  arrived(boost::context::detail::jump_fcontext(to.context_, this));
}

// Here this side runs again: the other side's place to continue is known only now.
void StackSwitch::arrived(boost::context::detail::transfer_t from) {
  auto& other = *static_cast<StackSwitch*>(from.data);
  other.context_ = from.fctx;
#ifdef SLUICE_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &other.bottom_, &other.size_);
#endif
}

}  // namespace sluice::net
