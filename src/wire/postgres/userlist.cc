#include "wire/postgres/userlist.h"

#include <algorithm>
#include <optional>

namespace sluice::postgres {
namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

void skip_blanks(std::string_view& line) {
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
}

// A quoted field at the front, taken off the line; "" inside stands for one quote.
std::optional<std::string> take_quoted(std::string_view& line) {
  std::string field;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '"' && (++i == line.size() || line[i] != '"')) {
      line.remove_prefix(i);
      return field;
    }
    field += line[i];
  }
  return std::nullopt;
}

// What is wrong with a line, or nothing and the entry is filled.
const char* read_entry(std::string_view line, UserlistEntry& entry) {
  if (line.front() != '"') return "a line begins with a user name in double quotes";
  std::optional<std::string> name = take_quoted(line);
  if (!name) return "the user name's closing quote is missing";
  if (name->empty()) return "the user name is empty";
  skip_blanks(line);
  if (line.empty() || line.front() != '"')
    return "behind the user name stands a password in double quotes";
  std::optional<std::string> secret = take_quoted(line);
  if (!secret) return "the password's closing quote is missing";
  if (name->contains('\0') || secret->contains('\0')) return "a zero byte";
  entry = {std::move(*name), std::move(*secret)};
  return nullptr;
}

}  // namespace

Result<std::vector<UserlistEntry>> parse_userlist(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  std::vector<UserlistEntry> entries;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    skip_blanks(line);
    if (line.empty() || line.front() == ';' || line.front() == '#') continue;
    if (const char* wrong = read_entry(line, entries.emplace_back()))
      return fail(Code::invalid_argument, "line " + std::to_string(number) + ": " + wrong);
  }
  return entries;
}

}  // namespace sluice::postgres
