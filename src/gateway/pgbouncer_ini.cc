#include "gateway/pgbouncer_ini.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "base/parse.h"

namespace sluice::gateway {
namespace {

constexpr int kDeepestInclude = 10;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "my-db" with "" for a quote inside; anything else stays as it is.
std::string unquoted(std::string_view name) {
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
  std::string out;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    if (name[i] == '"' && i + 2 < name.size() && name[i + 1] == '"') ++i;
  }
  return out;
}

// Where a line's name ends: the first '=' outside of quotes.
std::size_t name_end(std::string_view line) {
  bool inside = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') inside = !inside;
    if (line[i] == '=' && !inside) return i;
  }
  return line.npos;
}

// Strictly: TOML, which everything here becomes, can hold nothing else.
bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff) return false;
    i += length;
  }
  return true;
}

class IniReader {
 public:
  explicit IniReader(const ReadFile& read) : read_(read) {}

  void read(const std::string& path, int depth) {
    auto content = read_(path);
    if (!content) return wrong(path, 0, content.error().detail);
    if (!valid_utf8(*content)) return wrong(path, 0, "is not UTF-8: convert it, as with iconv");
    if (content->find('\0') != content->npos) return wrong(path, 0, "holds NUL bytes");
    int number = 0;
    for (auto line : split(*content, '\n')) read_line(path, ++number, trim(line), depth);
  }

  std::vector<IniEntry> entries;
  std::vector<Problem> problems;

 private:
  void wrong(const std::string& path, int line, std::string message) {
    problems.push_back({path, line, line > 0 ? 1 : 0, {}, std::move(message)});
  }

  void read_line(const std::string& path, int number, std::string_view line, int depth) {
    if (line.empty() || line[0] == ';' || line[0] == '#') return;
    if (line[0] == '%') return include(path, number, line, depth);
    if (line[0] == '[') {
      if (line.back() != ']')
        return wrong(path, number, "the section's closing bracket is missing");
      section_ = lower(trim(line.substr(1, line.size() - 2)));
      return;
    }
    const auto equals = name_end(line);
    if (equals == line.npos)
      return wrong(path, number, fmt::format("{} is no key = value", sluice::quoted(line)));
    if (section_.empty()) return wrong(path, number, "stands before the first [section]");
    entries.push_back({section_, unquoted(trim(line.substr(0, equals))),
                       std::string(trim(line.substr(equals + 1))), path, number});
  }

  void include(const std::string& path, int number, std::string_view line, int depth) {
    constexpr std::string_view kInclude = "%include";
    if (!line.starts_with(kInclude)) return wrong(path, number, "only %include is known here");
    if (depth == kDeepestInclude) return wrong(path, number, "files include each other too deeply");
    read(beside(path, trim(line.substr(kInclude.size()))), depth + 1);
  }

  const ReadFile& read_;
  std::string section_;  // goes on through included files, as in PgBouncer
};

}  // namespace

std::string beside(const std::string& file, std::string_view path) {
  if (path.empty() || path.front() == '/') return std::string(path);
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

std::expected<std::vector<IniEntry>, std::vector<Problem>> parse_ini(const std::string& path,
                                                                     const ReadFile& read) {
  IniReader reader(read);
  reader.read(path, 0);
  if (!reader.problems.empty()) return std::unexpected(std::move(reader.problems));
  return std::move(reader.entries);
}

std::expected<std::vector<std::pair<std::string, std::string>>, std::string> parse_pairs(
    std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    const auto equals = text.find('=');
    if (equals == text.npos)
      return std::unexpected(fmt::format("{} has no value", sluice::quoted(text)));
    std::string name = lower(trim(text.substr(0, equals)));
    text = trim(text.substr(equals + 1));
    std::string value;
    if (!text.starts_with('\'')) {
      const auto end = std::min(text.find_first_of(" \t"), text.size());
      value = text.substr(0, end);
      text.remove_prefix(end);
    } else {
      std::size_t i = 1;
      for (;; ++i) {
        if (i >= text.size())
          return std::unexpected(fmt::format("{}: the closing quote is missing", name));
        if (text[i] != '\'')
          value += text[i];
        else if (i + 1 < text.size() && text[i + 1] == '\'')
          value += text[i++];
        else
          break;
      }
      text.remove_prefix(i + 1);
    }
    pairs.emplace_back(std::move(name), std::move(value));
  }
  return pairs;
}

}  // namespace sluice::gateway
