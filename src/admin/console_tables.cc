#include "admin/console_tables.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/parse.h"
#include "session/postgres_client.h"
#include "session/postgres_server.h"

namespace sluice::admin {
namespace {

using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;

constexpr std::uint32_t kText = 25, kInteger = 23, kBigint = 20;
constexpr const char* kPgbouncerVersion = "1.18.0";

ConsoleReply table(std::initializer_list<ConsoleReply::Field> fields) {
  ConsoleReply reply;
  reply.fields = fields;
  return reply;
}

template <class T>
std::string number(T value) {
  return std::to_string(value);
}

std::string stamp(std::int64_t seconds) {
  const std::time_t at = seconds;
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::int64_t whole_seconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

// What is left below a second, in microseconds.
std::int64_t rest_of_second(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d % std::chrono::seconds(1)).count();
}

// A Unix socket is "unix" with the port in its file's name.
std::string address_of(const net::Endpoint& at) { return at.is_unix() ? "unix" : at.host; }
std::string port_of(const net::Endpoint& at) {
  if (!at.is_unix()) return number(at.port);
  const auto dot = at.path.rfind('.');
  const std::string_view suffix =
      dot == at.path.npos ? std::string_view() : std::string_view(at.path).substr(dot + 1);
  const auto port = parse_u64(suffix, 0, 65535);
  return number(port ? *port : 0);
}

// How clients and servers name each other in `ptr` and `link`.
std::string name_of_client(const gateway::ClientView& client) {
  return fmt::format("c{}", client.snapshot.id);
}
std::string name_of_server(const gateway::ServerView& server) {
  return server.pid == 0 ? fmt::format("s{}", server.id)
                         : fmt::format("{}@{}", server.pid, server.endpoint.text());
}

// ---- one line of SHOW CLIENTS, SERVERS, SOCKETS -----------------------------------------------------

const std::initializer_list<ConsoleReply::Field> kSocketFields = {{"type", kText},
                                                                  {"user", kText},
                                                                  {"database", kText},
                                                                  {"state", kText},
                                                                  {"addr", kText},
                                                                  {"port", kInteger},
                                                                  {"local_addr", kText},
                                                                  {"local_port", kInteger},
                                                                  {"connect_time", kText},
                                                                  {"request_time", kText},
                                                                  {"wait", kInteger},
                                                                  {"wait_us", kInteger},
                                                                  {"close_needed", kInteger},
                                                                  {"ptr", kText},
                                                                  {"link", kText},
                                                                  {"remote_pid", kInteger},
                                                                  {"tls", kText},
                                                                  {"application_name", kText}};

// `prefix`: "" or "cl_", as SHOW SOCKETS has it.
Row client_row(const gateway::ClientView& client, std::string_view prefix) {
  const auto& c = client.snapshot;
  const Duration waited = c.waiting ? c.waited : Duration{};
  return {"C",
          c.user,
          c.database,
          fmt::format("{}{}", prefix, c.waiting ? "waiting" : "active"),
          address_of(c.peer),
          port_of(c.peer),
          address_of(c.local),
          port_of(c.local),
          stamp(c.connected_at),
          stamp(c.request_at ? c.request_at : c.connected_at),
          number(whole_seconds(waited)),
          number(rest_of_second(waited)),
          "0",
          name_of_client(client),
          c.server,
          "0",
          c.tls,
          c.application};
}

std::string_view state_of(const gateway::ServerView& server) {
  return server.pid == 0 ? "login" : server.leased ? "active" : "idle";
}

Row server_row(const gateway::ServerView& server, std::string_view prefix, std::int64_t now,
               const std::map<std::string, std::string>& clients) {
  const std::string name = name_of_server(server);
  const auto client = clients.find(name);
  return {"S",
          server.user,
          server.database,
          fmt::format("{}{}", prefix, state_of(server)),
          address_of(server.endpoint),
          port_of(server.endpoint),
          "",
          "0",
          stamp(now - whole_seconds(server.age)),
          stamp(now - whole_seconds(server.in_state)),
          "0",
          "0",
          "0",
          name,
          client == clients.end() ? "" : client->second,
          number(server.pid),
          "",
          ""};
}

// Server's name -> the client that holds it.
std::map<std::string, std::string> holders(const ConsoleFacts& facts) {
  std::map<std::string, std::string> out;
  for (const auto& client : facts.clients)
    if (!client.snapshot.server.empty()) out[client.snapshot.server] = name_of_client(client);
  return out;
}

}  // namespace

ConsoleReply clients_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table(kSocketFields);
  for (const auto& client : facts.clients) reply.rows.push_back(client_row(client, ""));
  return reply;
}

