// PostgreSQL connection strings, as libpq reads them (fe-connect.c: conninfo_uri_parse_options and
// conninfo_parse): both forms become one list of settings, and hosts and ports are paired last.
#include <fmt/format.h>

#include "base/parse.h"
#include "base/url.h"

namespace sluice {
namespace {

constexpr std::uint16_t kPort = 5432;
constexpr std::string_view kSocketDirectory = "/run/postgresql";  // Debian's, where libpq looks too

using Settings = std::map<std::string, std::string>;

std::unexpected<Error> wrong(std::string_view what) {
  return fail(Code::invalid_argument, fmt::format("connection string: {}", what));
}

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// key=value pairs. A value ends at a blank unless it is in single quotes; a backslash takes the next
// character as it is, in both.
class PairReader {
 public:
  explicit PairReader(std::string_view text) : text_(text) {}

  Result<Settings> read() {
    Settings settings;
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] != '=' && !blank(text_[at_])) ++at_;
      std::string key(text_.substr(start, at_ - start));
      skip_blanks();
      if (key.empty() || at_ >= text_.size() || text_[at_] != '=')
        return wrong(fmt::format("no key=value at character {}", start + 1));
      ++at_;
      skip_blanks();
      auto value = read_value();
      if (!value) return std::unexpected(value.error());
      settings.insert_or_assign(std::move(key), std::move(*value));
    }
    return settings;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && blank(text_[at_])) ++at_;
  }

  Result<std::string> read_value() {
    const std::size_t start = at_;
    const bool in_quotes = at_ < text_.size() && text_[at_] == '\'';
    if (in_quotes) ++at_;
    std::string value;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (in_quotes ? c == '\'' : blank(c)) break;
      ++at_;
      if (c != '\\') {
        value += c;
      } else if (at_ < text_.size()) {
        value += text_[at_++];
      }
    }
    if (!in_quotes) return value;
    if (at_ == text_.size())
      return wrong(fmt::format("the quote at character {} isn't closed", start + 1));
    ++at_;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string taken(Settings& settings, const std::string& key) {
  auto node = settings.extract(key);
  return node ? std::move(node.mapped()) : std::string();
}

// One port for all hosts, or one for each; an empty one is the default.
Result<void> assign_ports(std::string_view list, std::vector<HostPort>& hosts) {
  if (list.empty()) return {};
  const auto ports = split(list, ',');
  if (ports.size() != 1 && ports.size() != hosts.size())
    return wrong(fmt::format("{} ports for {} hosts", ports.size(), hosts.size()));
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string_view text = trim(ports[ports.size() == 1 ? 0 : i]);
    if (text.empty()) continue;
    const auto number = parse_u64(text, 1, 65535);
    if (!number) return wrong("a port isn't a number from 1 to 65535");
    hosts[i].port = static_cast<std::uint16_t>(*number);
  }
  return {};
}

// `hosts` are those of a URI's authority; host=, hostaddr= and port= stand above them.
Result<Dsn> dsn_of(Settings settings, std::vector<HostPort> hosts) {
  Dsn dsn;
  dsn.user = taken(settings, "user");
  dsn.password = taken(settings, "password");
  dsn.database = taken(settings, "dbname");
  std::string names = taken(settings, "host");
  if (names.empty() && hosts.empty()) names = taken(settings, "hostaddr");
  if (!names.empty()) {
    std::vector<HostPort> named;
    for (std::string_view name : split(names, ',')) named.push_back({std::string(name), 0});
    // ports of the authority stay with their places, as in postgres://:5433?host=/run/x
    for (std::size_t i = 0; i < named.size() && i < hosts.size(); ++i)
      named[i].port = hosts[i].port;
    hosts = std::move(named);
  }
  if (hosts.empty()) hosts.push_back({});
  if (auto ok = assign_ports(taken(settings, "port"), hosts); !ok)
    return std::unexpected(ok.error());
  for (HostPort& host : hosts) {
    if (host.host.empty()) host.host = kSocketDirectory;
    if (host.port == 0) host.port = kPort;
  }
  dsn.hosts = std::move(hosts);
  dsn.options = std::move(settings);
  return dsn;
}

Result<Dsn> parse_uri(std::string_view text) {
  auto url = parse_url(text);
  if (!url) return std::unexpected(url.error());
  Settings settings;
  if (!url->user.empty()) settings["user"] = std::move(url->user);
  if (!url->password.empty()) settings["password"] = std::move(url->password);
  if (url->path.size() > 1) settings["dbname"] = url->path.substr(1);
  for (auto& [name, value] : url->query) {
    if (name == "ssl" && value == "true") {  // as JDBC writes it; libpq translates it too
      settings.insert_or_assign("sslmode", "require");
    } else {
      settings.insert_or_assign(std::move(name), std::move(value));
    }
  }
  return dsn_of(std::move(settings), std::move(url->hosts));
}

std::string host_text(const HostPort& at) {
  if (at.host.contains(':')) return fmt::format("[{}]:{}", at.host, at.port);
  return fmt::format("{}:{}", percent_encoded(at.host), at.port);
}

}  // namespace

std::string_view Dsn::option(std::string_view name) const {
  const auto it = options.find(std::string(name));
  return it == options.end() ? std::string_view() : std::string_view(it->second);
}

Result<Dsn> parse_dsn(std::string_view text) {
  text = trim(text);
  if (text.starts_with("postgres://") || text.starts_with("postgresql://")) return parse_uri(text);
  if (text.empty()) return wrong("it is empty: write postgres://user@host:5432/database");
  if (!text.contains('='))
    return wrong("write postgres://user@host:5432/database, or host=... port=... dbname=...");
  auto settings = PairReader(text).read();
  if (!settings) return std::unexpected(settings.error());
  return dsn_of(std::move(*settings), {});
}

std::string redacted(const Dsn& dsn) {
  std::string out = "postgres://";
  if (!dsn.user.empty() || !dsn.password.empty()) {
    out += percent_encoded(dsn.user);
    if (!dsn.password.empty()) out += ":***";
    out += '@';
  }
  for (std::size_t i = 0; i < dsn.hosts.size(); ++i) {
    if (i > 0) out += ',';
    out += host_text(dsn.hosts[i]);
  }
  if (!dsn.database.empty()) out += '/' + percent_encoded(dsn.database);
  char separator = '?';
  for (const auto& [name, value] : dsn.options) {
    out += separator + percent_encoded(name) + '=';
    out += name.contains("password") ? "***" : percent_encoded(value);
    separator = '&';
  }
  return out;
}

std::string postgres_socket_path(const HostPort& at) {
  return fmt::format("{}/.s.PGSQL.{}", at.host, at.port);
}

}  // namespace sluice
