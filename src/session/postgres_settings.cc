#include "session/postgres_settings.h"

#include <algorithm>
#include <array>

namespace sluice::postgres {
namespace {

const std::vector<Setting>& list(const Settings::Ref& ref) {
  static const std::vector<Setting> none;
  return ref ? ref->all() : none;
}

bool by_name(const Setting& a, std::string_view name) { return a.name < name; }

void append_set(std::string& sql, const Setting& s) {
  if (s.raw)
    sql += "SET " + quote_identifier(s.name) + " TO " + s.value + ";";
  else
    sql += "SELECT pg_catalog.set_config(" + quote_literal(s.name) + "," + quote_literal(s.value) +
           ",false);";
}

}  // namespace

const Setting* Settings::find(std::string_view name) const {
  auto at = std::lower_bound(settings_.begin(), settings_.end(), name, by_name);
  return at != settings_.end() && at->name == name ? &*at : nullptr;
}

Settings::Ref Settings::with(const Ref& from, Setting setting) {
  if (from)
    if (const Setting* old = from->find(setting.name); old && *old == setting) return from;
  auto made = std::make_shared<Settings>();
  made->settings_ = list(from);
  auto at = std::lower_bound(made->settings_.begin(), made->settings_.end(), setting.name, by_name);
  if (at != made->settings_.end() && at->name == setting.name)
    *at = std::move(setting);
  else
    made->settings_.insert(at, std::move(setting));
  return made;
}

Settings::Ref Settings::without(const Ref& from, std::string_view name) {
  if (!from || !from->find(name)) return from;
  if (from->settings_.size() == 1) return nullptr;
  auto made = std::make_shared<Settings>();
  for (const Setting& s : from->settings_)
    if (s.name != name) made->settings_.push_back(s);
  return made;
}

bool Settings::equal(const Ref& a, const Ref& b) { return list(a) == list(b); }

std::string replay_sql(const Settings::Ref& has, const Settings::Ref& wants) {
  if (Settings::same(has, wants)) return {};
  std::string sql;
  for (const Setting& s : list(has))
    if (!wants || !wants->find(s.name)) sql += "RESET " + quote_identifier(s.name) + ";";
  for (const Setting& s : list(wants)) {
    const Setting* old = has ? has->find(s.name) : nullptr;
    if (!old || *old != s) append_set(sql, s);
  }
  return sql;
}

bool settable(std::string_view parameter) {
  static constexpr std::array fixed = {"server_version", "server_encoding",
                                       "is_superuser",   "session_authorization",
                                       "in_hot_standby", "integer_datetimes"};
  return std::find(fixed.begin(), fixed.end(), parameter) == fixed.end();
}

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string quote_literal(std::string_view text) {
  std::string out = text.find('\\') == text.npos ? "'" : "E'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '.') {
      out += "\".\"";
      continue;
    }
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace sluice::postgres