ConsoleReply servers_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table(kSocketFields);
  const auto clients = holders(facts);
  for (const auto& server : facts.servers)
    reply.rows.push_back(server_row(server, "", facts.now, clients));
  return reply;
}

ConsoleReply sockets_table(const ConsoleFacts& facts, bool all) {
  ConsoleReply reply = table(kSocketFields);
  const auto clients = holders(facts);
  for (const auto& client : facts.clients)
    if (all || client.snapshot.active || client.snapshot.waiting)
      reply.rows.push_back(client_row(client, "cl_"));
  for (const auto& server : facts.servers)
    if (all || server.leased) reply.rows.push_back(server_row(server, "sv_", facts.now, clients));
  for (const char* name : {"recv_pos", "pkt_pos", "pkt_remain", "send_pos", "send_remain",
                           "pkt_avail", "send_avail"}) {
    reply.fields.push_back({name, kInteger});
    for (Row& row : reply.rows) row.emplace_back("0");
  }
  return reply;
}

ConsoleReply pools_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table({{"database"},
                              {"user"},
                              {"cl_active", kInteger},
                              {"cl_waiting", kInteger},
                              {"cl_active_cancel_req", kInteger},
                              {"cl_waiting_cancel_req", kInteger},
                              {"sv_active", kInteger},
                              {"sv_active_cancel", kInteger},
                              {"sv_being_canceled", kInteger},
                              {"sv_idle", kInteger},
                              {"sv_used", kInteger},
                              {"sv_tested", kInteger},
                              {"sv_login", kInteger},
                              {"maxwait", kInteger},
                              {"maxwait_us", kInteger},
                              {"pool_mode"}});
  for (const auto& pool : facts.pools)
    reply.rows.push_back({pool.database, pool.user, number(pool.clients_active + pool.clients_idle),
                          number(pool.clients_waiting), "0", "0", number(pool.stats.leased), "0",
                          "0", number(pool.stats.idle), "0", "0", number(pool.stats.connecting),
                          number(whole_seconds(pool.stats.oldest_wait)),
                          number(rest_of_second(pool.stats.oldest_wait)),
                          std::string(name_of(pool.mode))});
  return reply;
}

// ---- what is configured -------------------------------------------------------------------------------

namespace {

// Names that the listener serves: its entries, and those that clients came for.
std::set<std::string> database_names(const ConsoleFacts& facts,
                                     const gateway::PostgresListener& listener) {
  std::set<std::string> names;
  for (const auto& [name, database] : listener.databases)
    if (name != "*") names.insert(name);
  for (const auto& pool : facts.pools)
    if (pool.listener == listener.name) names.insert(pool.database);
  if (names.empty() && !listener.primary.database.empty()) names.insert(listener.primary.database);
  return names;
}

Row database_row(const ConsoleFacts& facts, const gateway::PostgresListener& listener,
                 const std::string& name, const gateway::Target& target) {
  unsigned connections = 0;
  bool paused = false;
  for (const auto& pool : facts.pools)
    if (pool.listener == listener.name && pool.database == name) {
      connections += pool.stats.total;
      paused = paused || pool.paused;
    }
  const auto entry = listener.databases.find(name);
  const bool own_mode = entry != listener.databases.end() && entry->second.mode;
  const HostPort at = target.dsn.hosts.empty() ? HostPort{} : target.dsn.hosts.front();
  return {name,
          at.host.empty() ? Cell() : Cell(at.host),
          number(at.port),
          target.dsn.database,
          target.dsn.user.empty() ? Cell() : Cell(target.dsn.user),
          number(target.pool.max),
          number(target.pool.min),
          "0",
          own_mode ? Cell(std::string(name_of(target.pool.mode))) : Cell(),
          number(target.max_database),
          number(connections),
          paused ? "1" : "0",
          "0"};
}

std::set<std::string> user_names(const ConsoleFacts& facts) {
  std::set<std::string> names;
  for (const auto& listener : facts.config.postgres) {
    for (const auto& [name, secret] : listener.auth.users) names.insert(name);
    for (const auto* list : {&listener.auth.admin_users, &listener.auth.stats_users})
      names.insert(list->begin(), list->end());
  }
  for (const auto& pool : facts.pools) names.insert(pool.user);
  for (const auto& client : facts.clients) names.insert(client.snapshot.user);
  return names;
}

std::size_t database_count(const ConsoleFacts& facts) {
  std::size_t n = 0;
  for (const auto& listener : facts.config.postgres) n += database_names(facts, listener).size();
  return n;
}

}  // namespace

