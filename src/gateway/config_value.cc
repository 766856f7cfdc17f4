// Values of single keys: from a file's node, from the environment's text, and back to text.
//
// Every message says what was found and what is allowed, because it is all that an operator sees. A
// secret's value is never in a message.

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/parse.h"
#include "gateway/config_keys.h"
#include "gateway/config_words.h"

namespace sluice::gateway {
namespace {

using Outcome = std::expected<void, std::string>;
std::unexpected<std::string> wrong(std::string message) {
  return std::unexpected(std::move(message));
}

std::string resolved(std::string_view path, std::string_view folder) {
  if (path.empty() || path.front() == '/' || folder.empty()) return std::string(path);
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

// The mend for a word that isn't one of `words`.
std::string word_message(std::string_view found, std::span<const std::string_view> words) {
  if (words.size() == 1)
    return fmt::format("{}: only \"{}\" in this version", sluice::quoted(found), words[0]);
  std::string message = fmt::format("{} is not known", sluice::quoted(found));
  if (auto near = nearest(found, words); !near.empty())
    message += fmt::format(", did you mean \"{}\"?", near);
  return message + fmt::format("; allowed: \"{}\"", fmt::join(words, "\", \""));
}

std::expected<std::uint8_t, std::string> word(std::string_view text,
                                              std::span<const std::string_view> words) {
  const auto at = std::find(words.begin(), words.end(), text);
  if (at == words.end()) return wrong(word_message(text, words));
  return static_cast<std::uint8_t>(at - words.begin());
}

std::expected<unsigned, std::string> count(std::int64_t n, unsigned least, unsigned most) {
  if (n >= least && n <= most) return static_cast<unsigned>(n);
  if (most == std::numeric_limits<unsigned>::max())
    return wrong(fmt::format("{} is too {}: {} or more", n, n < least ? "small" : "large", least));
  return wrong(fmt::format("{} is out of range: {} to {}", n, least, most));
}

std::expected<Dsn, std::string> dsn(std::string_view text) {
  auto parsed = parse_dsn(text);
  if (parsed) return std::move(*parsed);
  return wrong(parsed.error().detail + "; write postgres://user:password@host:port/database");
}

std::expected<unsigned, std::string> file_mode(std::string_view text) {
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error == std::errc() && end == text.data() + text.size() && mode <= 0777) return mode;
  return wrong(
      fmt::format("{} is no file mode: write octal digits, as \"0770\"", sluice::quoted(text)));
}

// Sets a key from one text, wherever it came from.
struct FromText {
  std::string_view text;
  std::string_view folder;

