// The file layer: sluice.toml into a draft. Every key that isn't known is a problem, because a
// misspelt key that is silently ignored costs somebody a night.

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/parse.h"
#include "gateway/config_draft.h"
#include "gateway/config_files.h"
#include "gateway/config_toml.h"

namespace sluice::gateway {
namespace {

enum class SectionKind { top, listener, database };

struct Section {
  SectionKind kind;
  std::string path;  // "", "postgres[0]", "postgres[0].databases.\"app\""
  std::vector<Key> keys;

  std::string path_of(const std::string& name) const {
    return path.empty() ? name : path + "." + name;
  }
};

// Sections of the design that this version doesn't have, so that they aren't taken for misspellings.
constexpr std::string_view kLaterSections[] = {"redis",   "mysql", "mongo",   "http",
                                               "graphql", "cache", "limit",   "batch",
                                               "alerts",  "query", "monitor", "advise"};
constexpr std::string_view kLaterKeys[] = {"limit", "batch", "query"};

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool later(SectionKind kind, std::string_view name) {
  if (kind == SectionKind::top) return holds(kLaterSections, name);
  if (kind != SectionKind::listener) return false;
  return holds(kLaterKeys, name) || name.starts_with("cache.") || name.starts_with("balance.");
}

// The names that could stand where `name` does: those of the same table.
std::vector<std::string_view> siblings(const Section& section, const std::string& table) {
  std::vector<std::string_view> names;
  for (const auto& key : section.keys) {
    if (!key.name.starts_with(table)) continue;
    const auto rest = key.name.substr(table.size());
    const auto name = rest.substr(0, rest.find('.'));
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  if (table.empty() && section.kind == SectionKind::top) names.push_back("postgres");
  if (table.empty() && section.kind == SectionKind::listener) names.push_back("databases");
  return names;
}

std::string unknown_key(const Section& section, const std::string& name) {
  if (later(section.kind, name)) return "not in this version: remove it";
  const auto dot = name.rfind('.');
  const auto table = dot == name.npos ? std::string() : name.substr(0, dot + 1);
  const auto last = name.substr(table.size());
  const auto names = siblings(section, table);
  if (auto near = nearest(last, names); !near.empty())
    return fmt::format("unknown key, did you mean \"{}\"?", near);
  // The right name in the wrong table.
  for (const auto& key : section.keys)
    if (key.name.ends_with("." + last))
      return fmt::format("unknown key, did you mean \"{}\"?", key.name);
  if (section.kind == SectionKind::top) {
    PostgresListener listener;
    for (const auto& key : keys_of(listener))
      if (key.name == last || key.name.starts_with(last + "."))
        return fmt::format("unknown key here, it belongs under [[postgres]]");
  }
  std::string known;
  for (auto sibling : names) known += (known.empty() ? "" : ", ") + std::string(sibling);
  return "unknown key; known are " + known;
}

class FileReader {
 public:
  FileReader(const LoadOptions& options, Draft& draft, Findings& findings)
      : options_(options),
        folder_(std::filesystem::path(options.path).parent_path().string()),
        draft_(draft),
        findings_(findings) {}

  void read() {
    auto content =
        options_.text ? Result<std::string>(*options_.text) : read_small_file(options_.path);
    if (!content) return findings_.problem_at({options_.path, 0, 0, {}}, content.error().detail);
    auto root = parse_toml(*content);
    if (!root)
      return findings_.problem_at({options_.path, root.error().line, root.error().column, {}},
                                  root.error().message);
    read_table({SectionKind::top, "", draft_.top_keys()}, *root->table(), "");
    if (!options_.text && holds_secrets() && readable_by_everybody(options_.path))
      findings_.warning_at(
          {options_.path, 0, 0, {}},
          fmt::format("holds secrets and everybody may read it: chmod 600 {}", options_.path));
  }

 private:
  // `below` is the dotted way from the section to `table`: "", "pool.".
  void read_table(const Section& section, const TomlNode::Table& table, const std::string& below) {
    for (const auto& entry : table) read_entry(section, entry, below + entry.key);
  }

  void read_entry(const Section& section, const TomlEntry& entry, const std::string& name) {
    const auto path = section.path_of(name);
    findings_.set_at(path, {options_.path, entry.line, entry.column, path});
    for (const auto& key : section.keys)
      if (key.name == name) return read_value(key, path, entry.node);
    if (section.kind == SectionKind::top && name == "postgres") return read_listeners(entry.node);
    if (section.kind == SectionKind::listener && name == "databases")
      return read_databases(path, entry.node);
    const auto inside = [&](const Key& key) { return key.name.starts_with(name + "."); };
    if (std::none_of(section.keys.begin(), section.keys.end(), inside))
      return findings_.problem(path, unknown_key(section, name));
    if (const auto* table = entry.node.table()) return read_table(section, *table, name + ".");
    findings_.problem(
        path, fmt::format("found {}, but it is a table: {} = {{ ... }}", entry.node.found(), name));
  }

  void read_value(const Key& key, const std::string& path, const TomlNode& node) {
    findings_.set_at(path, {options_.path, node.line, node.column, path});
    if (auto set = set_key(key, node, folder_); !set) findings_.problem(path, set.error());
  }

  void read_listeners(const TomlNode& node) {
    if (!node.array())
      return findings_.problem(
          "postgres", "write [[postgres]] with two brackets: there may be several listeners");
    for (const auto& item : *node.array()) {
      const auto index = draft_.config.postgres.size();
      const auto path = listener_path(index);
      findings_.set_at(path, {options_.path, item.line, item.column, path});
      if (!item.table()) {
        findings_.problem(path,
                          fmt::format("found {}, but it is a table: [[postgres]]", item.found()));
        continue;
      }
      draft_.add_listener();
      read_table({SectionKind::listener, path, draft_.listener_keys(index)}, *item.table(), "");
    }
  }

  void read_databases(const std::string& path, const TomlNode& node) {
    if (!node.table())
      return findings_.problem(
          path,
          fmt::format("found {}, but it is a table: [postgres.databases.NAME]", node.found()));
    const auto listener = draft_.config.postgres.size() - 1;
    for (const auto& item : *node.table()) {
      const auto name = database_path(listener, item.key);
      findings_.set_at(name, {options_.path, item.line, item.column, name});
      auto keys = draft_.database_keys(listener, item.key);
      if (item.node.table())
        read_table({SectionKind::database, name, std::move(keys)}, *item.node.table(), "");
      else  // app = "postgres://..."
        read_value({"dsn", &draft_.parts[listener].databases[item.key].dsn}, name, item.node);
    }
  }

  bool holds_secrets() {
    if (!draft_.config.admin.token.empty()) return true;
    for (const auto& listener : draft_.config.postgres)
      if (!listener.auth.users.empty() || !listener.primary.password.empty()) return true;
    for (const auto& parts : draft_.parts) {
      if (!parts.password.empty()) return true;
      for (const auto& [name, database] : parts.databases)
        if (!database.password.empty() || !database.dsn.password.empty()) return true;
    }
    return false;
  }

  const LoadOptions& options_;
  std::string folder_;
  Draft& draft_;
  Findings& findings_;
};

}  // namespace

void read_file(const LoadOptions& options, Draft& draft, Findings& findings) {
  if (!options.path.empty() || options.text) FileReader(options, draft, findings).read();
}

}  // namespace sluice::gateway
