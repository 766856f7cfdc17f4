// Child processes of `sluice demo`: each ends when it is stopped, or when we do, however that happens.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::cmd {

// Somebody else to be: PostgreSQL refuses to run as root.
struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};
// The user postgres, or nobody; nullopt when we aren't root and stay who we are.
Result<std::optional<Identity>> unprivileged();

struct ChildOptions {
  std::optional<Identity> as;
  std::map<std::string, std::string>
      environment;      // besides ours, without what begins with PG or SLUICE_
  std::string log;      // standard error is appended there; empty: ours
  int end_signal = 15;  // for stop() and when we die
};

class Child {
 public:
  // argv[0] is a path. The child has a session of its own: Ctrl-C is ours alone.
  static Result<Child> start(const std::vector<std::string>& argv, const ChildOptions& options);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child() { stop(std::chrono::seconds(40)); }

  bool running();
  // The exit status once it ended; 128 + signal if one ended it.
  std::optional<int> status() const { return status_; }
  // Standard output up to and without a line end; what came until it closed or the deadline.
  std::string read_line(Deadline deadline);
  std::string read_all();  // until it closes
  // Asks, waits, then kills.
  void stop(Duration patience);

 private:
  Child(pid_t pid, int out, int end_signal) : pid_(pid), out_(out), end_signal_(end_signal) {}
  bool reap(bool wait);

  pid_t pid_ = -1;
  int out_ = -1;
  int end_signal_ = 15;
  std::optional<int> status_;
};

// Runs to its end. Its standard output; an error with its status if that isn't 0.
Result<std::string> run_command(const std::vector<std::string>& argv, const ChildOptions& options);

}  // namespace sluice::cmd