  Outcome operator()(bool* v) const {
    auto parsed = parse_bool(text);
    if (!parsed) return wrong(fmt::format("{} is neither true nor false", sluice::quoted(text)));
    *v = *parsed;
    return {};
  }
  Outcome operator()(WordRef v) const {
    auto found = word(text, v.words);
    if (!found) return wrong(found.error());
    *v.value = *found;
    return {};
  }
  Outcome operator()(OptionalWordRef v) const {
    auto found = word(text, v.words);
    if (!found) return wrong(found.error());
    v.set(v.value, *found);
    return {};
  }
  std::expected<unsigned, std::string> number(unsigned least, unsigned most) const {
    std::int64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc() || end != text.data() + text.size())
      return wrong(fmt::format("{} is no whole number", sluice::quoted(text)));
    return count(n, least, most);
  }
  Outcome operator()(CountRef v) const {
    auto n = number(v.least, v.most);
    if (!n) return wrong(n.error());
    *v.value = *n;
    return {};
  }
  Outcome operator()(OptionalCountRef v) const {
    auto n = number(v.least, std::numeric_limits<unsigned>::max());
    if (!n) return wrong(n.error());
    *v.value = *n;
    return {};
  }
  Outcome operator()(FileModeRef v) const {
    auto mode = file_mode(text);
    if (!mode) return wrong(mode.error());
    *v.value = *mode;
    return {};
  }
  Outcome operator()(BytesRef v) const {
    auto bytes = parse_size(text);
    if (!bytes) return wrong(bytes.error().detail);
    *v.value = *bytes;
    return {};
  }
  Outcome operator()(Duration* v) const {
    auto duration = parse_duration(text);
    if (!duration) return wrong(duration.error().detail);
    *v = *duration;
    return {};
  }
  Outcome operator()(TextRef v) const {
    // PostgreSQL's protocol can't carry a NUL, nor can a path.
    if (text.find('\0') != text.npos) return wrong("holds a NUL byte");
    *v.value = v.file ? resolved(text, folder) : std::string(text);
    return {};
  }
  Outcome operator()(std::vector<std::string>* v) const {
    std::vector<std::string> items;
    for (auto item : split(text, ','))
      if (item = trim(item); !item.empty()) items.emplace_back(item);
    *v = std::move(items);
    return {};
  }
  Outcome operator()(UsersRef v) const {
    std::map<std::string, std::string> users;
    for (auto item : split(text, ',')) {
      if (trim(item).empty()) continue;
      const auto equals = item.find('=');
      if (equals == item.npos || trim(item.substr(0, equals)).empty())
        return wrong("write name=secret, several with commas between them");
      users[std::string(trim(item.substr(0, equals)))] = trim(item.substr(equals + 1));
    }
    *v = std::move(users);
    return {};
  }
  Outcome operator()(Dsn* v) const {
    auto parsed = dsn(text);
    if (!parsed) return wrong(parsed.error());
    *v = std::move(*parsed);
    return {};
  }
  // Separated by blanks: a comma is part of a DSN with several hosts.
  Outcome operator()(std::vector<Dsn>* v) const {
    std::vector<Dsn> all;
    for (auto item : split(text, ' ')) {
      if (trim(item).empty()) continue;
      auto parsed = dsn(trim(item));
      if (!parsed) return wrong(parsed.error());
      all.push_back(std::move(*parsed));
    }
    *v = std::move(all);
    return {};
  }
};

std::string one_of(std::span<const std::string_view> words) {
  return fmt::format("one of \"{}\"", fmt::join(words, "\", \""));
}

// What a key takes, for "found X, but it takes Y".
struct Wanted {
  std::string operator()(bool*) const { return "true or false"; }
  std::string operator()(WordRef v) const { return one_of(v.words); }
  std::string operator()(OptionalWordRef v) const { return one_of(v.words); }
  std::string operator()(CountRef) const { return "a whole number"; }
  std::string operator()(OptionalCountRef) const { return "a whole number"; }
  std::string operator()(FileModeRef) const { return "octal digits, as \"0770\""; }
  std::string operator()(BytesRef) const { return "a size, as \"8MB\""; }
  std::string operator()(Duration*) const {
    return "a duration with its unit, as \"5s\" or \"100ms\"";
  }
  std::string operator()(TextRef) const { return "a text in quotes"; }
  std::string operator()(std::vector<std::string>*) const {
    return "a list of texts, as [\"a\", \"b\"]";
  }
  std::string operator()(UsersRef) const { return "a table, as { app = \"secret\" }"; }
  std::string operator()(Dsn*) const { return "a text, as \"postgres://user@host:5432/database\""; }
  std::string operator()(std::vector<Dsn>*) const {
    return "a list, as [\"postgres://host:5432/database\"]";
  }
};

bool takes_number(const Key& key) {
  return std::holds_alternative<CountRef>(key.ref) ||
         std::holds_alternative<OptionalCountRef>(key.ref) ||
         std::holds_alternative<BytesRef>(key.ref);
}

Outcome set_number(const Key& key, std::int64_t n) {
  if (const auto* mode = std::get_if<FileModeRef>(&key.ref)) {
    if (n < 0 || n > 0777)
      return wrong(fmt::format("{} is no file mode: write \"0770\" or 0o770", n));
    *mode->value = static_cast<unsigned>(n);
    return {};
  }
  if (std::holds_alternative<Duration*>(key.ref) && n != 0)
    return wrong(fmt::format("{} has no unit: write \"{}s\" or \"{}ms\"", n, n, n));
  if (takes_number(key) || std::holds_alternative<Duration*>(key.ref))
    return std::visit(FromText{std::to_string(n), {}}, key.ref);
  return wrong(fmt::format("found {}, but it takes {}",
                           key.secret() ? "a number" : fmt::format("the number {}", n),
                           std::visit(Wanted{}, key.ref)));
}

// A list item or a user's secret has to be a text.
Outcome set_users(UsersRef users, const TomlNode::Table& table) {
  std::map<std::string, std::string> read;
  for (const auto& entry : table) {
    const auto* secret = std::get_if<std::string>(&entry.node.value);
    if (!secret)
      return wrong(
          fmt::format("user {}: the secret has to be a text in quotes", sluice::quoted(entry.key)));
    read[entry.key] = *secret;
  }
  *users = std::move(read);
  return {};
}

Outcome set_list(const Key& key, const TomlNode::Array& array) {
  std::vector<std::string> texts;
  for (const auto& item : array) {
    const auto* text = std::get_if<std::string>(&item.value);
    if (!text)
      return wrong(
          fmt::format("item {} is {}, but it takes texts", texts.size() + 1, item.found()));
    texts.push_back(*text);
  }
  if (auto* list = std::get_if<std::vector<std::string>*>(&key.ref)) {
    **list = std::move(texts);
    return {};
  }
  std::vector<Dsn> all;
  for (const auto& text : texts) {
    auto parsed = dsn(text);
    if (!parsed) return wrong(fmt::format("item {}: {}", all.size() + 1, parsed.error()));
    all.push_back(std::move(*parsed));
  }
  **std::get_if<std::vector<Dsn>*>(&key.ref) = std::move(all);
  return {};
}

}  // namespace

