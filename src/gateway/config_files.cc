#include "gateway/config_files.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/postgres/userlist.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t kLargest = 16u << 20;

std::string reason(int error) { return std::strerror(error); }

}  // namespace

Result<std::string> read_small_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(errno == ENOENT ? Code::not_found : Code::permission_denied,
                path + " can't be read: " + reason(errno), errno);
  std::string content;
  char block[16 * 1024];
  ssize_t n = 0;
  while ((n = ::read(fd, block, sizeof block)) > 0 && content.size() <= kLargest)
    content.append(block, n);
  const int error = n < 0 ? errno : 0;
  ::close(fd);
  if (error) return fail(Code::permission_denied, path + " can't be read: " + reason(error), error);
  if (content.size() > kLargest) return fail(Code::exhausted, path + " is larger than 16 MB");
  return content;
}

Result<std::string> read_secret_file(const std::string& path) {
  auto content = read_small_file(path);
  if (!content) return content;
  while (!content->empty() && (content->back() == '\n' || content->back() == '\r'))
    content->pop_back();
  if (content->empty())
    return fail(Code::invalid_argument, path + " is empty, it should hold the secret");
  if (content->find('\0') != content->npos)
    return fail(Code::invalid_argument, path + " holds a NUL byte");
  return content;
}

bool readable_by_everybody(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH) != 0;
}

Result<std::map<std::string, std::string>> read_users(const AuthSettings& auth) {
  auto users = auth.users;
  if (auth.userlist.empty()) return users;
  auto content = read_small_file(auth.userlist);
  if (!content) return std::unexpected(content.error());
  auto entries = postgres::parse_userlist(*content);
  if (!entries) return fail(entries.error().code, auth.userlist + ", " + entries.error().detail);
  // Of two entries with one name the later counts, but never against `users`.
  std::map<std::string, std::string> listed;
  for (auto& entry : *entries) listed[std::move(entry.name)] = std::move(entry.secret);
  users.merge(listed);
  return users;
}

}  // namespace sluice::gateway
