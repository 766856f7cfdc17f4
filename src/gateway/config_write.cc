// A configuration back as text: sluice.toml with what differs from the defaults, or every key for
// the eyes of an operator.

#include <fmt/format.h>

#include "base/parse.h"
#include "gateway/config_keys.h"
#include "gateway/config_load.h"

namespace sluice::gateway {
namespace {

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + item;
  return out + "]";
}

// The value as TOML; `secrets` false puts *** in the place of every secret.
struct AsToml {
  bool secrets;
  using Text = std::optional<std::string>;

  std::string hidden(const std::string& secret) const {
    return toml_string(secrets || secret.empty() ? secret : "***");
  }
  std::string written(const Dsn& dsn) const {
    if (dsn.hosts.empty()) return toml_string("");
    return toml_string(secrets ? text_of(dsn) : redacted(dsn));
  }

  Text operator()(bool* v) const { return *v ? "true" : "false"; }
  Text operator()(WordRef v) const { return toml_string(v.words[*v.value]); }
  Text operator()(OptionalWordRef v) const {
    return v.get(v.value).transform([&](std::uint8_t word) { return toml_string(v.words[word]); });
  }
  Text operator()(CountRef v) const { return std::to_string(*v.value); }
  Text operator()(OptionalCountRef v) const {
    if (!*v.value) return std::nullopt;
    return std::to_string(**v.value);
  }
  Text operator()(FileModeRef v) const { return fmt::format("\"{:04o}\"", *v.value); }
  Text operator()(BytesRef v) const { return toml_string(format_size(*v.value)); }
  Text operator()(Duration* v) const { return toml_string(format_duration(*v)); }
  Text operator()(TextRef v) const { return v.secret ? hidden(*v.value) : toml_string(*v.value); }
  Text operator()(std::vector<std::string>* v) const {
    std::vector<std::string> items;
    for (const auto& item : *v) items.push_back(toml_string(item));
    return quoted_list(items);
  }
  Text operator()(UsersRef v) const {
    std::string out = "{";
    for (const auto& [name, secret] : *v)
      out +=
          fmt::format("{}{} = {}", out.size() > 1 ? ", " : " ", toml_string(name), hidden(secret));
    return out + " }";
  }
  Text operator()(Dsn* v) const { return written(*v); }
  Text operator()(std::vector<Dsn>* v) const {
    std::vector<std::string> items;
    for (const auto& dsn : *v) items.push_back(written(dsn));
    return quoted_list(items);
  }
};

std::string_view table_of(std::string_view key) {
  const auto dot = key.find('.');
  return dot == key.npos ? std::string_view() : key.substr(0, dot);
}

// The keys that differ from the defaults, those of a table under its header.
void append_section(std::string& out, const std::vector<Key>& keys,
                    const std::vector<Key>& defaults, const std::string& section) {
  std::string_view table;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto value = toml_of(keys[i]);
    if (!value || same_value(keys[i], defaults[i])) continue;
    if (table_of(keys[i].name) != table) {
      table = table_of(keys[i].name);
      out += fmt::format("\n[{}{}{}]\n", section, section.empty() ? "" : ".", table);
    }
    const auto name = table.empty() ? keys[i].name : keys[i].name.substr(table.size() + 1);
    out += fmt::format("{} = {}\n", name, *value);
  }
}

void append_explained(std::string& out, const std::vector<Key>& keys, const std::string& section) {
  for (const auto& key : keys) out += fmt::format("{}{} = {}\n", section, key.name, shown(key));
}

std::string host_text(const HostPort& at) {
  const bool v6 = !at.is_unix() && at.host.find(':') != std::string::npos;
  const auto host = v6 ? "[" + at.host + "]" : percent_encoded(at.host);
  return at.port == 0 ? host : fmt::format("{}:{}", host, at.port);
}

}  // namespace

std::string text_of(const Dsn& dsn) {
  std::string out = "postgres://";
  if (!dsn.user.empty() || !dsn.password.empty()) {
    out += percent_encoded(dsn.user);
    if (!dsn.password.empty()) out += ":" + percent_encoded(dsn.password);
    out += "@";
  }
  for (std::size_t i = 0; i < dsn.hosts.size(); ++i)
    out += (i ? "," : "") + host_text(dsn.hosts[i]);
  out += "/" + percent_encoded(dsn.database);
  char mark = '?';
  for (const auto& [name, value] : dsn.options) {
    out += mark + percent_encoded(name) + "=" + percent_encoded(value);
    mark = '&';
  }
  return out;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\"";
}

std::optional<std::string> toml_of(const Key& key) { return std::visit(AsToml{true}, key.ref); }

std::string shown(const Key& key) { return std::visit(AsToml{false}, key.ref).value_or("-"); }

bool same_value(const Key& a, const Key& b) { return toml_of(a) == toml_of(b); }

// The walk needs pointers to members, so it works on a copy.
std::string to_toml(const Config& config) {
  Config copy = config, defaults;
  std::string out;
  append_section(out, keys_of(copy), keys_of(defaults), "");
  PostgresListener plain;
  Database empty;
  for (auto& listener : copy.postgres) {
    out += "\n[[postgres]]\n";
    append_section(out, keys_of(listener), keys_of(plain), "postgres");
    for (auto& [name, database] : listener.databases) {
      const auto section = "postgres.databases." + toml_string(name);
      out += fmt::format("\n[{}]\n", section);
      append_section(out, keys_of(database), keys_of(empty), section);
    }
  }
  if (out.starts_with('\n')) out.erase(0, 1);
  return out;
}

std::string explain(const Config& config) {
  Config copy = config;
  std::string out;
  append_explained(out, keys_of(copy), "");
  for (std::size_t i = 0; i < copy.postgres.size(); ++i) {
    const auto section = fmt::format("postgres[{}].", i);
    append_explained(out, keys_of(copy.postgres[i]), section);
    for (auto& [name, database] : copy.postgres[i].databases)
      append_explained(out, keys_of(database), section + "databases." + toml_string(name) + ".");
  }
  return out;
}

}  // namespace sluice::gateway