Outcome set_key(const Key& key, std::string_view text, std::string_view folder) {
  return std::visit(FromText{text, folder}, key.ref);
}

Outcome set_key(const Key& key, const TomlNode& node, std::string_view folder) {
  const bool list = std::holds_alternative<std::vector<std::string>*>(key.ref) ||
                    std::holds_alternative<std::vector<Dsn>*>(key.ref);
  if (node.array() && list) return set_list(key, *node.array());
  if (node.table() && std::holds_alternative<UsersRef>(key.ref))
    return set_users(std::get<UsersRef>(key.ref), *node.table());
  if (const auto* b = std::get_if<bool>(&node.value); b && std::holds_alternative<bool*>(key.ref)) {
    *std::get<bool*>(key.ref) = *b;
    return {};
  }
  if (const auto* n = std::get_if<std::int64_t>(&node.value)) return set_number(key, *n);
  const auto* text = std::get_if<std::string>(&node.value);
  const bool textual = !takes_number(key) || std::holds_alternative<BytesRef>(key.ref);
  if (!text || !textual || std::holds_alternative<bool*>(key.ref) ||
      std::holds_alternative<UsersRef>(key.ref))
    return wrong(fmt::format("found {}, but it takes {}",
                             key.secret() ? "something else" : node.found(),
                             std::visit(Wanted{}, key.ref)));
  if (auto* one = std::get_if<std::vector<std::string>*>(&key.ref)) {
    **one = {*text};  // a single text is a list of one
    return {};
  }
  if (auto* one = std::get_if<std::vector<Dsn>*>(&key.ref)) {
    auto parsed = dsn(*text);
    if (!parsed) return wrong(parsed.error());
    **one = {std::move(*parsed)};
    return {};
  }
  return set_key(key, *text, folder);
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const auto candidate : names) {
    // "warning" for "warn", "conn" for "connections".
    const auto shorter = std::min(candidate.size(), name.size());
    if (shorter >= 4 && candidate.substr(0, shorter) == name.substr(0, shorter)) return candidate;
    // Levenshtein's distance with adjacent swaps (optimal string alignment), three rows at a time.
    std::vector<std::size_t> before(candidate.size() + 1), row(candidate.size() + 1),
        last(candidate.size() + 1);
    for (std::size_t j = 0; j <= candidate.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= name.size(); ++i) {
      before = std::exchange(last, std::exchange(row, before));
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        row[j] = std::min(
            {last[j] + 1, row[j - 1] + 1, last[j - 1] + (name[i - 1] != candidate[j - 1])});
        if (i > 1 && j > 1 && name[i - 1] == candidate[j - 2] && name[i - 2] == candidate[j - 1])
          row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    if (row[candidate.size()] < best_distance) {
      best_distance = row[candidate.size()];
      best = candidate;
    }
  }
  return best;
}

}  // namespace sluice::gateway
