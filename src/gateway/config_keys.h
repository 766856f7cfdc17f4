// The keys of a configuration, each once: its name in sluice.toml and the member it sets. Reading a
// file, the environment, writing sluice.toml and explaining what is in force all walk this list, so
// a key can't be known to one and unknown to another.
#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gateway/config.h"
#include "gateway/config_toml.h"

namespace sluice::gateway {

// An enum and its words in order of its values. The enums have std::uint8_t beneath.
struct WordRef {
  std::uint8_t* value;
  std::span<const std::string_view> words;
};
// The same, or unset.
struct OptionalWordRef {
  void* value;  // std::optional of the enum
  std::span<const std::string_view> words;
  std::optional<std::uint8_t> (*get)(const void* value);
  void (*set)(void* value, std::uint8_t word);
};
struct CountRef {
  unsigned* value;
  unsigned least = 0;
  unsigned most = std::numeric_limits<unsigned>::max();
};
struct OptionalCountRef {
  std::optional<unsigned>* value;
  unsigned least = 0;
};
struct FileModeRef {  // "0770" or 0o770
  unsigned* value;
};
struct BytesRef {
  std::uint64_t* value;
};
struct TextRef {
  std::string* value;
  bool secret = false;
  bool file = false;  // a path: relative ones start at the configuration's folder
};
using UsersRef = std::map<std::string, std::string>*;  // secrets by name

struct Key {
  std::string_view name;  // within its section, dotted: "pool.max"
  std::variant<bool*, WordRef, OptionalWordRef, CountRef, OptionalCountRef, FileModeRef, BytesRef,
               Duration*, TextRef, std::vector<std::string>*, UsersRef, Dsn*, std::vector<Dsn>*>
      ref;

  // Secret as a whole. A Dsn is not: only its password is.
  bool secret() const;
};

// Top level, one listener, one database. The keys point into the argument.
std::vector<Key> keys_of(Config& config);
std::vector<Key> keys_of(PostgresListener& listener);
std::vector<Key> keys_of(Database& database);

// Sets a key from a file's node or from the environment's text (lists: commas, users: name=secret).
// The error says what was found and what is allowed. `folder` is where relative files start.
std::expected<void, std::string> set_key(const Key& key, const TomlNode& node,
                                         std::string_view folder);
std::expected<void, std::string> set_key(const Key& key, std::string_view text,
                                         std::string_view folder);

// The key's value as TOML writes it; nullopt for an unset optional.
std::optional<std::string> toml_of(const Key& key);
// For people: secrets as ***, passwords within DSNs too; "-" for an unset optional.
std::string shown(const Key& key);
bool same_value(const Key& a, const Key& b);

// A string in the quotes of TOML, whole: unlike quoted(), which is for messages.
std::string toml_string(std::string_view text);
// A connection string that parse_dsn takes back to the same Dsn, password included.
std::string text_of(const Dsn& dsn);
// The nearest of `names` if it is near enough for a misspelling; empty otherwise.
std::string_view nearest(std::string_view name, std::span<const std::string_view> names);

}  // namespace sluice::gateway
