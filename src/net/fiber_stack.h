// A fiber's stack, and the switch from one stack to another.
//
// FiberStack is mapped memory with an inaccessible page below it, so an overflow faults instead of
// corrupting a neighbour. StackSwitch is one side of a switch: what continues there, and what the
// sanitizers want to know of it.
#pragma once

#include <cstddef>

#include <boost/context/detail/fcontext.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SLUICE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TSAN 1
#endif
#endif

namespace sluice::net {

class FiberStack {
 public:
  // Rounded up to whole pages, the guard page comes on top. Throws std::bad_alloc.
  explicit FiberStack(std::size_t size);
  ~FiberStack();
  FiberStack(const FiberStack&) = delete;
  FiberStack& operator=(const FiberStack&) = delete;

  char* bottom() const;  // lowest usable byte
  char* top() const;
  std::size_t size() const { return static_cast<std::size_t>(top() - bottom()); }

 private:
  char* base_ = nullptr;  // the guard page
  std::size_t mapped_ = 0;
};

struct StackSwitch {
  StackSwitch() = default;  // the side that runs now
  // A side that begins with entry(), which never returns and calls arrived() first.
  StackSwitch(const FiberStack& stack, void (*entry)(boost::context::detail::transfer_t));
  ~StackSwitch();
  StackSwitch(const StackSwitch&) = delete;
  StackSwitch& operator=(const StackSwitch&) = delete;

  // Continues `to`; returns when somebody continues this side. REQUIRES: this side runs now.
  void go(StackSwitch& to);
  void arrived(boost::context::detail::transfer_t from);

 private:
  // Where it continues, while it doesn't run.
  boost::context::detail::fcontext_t context_ = nullptr;
#ifdef SLUICE_ASAN
  void* fake_stack_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
#endif
#ifdef SLUICE_TSAN
  void* tsan_ = nullptr;
  bool owns_tsan_ = false;
#endif
};

}  // namespace sluice::net
