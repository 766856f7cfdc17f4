// The console's tables in PgBouncer 1.18's columns: pure functions from views to rows.
//
// What PgBouncer tells and we don't have (positions in its buffers, a DNS cache) is 0 or no row: a
// script that reads the columns goes on working.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "admin/rates.h"
#include "gateway/gateway.h"
#include "session/postgres_front.h"

namespace sluice::admin {

using postgres::ConsoleReply;

// Everything that the tables are made from, read at one moment.
struct ConsoleFacts {
  std::vector<gateway::PoolView> pools;
  std::vector<gateway::ServerView> servers;
  std::vector<gateway::ClientView> clients;
  gateway::Config config;
  std::int64_t now = 0;  // seconds since 1970
};

ConsoleReply pools_table(const ConsoleFacts& facts);
ConsoleReply clients_table(const ConsoleFacts& facts);
ConsoleReply servers_table(const ConsoleFacts& facts);
// Servers and clients in one; `all`: idle ones too.
ConsoleReply sockets_table(const ConsoleFacts& facts, bool all);
ConsoleReply databases_table(const ConsoleFacts& facts);
ConsoleReply users_table(const ConsoleFacts& facts);
ConsoleReply lists_table(const ConsoleFacts& facts);
ConsoleReply memory_table(const ConsoleFacts& facts);
ConsoleReply state_table(const ConsoleFacts& facts);
// Ours: how many clients keep their connection, and why.
ConsoleReply pins_table(const ConsoleFacts& facts);

ConsoleReply stats_table(std::span<const DatabaseRates> rates);
ConsoleReply stats_totals_table(std::span<const DatabaseRates> rates);
ConsoleReply stats_averages_table(std::span<const DatabaseRates> rates);
ConsoleReply totals_table(std::span<const DatabaseRates> rates);

ConsoleReply version_table();
ConsoleReply help();
// The system's resolver is used: no names are kept.
ConsoleReply dns_hosts_table();
ConsoleReply dns_zones_table();

}  // namespace sluice::admin
