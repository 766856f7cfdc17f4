// Log: structured lines for people (logfmt) and machines (JSON).
//
//   log.warn("postgres", "server refused the login", {{"host", host}, {"sqlstate", state}});
//
// Component and message are constants of the code, all that varies is a field: so equal lines can be
// counted. The same (component, message) more than 10 times in 5 s is counted instead of written and
// reported once as repeated=N, so a dead server can't fill a disk. Every value is escaped: what a
// client sends can't break a line or a terminal. Thread-safe.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };

std::string_view name_of(LogLevel level);
Result<LogLevel> parse_log_level(std::string_view text);

// A field's value. Borrows text: it lives as long as the call.
class LogValue {
 public:
  LogValue(bool v) : value_(v) {}
  template <std::signed_integral T>
  LogValue(T v) : value_(static_cast<std::int64_t>(v)) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  LogValue(T v) : value_(static_cast<std::uint64_t>(v)) {}
  LogValue(double v) : value_(v) {}
  LogValue(const char* v) : value_(std::string_view(v)) {}
  LogValue(std::string_view v) : value_(v) {}
  LogValue(const std::string& v) : value_(std::string_view(v)) {}
  template <class Rep, class Period>
  LogValue(std::chrono::duration<Rep, Period> v)
      : value_(std::chrono::duration_cast<Duration>(v)) {}

  using Any = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view, Duration>;
  const Any& any() const { return value_; }

 private:
  Any value_;
};

struct LogField {
  std::string_view key;
  LogValue value;
};
using LogFields = std::initializer_list<LogField>;

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  // Takes one whole line with its line end; called by one thread at a time. Empty: standard error.
  std::function<void(std::string_view line)> sink;
  unsigned repeat_limit = 10;  // written in full in one window
  Duration repeat_window = std::chrono::seconds(5);
  std::function<Time()> clock = [] {
    return now();
  };  // for the windows; stamps are wall-clock time
};

class Log {
 public:
  explicit Log(LogOptions options = {});
  ~Log();  // reports what was counted
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool enabled(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

  void debug(std::string_view component, std::string_view message, LogFields fields = {}) {
    if (enabled(LogLevel::debug)) write(LogLevel::debug, component, message, fields);
  }
  void info(std::string_view component, std::string_view message, LogFields fields = {}) {
    if (enabled(LogLevel::info)) write(LogLevel::info, component, message, fields);
  }
  void warn(std::string_view component, std::string_view message, LogFields fields = {}) {
    if (enabled(LogLevel::warn)) write(LogLevel::warn, component, message, fields);
  }
  void error(std::string_view component, std::string_view message, LogFields fields = {}) {
    if (enabled(LogLevel::error)) write(LogLevel::error, component, message, fields);
  }

  // Reports counted repeats whose window is over. Each line written does it too; call it every few
  // seconds so that the last burst is reported when nothing else happens.
  void report_repeats();

 private:
  void write(LogLevel level, std::string_view component, std::string_view message,
             LogFields fields);
  void emit(std::string_view line);

  struct Repeats;
  const LogOptions options_;
  std::atomic<LogLevel> level_;
  std::unique_ptr<Repeats> repeats_;
};

}  // namespace sluice
