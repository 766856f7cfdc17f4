// URLs and PostgreSQL connection strings: how a user says where a server is.
//
// Both may hold a password, also where somebody mistyped, so no error repeats any of the text: it
// says what is wrong and at which character (from 1). `redacted` is the text for logs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/result.h"

namespace sluice {

struct HostPort {
  std::string host;  // name or address without brackets; a directory ("/run/x") for a Unix socket
  std::uint16_t port = 0;  // 0: not given

  bool is_unix() const { return host.starts_with('/'); }
  bool operator==(const HostPort&) const = default;
};

// scheme://user:password@host:port,host:port/path?name=value&name=value, all parts percent-decoded.
struct Url {
  std::string scheme;  // lower case
  std::string user, password;
  std::vector<HostPort> hosts;  // several where commas part them; empty if none is named
  std::string path;             // with its leading slash, or empty
  std::vector<std::pair<std::string, std::string>> query;

  // The query's value of that name, the last one given, or empty.
  std::string_view option(std::string_view name) const;
};

// A user ends at the first '@' before the first '/', as in libpq; a fragment (#...) is dropped.
Result<Url> parse_url(std::string_view text);
std::string percent_encoded(std::string_view text);  // all but letters, digits and - . _ ~

// Where a PostgreSQL server is and who logs in. Empty user and database mean "not given".
struct Dsn {
  std::string user, password, database;
  std::vector<HostPort> hosts;  // at least one, each with a port; /run/postgresql if none was named
  std::map<std::string, std::string> options;  // everything else: sslmode, application_name, ...

  std::string_view option(std::string_view name) const;
};

// Takes what libpq takes: postgres:// and postgresql:// URIs, and "host=db1 port=5432 dbname=app"
// with its quoting ('a b', \'). Several hosts, host= as a URI parameter, percent-encoded directories
// and port lists work as in libpq (PostgreSQL 15, 34.1.1); unknown options are kept, not refused.
Result<Dsn> parse_dsn(std::string_view text);

// A URI that parse_dsn takes, with *** in the place of passwords.
std::string redacted(const Dsn& dsn);
// The socket's file for a host that is a directory: "/run/postgresql/.s.PGSQL.5432".
std::string postgres_socket_path(const HostPort& at);

}  // namespace sluice
