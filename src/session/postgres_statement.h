// Prepared statements of the extended protocol, on both sides of the gateway.
//
// In transaction mode a client's statement may run on any connection, so it is known there under a
// name of ours, made from its text and parameter types, and parsed when a connection first needs it.
// The client's own names live in ClientStatements, a connection's in ServerStatements.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "sluice/query.h"

namespace sluice::postgres {

// Text, parameter types and what the query stage found. Immutable, shared by clients and servers.
struct Statement {
  Hash128 hash;
  std::string text;
  std::string types;  // as in Parse: the count's worth of 32-bit object ids
  // The settings that a parse depends on ('01/02/03'::date), where they aren't the server's defaults: the
  // server keeps what it parsed, so clients with other settings must not share it.
  std::string settings;
  std::uint64_t schema = 0;  // what was prepared before a change of the schema is another statement
  std::string server_name;   // what connections call it
  query::Analysis analysis;  // its views point into text

  bool same_as(const Statement& other) const {
    return this == &other || (text == other.text && types == other.types &&
                              settings == other.settings && schema == other.schema);
  }
  std::size_t bytes() const { return sizeof(Statement) + text.size() + types.size(); }
};
using StatementRef = std::shared_ptr<const Statement>;

// What tells statements apart.
struct StatementKey {
  std::string_view text, types, settings;
  std::uint64_t schema = 0;

  Hash128 hash() const;
  bool names(const Statement& s) const {
    return s.text == text && s.types == types && s.settings == settings && s.schema == schema;
  }
};

// A worker's table of statements in use, so that equal ones exist once. One worker.
class StatementTable {
 public:
  // `examine` is called for a new statement only, with a view into its own text.
  template <class Examine>
  StatementRef intern(const StatementKey& key, Examine&& examine) {
    const Hash128 hash = key.hash();
    if (StatementRef known = find(hash, key)) return known;
    auto made = make(hash, key);
    made->analysis = examine(std::string_view(made->text));
    return made;
  }
  // The server's plan of it is of no use any more: who prepares the text from now on gets a new statement
  // with a name of its own, parsed anew on each connection.
  void supersede(const Statement& statement);
  std::size_t size() const { return table_.size(); }

 private:
  StatementRef find(const Hash128& hash, const StatementKey& key) const;
  std::shared_ptr<Statement> make(const Hash128& hash, const StatementKey& key);
  void purge();

  std::unordered_map<Hash128, std::weak_ptr<const Statement>> table_;
  std::uint64_t superseded_ = 0;
  std::size_t purge_at_ = 1024;
};

// What a client has prepared, by the client's names. One fiber.
class ClientStatements {
 public:
  const StatementRef* find(std::string_view name) const;
  void put(std::string_view name, StatementRef statement);
  void erase(std::string_view name);
  void clear();
  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return names_ ? names_->size() : 0; }
  template <class Visit>
  void each(Visit&& visit) const {
    if (names_)
      for (const auto& [name, statement] : *names_) visit(name, statement);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  using Names = std::unordered_map<std::string, StatementRef, Hash, std::equal_to<>>;
  std::unique_ptr<Names> names_;  // most clients never have one
  std::size_t bytes_ = 0;
};

// What a connection has prepared under our names, least recently used last. One fiber.
class ServerStatements {
 public:
  explicit ServerStatements(unsigned limit) : limit_(limit) {}
  // True if it is prepared here; moves it to the front.
  bool use(const Statement& statement);
  void add(StatementRef statement);
  void erase(const Statement& statement);
  void clear();
  // The one to close before `next` is parsed: another of the same name (equal hashes), else the least
  // recently used when the limit is reached, else null.
  StatementRef surplus(const Statement& next) const;
  std::size_t size() const { return by_name_.size(); }

 private:
  using Order = std::list<StatementRef>;
  unsigned limit_;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> by_name_;  // views of server_name
};

}  // namespace sluice::postgres
