// Terminal: the whole window for as long as this lives, as it was before afterwards.
//
// Escape codes that every terminal of the last thirty years knows (ECMA-48, xterm's alternate screen), so no
// library. Signals are blocked and read from a descriptor: none can end the program in between, and the
// window is given back however it ends.
#pragma once

#include <string_view>

#include <signal.h>
#include <termios.h>

#include "cmd/top_screen.h"

namespace sluice::cmd {

// One thread; one at a time.
class Terminal {
 public:
  // Standard input and output are one.
  static bool present();

  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  ScreenSize size() const;
  // False: nobody can see it any more.
  bool show(const std::vector<ScreenLine>& lines);

  enum class Wake : unsigned char { time, key, resized, end };
  struct Event {
    Wake what = Wake::time;
    char key = 0;
  };
  // Until a key, another size, the end (SIGINT, SIGTERM, SIGHUP, end of input) or the deadline. Ctrl-C is
  // an end, Ctrl-Z stops the program until it is continued.
  Event wait(Deadline until);

 private:
  void enter();
  void leave();
  void stop_here();
  Event key_event();
  Event signal_event();

  termios before_{};
  sigset_t mask_before_{};
  int signals_ = -1;
};

}  // namespace sluice::cmd
