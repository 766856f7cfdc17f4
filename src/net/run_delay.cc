#include "net/run_delay.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace sluice::net {
namespace {

constexpr unsigned long long kEnough = 8;  // times run, to say anything

unsigned long long take_number(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(begin);
  unsigned long long number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
  return number;
}

}  // namespace

RunDelay::~RunDelay() {
  if (fd_ >= 0) ::close(fd_);
}

void RunDelay::read(Time now) {
  read_at_ = now;
  if (fd_ == -2) fd_ = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return;
  char bytes[96];
  const ssize_t n = ::pread(fd_, bytes, sizeof bytes, 0);
  if (n > 0) take({bytes, static_cast<std::size_t>(n)});
}

// Who runs seldom is asked again until it is enough.
void RunDelay::take(std::string_view text) {
  take_number(text);  // time run
  const unsigned long long waited = take_number(text), times = take_number(text);
  const unsigned long long ran = times - times_;
  if (times_ != 0 && ran < kEnough) {
    if (ran == 0) mean_ -= mean_ / 4;
    return;
  }
  if (times_ != 0) {
    const Duration mean{static_cast<std::int64_t>((waited - waited_) / ran)};
    mean_ += (mean - mean_) / 4;
  }
  waited_ = waited;
  times_ = times;
}

}  // namespace sluice::net
