// Writing of log lines: the repeat counter, the two formats and their escaping.
//
// A line is built outside of any lock; the sink's lock is held for the write alone.
#include "base/log.h"

#include <iterator>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/parse.h"

namespace sluice {
namespace {

void write_to_stderr(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n <= 0) return;  // nowhere to report it
    line.remove_prefix(static_cast<std::size_t>(n));
  }
}

struct Rune {
  char32_t code = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

// Decodes the character at the front, refusing overlong forms, surrogates and what lies beyond
// Unicode (RFC 3629).
Rune rune_at(std::string_view text) {
  const auto byte = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(text[i]); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t code = first & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, length};
}

// Controls of both sets, and the separators that some viewers take for line ends.
bool dangerous(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

// In double quotes, valid as JSON and as logfmt.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const Rune rune = rune_at(text);
    const std::size_t length = rune.length == 0 ? 1 : rune.length;
    if (rune.length == 0) {
      out += "\\ufffd";
    } else if (rune.code == '"' || rune.code == '\\') {
      out += '\\';
      out += text.front();
    } else if (rune.code == '\n') {
      out += "\\n";
    } else if (rune.code == '\t') {
      out += "\\t";
    } else if (dangerous(rune.code)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(rune.code));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (char c : text)
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  return false;
}

// Numbers and flags stand alone; texts are quoted where the format needs it. A duration is text for
// people and a number of seconds for machines.
void append_value(std::string& out, const LogValue& value, LogFormat format) {
  auto to = std::back_inserter(out);
  std::visit(
      [&]<class T>(const T& v) {
        if constexpr (std::same_as<T, std::string_view>) {
          if (format == LogFormat::json || needs_quotes(v)) {
            append_quoted(out, v);
          } else {
            out += v;
          }
        } else if constexpr (std::same_as<T, Duration>) {
          if (format == LogFormat::json) {
            fmt::format_to(to, "{}", std::chrono::duration<double>(v).count());
          } else {
            out += format_duration(v);
          }
        } else if constexpr (std::same_as<T, double>) {
          const bool finite = v - v == 0;  // JSON has no infinity and no NaN
          if (finite || format == LogFormat::text) {
            fmt::format_to(to, "{}", v);
          } else {
            out += "null";
          }
        } else {
          fmt::format_to(to, "{}", v);
        }
      },
      value.any());
}

void append_field(std::string& out, std::string_view key, const LogValue& value, LogFormat format) {
  if (format == LogFormat::json) {
    out += out.empty() ? '{' : ',';
    append_quoted(out, key);
    out += ':';
  } else {
    if (!out.empty()) out += ' ';
    for (char c : key) out += c <= ' ' || c >= 0x7f || c == '=' || c == '"' ? '_' : c;
    out += '=';
  }
  append_value(out, value, format);
}

std::string wall_clock_stamp() {
  using namespace std::chrono;
  const auto at = floor<milliseconds>(system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(at)),
                     at.time_since_epoch().count() % 1000);
}

struct Head {
  LogLevel level;
  std::string_view component, message;
};

std::string line_of(const Head& head, LogFields fields, std::uint64_t repeated, LogFormat format) {
  std::string out;
  out.reserve(256);
  append_field(out, "time", wall_clock_stamp(), format);
  append_field(out, "level", name_of(head.level), format);
  append_field(out, "component", head.component, format);
  append_field(out, "msg", head.message, format);
  for (const LogField& field : fields) append_field(out, field.key, field.value, format);
  if (repeated > 0) append_field(out, "repeated", repeated, format);
  out += format == LogFormat::json ? "}\n" : "\n";
  return out;
}

}  // namespace

// One entry for each (component, message) of the last window. `mutex` guards the entries,
// `sink_mutex` the sink.
struct Log::Repeats {
  static constexpr std::size_t kMost = 1024;  // beyond, lines are written without being counted

  struct Entry {
    Time window_start{};
    std::uint64_t seen = 0;
    LogLevel level{};
    std::string component, message;
  };
  struct Report {
    LogLevel level;
    std::string component, message;
    std::uint64_t repeated;
  };

  std::mutex mutex;
  std::mutex sink_mutex;
  std::unordered_map<std::uint64_t, Entry> entries;
  Time swept{};

  // Drops windows that are over, `all` of them at the end, and returns what they held back.
  std::vector<Report> sweep(Time at, const LogOptions& options, bool all) {
    std::vector<Report> reports;
    if (!all && at - swept < options.repeat_window / 5) return reports;
    swept = at;
    for (auto it = entries.begin(); it != entries.end();) {
      Entry& entry = it->second;
      if (!all && at - entry.window_start < options.repeat_window) {
        ++it;
        continue;
      }
      if (entry.seen > options.repeat_limit)
        reports.push_back({entry.level, std::move(entry.component), std::move(entry.message),
                           entry.seen - options.repeat_limit});
      it = entries.erase(it);
    }
    return reports;
  }

  // True when the line is to be written.
  bool count(const Head& head, Time at, const LogOptions& options) {
    const std::uint64_t key = hash64(head.message, hash64(head.component));
    auto it = entries.find(key);
    if (it == entries.end()) {
      if (entries.size() >= kMost) return true;
      it = entries
               .emplace(key, Entry{.window_start = at,
                                   .level = head.level,
                                   .component = std::string(head.component),
                                   .message = std::string(head.message)})
               .first;
    }
    return ++it->second.seen <= options.repeat_limit;
  }
};

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warn: return "warn";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error})
    if (iequals(text, name_of(level))) return level;
  return fail(Code::invalid_argument,
              quoted(text) + " isn't a log level: write debug, info, warn or error");
}

Log::Log(LogOptions options)
    : options_(std::move(options)), level_(options_.level), repeats_(std::make_unique<Repeats>()) {}

Log::~Log() {
  for (const auto& r : repeats_->sweep({}, options_, true))
    emit(line_of({r.level, r.component, r.message}, {}, r.repeated, options_.format));
}

void Log::report_repeats() {
  std::vector<Repeats::Report> reports;
  {
    std::lock_guard lock(repeats_->mutex);
    reports = repeats_->sweep(options_.clock(), options_, false);
  }
  for (const auto& r : reports)
    emit(line_of({r.level, r.component, r.message}, {}, r.repeated, options_.format));
}

void Log::write(LogLevel level, std::string_view component, std::string_view message,
                LogFields fields) {
  const Head head{level, component, message};
  report_repeats();
  {
    std::lock_guard lock(repeats_->mutex);
    if (!repeats_->count(head, options_.clock(), options_)) return;
  }
  emit(line_of(head, fields, 0, options_.format));
}

void Log::emit(std::string_view line) {
  std::lock_guard lock(repeats_->sink_mutex);
  if (options_.sink) {
    options_.sink(line);
  } else {
    write_to_stderr(line);
  }
}

}  // namespace sluice
