#include "admin/console_command.h"

#include <cctype>
#include <optional>

#include "base/parse.h"

namespace sluice::admin {
namespace {

constexpr std::size_t kLongest = 200;  // of a command that is repeated in an error

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
         c == '*' || static_cast<unsigned char>(c) >= 0x80;
}

// Reads the text from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(trim(text)) {}

  bool at_end() {
    rest_ = trim(rest_);
    return rest_.empty();
  }
  bool take(char c) {
    rest_ = trim(rest_);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A bare word in lower case, or what stands in double or single quotes (doubled inside).
  std::optional<std::string> word(bool quotes = true) {
    rest_ = trim(rest_);
    if (quotes && (rest_.starts_with('"') || rest_.starts_with('\''))) return quoted_word();
    std::string out;
    while (!rest_.empty() && is_word(rest_[0])) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(rest_[0])));
      rest_.remove_prefix(1);
    }
    if (out.empty()) return std::nullopt;
    return out;
  }

 private:
  std::optional<std::string> quoted_word() {
    const char quote = rest_[0];
    std::string out;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] != quote) {
        out += rest_[i];
      } else if (i + 1 < rest_.size() && rest_[i + 1] == quote) {
        out += rest_[i++];
      } else {
        rest_.remove_prefix(i + 1);
        return out;
      }
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

bool ends(Reader& reader) {
  while (reader.take(';')) {
  }
  return reader.at_end();
}

// After SET: name = value, or name TO value.
bool read_setting(Reader& reader, ConsoleCommand& command) {
  auto name = reader.word();
  if (!name) return false;
  if (!reader.take('=')) {
    const auto to = reader.word(false);
    if (!to || *to != "to") return false;
  }
  auto value = reader.word();
  if (!value) return false;
  command.argument = std::move(*name);
  command.value = std::move(*value);
  return ends(reader);
}

}  // namespace

std::unexpected<Error> invalid_console_command(std::string_view text) {
  const std::string_view shown = trim(text).substr(0, kLongest);
  return std::unexpected(
      Error{.code = Code::invalid_argument,
            .detail = "invalid command '" + std::string(shown) + "', use SHOW HELP;",
            .state = "42601"});
}

Result<ConsoleCommand> parse_console_command(std::string_view text) {
  ConsoleCommand command;
  Reader reader(text);
  if (ends(reader)) return command;
  auto verb = reader.word(false);
  if (!verb) return invalid_console_command(text);
  command.verb = std::move(*verb);
  if (command.verb == "set") {
    if (!read_setting(reader, command)) return invalid_console_command(text);
    return command;
  }
  if (ends(reader)) return command;
  auto argument = reader.word();
  if (!argument || !ends(reader)) return invalid_console_command(text);
  command.argument = std::move(*argument);
  return command;
}

}  // namespace sluice::admin
