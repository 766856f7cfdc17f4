#include "cmd/terminal.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sluice::cmd {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";  // alternate screen, no cursor
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr char kControlC = 3, kControlZ = 26;
constexpr std::size_t kMostColumns = 1000, kMostRows = 500;

sigset_t taken_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT})
    sigaddset(&set, number);
  return set;
}

bool write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string_view code_of(ScreenLine::Style style) {
  switch (style) {
    case ScreenLine::Style::plain: return "";
    case ScreenLine::Style::title: return "\x1b[1m";
    case ScreenLine::Style::heading: return "\x1b[7m";
    case ScreenLine::Style::trouble: return "\x1b[1;31m";
    case ScreenLine::Style::faint: return "\x1b[2m";
  }
  return "";
}

}  // namespace

bool Terminal::present() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Terminal::Terminal() {
  const sigset_t set = taken_signals();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  ::tcgetattr(STDIN_FILENO, &before_);
  enter();
}

Terminal::~Terminal() {
  leave();
  if (signals_ >= 0) ::close(signals_);
  std::signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Terminal::enter() {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_all(kEnter);
}

void Terminal::leave() {
  write_all(kLeave);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

// As a shell expects it of a program whose Ctrl-Z was pressed: the whole job stops.
void Terminal::stop_here() {
  leave();
  ::kill(0, SIGTSTP);
  enter();
}

ScreenSize Terminal::size() const {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0)
    return {};
  return {std::min<std::size_t>(window.ws_row, kMostRows),
          std::min<std::size_t>(window.ws_col, kMostColumns)};
}

// In one write, each line over the old one: nothing flickers.
bool Terminal::show(const std::vector<ScreenLine>& lines) {
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\r\n";
    out += code_of(lines[i].style);
    out += lines[i].text;
    out += "\x1b[0m\x1b[K";
  }
  return write_all(out + "\x1b[J");
}

Terminal::Event Terminal::wait(Deadline until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    if (left <= 0) return {};
    pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {signals_, POLLIN, 0}};
    const int ready = ::poll(fds, 2, static_cast<int>(std::min<std::int64_t>(left, 1'000'000)));
    if (ready < 0 && errno != EINTR) return {Wake::end};
    if (ready <= 0) continue;
    if (fds[1].revents != 0) {
      if (const Event event = signal_event(); event.what != Wake::time) return event;
    }
    if (fds[0].revents != 0) return key_event();
  }
}

Terminal::Event Terminal::key_event() {
  char key = 0;
  const ssize_t n = ::read(STDIN_FILENO, &key, 1);
  if (n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN))) return {Wake::end};
  if (key == kControlC) return {Wake::end};
  if (key == kControlZ) {
    stop_here();
    return {Wake::resized};
  }
  return {Wake::key, key};
}

Terminal::Event Terminal::signal_event() {
  signalfd_siginfo info;
  if (::read(signals_, &info, sizeof info) != sizeof info) return {};
  const bool repaint = info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT;
  return {repaint ? Wake::resized : Wake::end};
}

}  // namespace sluice::cmd
