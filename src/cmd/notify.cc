#include "cmd/notify.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::cmd {

Result<void> notify(const std::string& socket, std::string_view state) {
  if (socket.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((socket[0] != '/' && socket[0] != '@') || socket.size() >= sizeof address.sun_path)
    return fail(Code::invalid_argument,
                "NOTIFY_SOCKET has to be an absolute path or an abstract name after @");
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());

  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Code::unavailable, "notify " + socket, errno);
  const auto sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), length);
  const int error = errno;
  ::close(fd);
  if (sent < 0) return fail(Code::unavailable, "notify " + socket, error);
  return {};
}

std::string notify_socket() {
  const char* value = std::getenv("NOTIFY_SOCKET");
  return value ? value : "";
}

std::string reloading_state() {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}", at.tv_sec * 1'000'000 + at.tv_nsec / 1000);
}

}  // namespace sluice::cmd
