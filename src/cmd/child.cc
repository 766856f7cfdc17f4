#include "cmd/child.h"

#include <cerrno>
#include <csignal>
#include <string_view>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/control.h"

namespace sluice::cmd {
namespace {

constexpr Duration kStep = std::chrono::milliseconds(20);

std::vector<std::string> environment_of(const ChildOptions& options) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("PG") && !text.starts_with("SLUICE_") &&
        !text.starts_with("NOTIFY_SOCKET="))
      out.emplace_back(text);
  }
  for (const auto& [name, value] : options.environment) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// In the child, between fork and exec: only calls that are safe there. Returns if something failed.
void become(char* const* argv, char* const* environment, const ChildOptions& options, int out,
            int log) {
  restore_signals();
  ::setsid();
  if (options.as && (::setgroups(options.as->groups.size(), options.as->groups.data()) != 0 ||
                     ::setgid(options.as->group) != 0 || ::setuid(options.as->user) != 0))
    return;
  ::prctl(PR_SET_PDEATHSIG, options.end_signal);  // after setuid, which clears it
  if (::dup2(out, STDOUT_FILENO) < 0 || (log >= 0 && ::dup2(log, STDERR_FILENO) < 0) ||
      ::chdir("/") != 0)
    return;
  ::execve(argv[0], argv, environment);
}

}  // namespace

Result<std::optional<Identity>> unprivileged() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    const passwd* entry = ::getpwnam(name);
    if (entry == nullptr) continue;
    Identity who{entry->pw_uid, entry->pw_gid, {}};
    int count = 64;
    who.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name, who.group, who.groups.data(), &count) < 0) count = 0;
    who.groups.resize(static_cast<std::size_t>(count));
    return who;
  }
  return fail(Code::not_found,
              "PostgreSQL doesn't run as root, and there is no user postgres or nobody");
}

Result<Child> Child::start(const std::vector<std::string>& argv, const ChildOptions& options) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return fail(Code::exhausted, "pipe", errno);
  int log = -1;
  if (!options.log.empty())
    log = ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const auto texts = environment_of(options);
  const auto environment = pointers(texts);
  const auto arguments = pointers(argv);
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(arguments.data(), environment.data(), options, pipe[1], log);
    ::_exit(127);
  }
  const int error = errno;
  ::close(pipe[1]);
  if (log >= 0) ::close(log);
  if (pid > 0) return Child(pid, pipe[0], options.end_signal);
  ::close(pipe[0]);
  return fail(Code::exhausted, "fork", error);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_(std::exchange(other.out_, -1)),
      end_signal_(other.end_signal_),
      status_(other.status_) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    stop(std::chrono::seconds(40));
    pid_ = std::exchange(other.pid_, -1);
    out_ = std::exchange(other.out_, -1);
    end_signal_ = other.end_signal_;
    status_ = other.status_;
  }
  return *this;
}

bool Child::reap(bool wait) {
  if (pid_ < 0) return true;
  int status = 0;
  pid_t got;
  do got = ::waitpid(pid_, &status, wait ? 0 : WNOHANG);
  while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return true;
}

bool Child::running() { return !reap(false); }

std::string Child::read_line(Deadline deadline) {
  std::string line;
  char c;
  while (now() < deadline) {
    pollfd fd{out_, POLLIN, 0};
    if (::poll(&fd, 1, 100) <= 0) continue;
    if (::read(out_, &c, 1) != 1 || c == '\n') break;
    line += c;
  }
  return line;
}

std::string Child::read_all() {
  std::string out;
  char part[4096];
  ssize_t n;
  while ((n = ::read(out_, part, sizeof part)) > 0) out.append(part, static_cast<std::size_t>(n));
  reap(true);
  return out;
}

void Child::stop(Duration patience) {
  if (pid_ >= 0) ::kill(pid_, end_signal_);
  const Deadline until = now() + patience;
  while (pid_ >= 0 && !reap(false) && now() < until) std::this_thread::sleep_for(kStep);
  if (pid_ >= 0) ::kill(pid_, SIGKILL);
  reap(true);
  if (out_ >= 0) ::close(std::exchange(out_, -1));
}

Result<std::string> run_command(const std::vector<std::string>& argv, const ChildOptions& options) {
  auto child = Child::start(argv, options);
  if (!child) return std::unexpected(child.error());
  std::string out = child->read_all();
  if (child->status() != 0)
    return fail(Code::unavailable,
                argv[0] + " ended with status " + std::to_string(child->status().value_or(-1)));
  return out;
}

}  // namespace sluice::cmd
