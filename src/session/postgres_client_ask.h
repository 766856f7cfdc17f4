// A PostgreSQL request as the walk sees it: one simple query, one function call, or one group of
// extended messages up to its Sync, of which at least the first has arrived.
#pragma once

#include <string>

#include "session/postgres_client.h"

namespace sluice::postgres {

class PostgresClient::Ask final : public session::Request {
 public:
  Ask(PostgresClient& client, const Frame& frame);

  Result<void> exchange(session::UpstreamConn& conn) override {
    began = true;
    return client_.converse(static_cast<ServerConn&>(conn), *this);
  }
  void answer(std::string_view reply) override { client_.out_.append(reply); }
  bool unsent() const override { return !sent; }
  void on_examined(const query::Seen& seen) override;
  bool may_share() override { return client_.may_share(*analysis); }
  bool vouch(session::UpstreamConn& conn, std::span<const std::string> relations) override {
    return static_cast<ServerConn&>(conn).plain_tables(relations);
  }

  bool valid = true;               // the first message holds together
  std::string problem;             // else: why not
  bool first = true;               // the first message hasn't been forwarded yet
  bool began = false;              // a connection has been found
  bool sent = false;               // bytes may have gone to the server
  bool told = false;               // the client has had an error for it
  unsigned requests = 0;           // boundaries passed: those that rode along count too
  std::optional<Hash128> popular;  // its text comes unprepared ...
  bool prepared = false;           // ... and goes prepared
  StatementRef form;               // a simple query's: as what, with these values
  std::string bind;
  bool plain = false;     // it goes as it came, whatever `form` says
  bool repeated = false;  // what was known of its text has been used up
  bool is_simple() const { return simple_; }
  std::size_t first_size = 0;  // of its first message
  query::Known known;          // of a Parse; views into the input
  query::RunRef run;           // of a simple query

 private:
  Result<void> examine_first(const Frame& frame);

  PostgresClient& client_;
  bool simple_ = false;
};

}  // namespace sluice::postgres