ConsoleReply databases_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table({{"name"},
                              {"host"},
                              {"port", kInteger},
                              {"database"},
                              {"force_user"},
                              {"pool_size", kInteger},
                              {"min_pool_size", kInteger},
                              {"reserve_pool", kInteger},
                              {"pool_mode"},
                              {"max_connections", kInteger},
                              {"current_connections", kInteger},
                              {"paused", kInteger},
                              {"disabled", kInteger}});
  for (const auto& listener : facts.config.postgres)
    for (const std::string& name : database_names(facts, listener))
      if (const auto target = find_database(listener, name))
        reply.rows.push_back(database_row(facts, listener, name, *target));
  return reply;
}

ConsoleReply users_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table({{"name"}, {"pool_mode"}});
  for (const std::string& name : user_names(facts)) reply.rows.push_back({name, std::nullopt});
  return reply;
}

ConsoleReply lists_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table({{"list"}, {"items", kInteger}});
  const auto used = static_cast<std::size_t>(std::count_if(
      facts.servers.begin(), facts.servers.end(), [](const auto& s) { return s.leased; }));
  auto add = [&](const char* name, std::size_t items) {
    reply.rows.push_back({name, number(items)});
  };
  add("databases", database_count(facts));
  add("users", user_names(facts).size());
  add("pools", facts.pools.size());
  add("free_clients", 0);
  add("used_clients", facts.clients.size());
  add("login_clients", 0);
  add("free_servers", facts.servers.size() - used);
  add("used_servers", used);
  for (const char* name : {"dns_names", "dns_zones", "dns_queries", "dns_pending"}) add(name, 0);
  return reply;
}

ConsoleReply memory_table(const ConsoleFacts& facts) {
  ConsoleReply reply = table({{"name"},
                              {"size", kInteger},
                              {"used", kInteger},
                              {"free", kInteger},
                              {"memtotal", kBigint}});
  auto add = [&](const char* name, std::size_t size, std::size_t used) {
    reply.rows.push_back({name, number(size), number(used), "0", number(size * used)});
  };
  add("pool_cache", sizeof(gateway::PoolView), facts.pools.size());
  add("server_cache", sizeof(postgres::ServerConn), facts.servers.size());
  add("client_cache", sizeof(postgres::PostgresClient), facts.clients.size());
  return reply;
}

ConsoleReply state_table(const ConsoleFacts& facts) {
  const bool paused = !facts.pools.empty() && std::all_of(facts.pools.begin(), facts.pools.end(),
                                                          [](const auto& p) { return p.paused; });
  ConsoleReply reply = table({{"key"}, {"value"}});
  reply.rows = {
      {"active", paused ? "no" : "yes"}, {"paused", paused ? "yes" : "no"}, {"suspended", "no"}};
  return reply;
}

ConsoleReply pins_table(const ConsoleFacts& facts) {
  std::map<std::tuple<std::string, std::string, std::string>, unsigned> counts;
  for (const auto& client : facts.clients)
    for (unsigned i = 0; i < static_cast<unsigned>(query::PinCause::kCount); ++i) {
      const auto cause = static_cast<query::PinCause>(i);
      if (client.snapshot.pins & query::bit(cause))
        ++counts[{client.snapshot.database, client.snapshot.user, std::string(name_of(cause))}];
    }
  ConsoleReply reply = table({{"database"}, {"user"}, {"cause"}, {"clients", kInteger}});
  for (const auto& [key, clients] : counts)
    reply.rows.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), number(clients)});
  return reply;
}

// ---- what never changes -------------------------------------------------------------------------------

ConsoleReply version_table() {
  ConsoleReply reply = table({{"version"}});
  reply.rows = {
      {fmt::format("PgBouncer {} console of Sluice {}", kPgbouncerVersion, SLUICE_VERSION)}};
  return reply;
}

ConsoleReply help() {
  ConsoleReply reply;
  reply.notices = {
      "Console usage\n"
      "\tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION|STATE\n"
      "\tSHOW SOCKETS|ACTIVE_SOCKETS|LISTS|MEM|PINS\n"
      "\tSHOW DNS_HOSTS|DNS_ZONES\n"
      "\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS\n"
      "\tSET key = arg\n"
      "\tRELOAD\n"
      "\tPAUSE [<db>]\n"
      "\tRESUME [<db>]\n"
      "\tRECONNECT [<db>]\n"
      "\tKILL <db>\n"
      "\tSHUTDOWN"};
  return reply;
}

ConsoleReply dns_hosts_table() { return table({{"hostname"}, {"ttl", kBigint}, {"addrs"}}); }
ConsoleReply dns_zones_table() {
  return table({{"zonename"}, {"serial", kBigint}, {"count", kInteger}});
}

}  // namespace sluice::admin
