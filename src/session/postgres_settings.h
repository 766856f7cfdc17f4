// The settings of a PostgreSQL session, as values: what a client wants and what a connection has.
//
// Both are immutable and shared, so the check that a connection suits a client is one comparison of
// pointers in the usual case. Where they differ, replay_sql() says what to run on attach.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::postgres {

// Parameters as ParameterStatus reports them, with the server's own spelling of names.
using Reported = std::map<std::string, std::string, std::less<>>;

struct Setting {
  std::string name;   // lower case
  std::string value;  // plain text for set_config(), or SQL behind SET name TO when `raw`
  bool raw = false;
  bool operator==(const Setting&) const = default;
};

// What differs from the server's own defaults. Immutable; null means "nothing".
class Settings {
 public:
  using Ref = std::shared_ptr<const Settings>;

  static Ref with(const Ref& from, Setting setting);
  static Ref without(const Ref& from, std::string_view name);
  static bool same(const Ref& a, const Ref& b) { return a == b || equal(a, b); }

  const std::vector<Setting>& all() const { return settings_; }
  const Setting* find(std::string_view name) const;

 private:
  static bool equal(const Ref& a, const Ref& b);
  std::vector<Setting> settings_;  // sorted by name
};

// The SQL that turns a connection with `has` into one with `wants`; empty if nothing differs.
std::string replay_sql(const Settings::Ref& has, const Settings::Ref& wants);

// False for reported parameters that no client can set (server_version, is_superuser, ...).
bool settable(std::string_view parameter);

std::string lower(std::string_view name);
std::string quote_literal(std::string_view text);     // 'it''s', with E'' if it has a backslash
std::string quote_identifier(std::string_view name);  // "Name"; dots separate parts

}  // namespace sluice::postgres
