// Prepared statements of the extended protocol, on both sides of the gateway.
//
// In transaction mode a client's statement may run on any connection, so it is known there under a
// name of ours, made from its text and parameter types, and parsed when a connection first needs it.
// The client's own names live in ClientStatements, a connection's in ServerStatements.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "sluice/query/examiner.h"
#include "sluice/query/workload.h"

namespace sluice::postgres {

// Bytes of a listener's prepared statements: each statement once, whoever holds it, and each name that a
// client has given to one. Thread-safe: a statement ends on whichever worker lets go of it last.
class StatementMemory {
 public:
  void add(std::size_t n) { bytes_.fetch_add(n, std::memory_order_relaxed); }
  void remove(std::size_t n) { bytes_.fetch_sub(n, std::memory_order_relaxed); }
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // A statement's part; given back when it ends.
  class Share {
   public:
    Share() = default;
    Share(std::shared_ptr<StatementMemory> of, std::size_t n) : of_(std::move(of)), bytes_(n) {
      of_->add(n);
    }
    Share(Share&& other) noexcept : of_(std::move(other.of_)), bytes_(other.bytes_) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (of_) of_->remove(bytes_);
    }

   private:
    std::shared_ptr<StatementMemory> of_;
    std::size_t bytes_ = 0;
  };

 private:
  std::atomic<std::size_t> bytes_ = 0;
};

// What a server said of a statement's result, for executions that don't ask again.
class ResultColumns {
 public:
  static std::unique_ptr<const ResultColumns> read(
      std::string_view description);  // null: malformed
  // `formats`: of a Bind's results, 16 bits each as they came: none, one for all columns, or each one's.
  void tell(query::Run& run, std::string_view formats) const;

 private:
  std::vector<std::pair<std::string, std::uint32_t>> all_;  // name, object id of the type
  std::uint64_t hash_ = 0;
};

// Text, parameter types and what the query stage found. Shared by clients and servers; nothing but the
// count of its holders changes once it is made.
struct Statement {
  Hash128 hash;
  std::string text;
  std::string types;  // as in Parse: the count's worth of 32-bit object ids
  // The settings that a parse depends on ('01/02/03'::date), where they aren't the server's defaults: the
  // server keeps what it parsed, so clients with other settings must not share it.
  std::string settings;
  std::uint64_t schema = 0;  // what was prepared before a change of the schema is another statement
  std::string server_name;   // what connections call it
  query::Known known;        // its views point into text
  // What the server has said of it when it was asked: its result's columns; its parameters' types, as in
  // `types`. Its worker's clients use them.
  mutable std::unique_ptr<const ResultColumns> columns;
  mutable std::string server_types;
  StatementMemory::Share memory;
  mutable std::atomic<std::uint32_t> clients = 0;  // names that clients have for it

  bool same_as(const Statement& other) const {
    return this == &other || (text == other.text && types == other.types &&
                              settings == other.settings && schema == other.schema);
  }
  std::size_t bytes() const {
    return sizeof(Statement) + text.size() + types.size() + settings.size() + server_name.size();
  }
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
  explicit StatementTable(
      std::shared_ptr<StatementMemory> memory = std::make_shared<StatementMemory>())
      : memory_(std::move(memory)) {}

  // `examine` is called for a new statement only, with a view into its own text.
  template <class Examine>
  StatementRef intern(const StatementKey& key, Examine&& examine) {
    const Hash128 hash = key.hash();
    if (StatementRef known = find(hash, key)) return known;
    auto made = make(hash, key);
    made->known = examine(std::string_view(made->text));
    return made;
  }
  // The server's plan of it is of no use any more: who prepares the text from now on gets a new statement
  // with a name of its own, parsed anew on each connection.
  void supersede(const Statement& statement);
  std::size_t size() const { return table_.size(); }
  // What all tables that were made with it hold together. Outlives the table's statements.
  StatementMemory& memory() const { return *memory_; }

 private:
  StatementRef find(const Hash128& hash, const StatementKey& key) const;
  std::shared_ptr<Statement> make(const Hash128& hash, const StatementKey& key);
  void purge();

  std::shared_ptr<StatementMemory> memory_;
  std::unordered_map<Hash128, std::weak_ptr<const Statement>> table_;
  std::uint64_t superseded_ = 0;
  std::size_t purge_at_ = 1024;
};

// What a client has prepared, by the client's names. One fiber.
class ClientStatements {
 public:
  // A name's own bytes, beside the statement's: a node of the table.
  static std::size_t bytes_of_name(std::string_view name) { return 80 + name.size(); }

  // `memory` has to outlive it.
  explicit ClientStatements(StatementMemory& memory) : memory_(&memory) {}
  ~ClientStatements() { clear(); }
  ClientStatements(const ClientStatements&) = delete;
  ClientStatements& operator=(const ClientStatements&) = delete;

  const StatementRef* find(std::string_view name) const;
  void put(std::string_view name, StatementRef statement);
  void erase(std::string_view name);
  void clear();
  // Of the names and of the statements that they stand for, as if nobody else had those.
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
  void let_go(Names::const_iterator at);

  StatementMemory* memory_;
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
  // Takes out those that no client has a name for, among the hundred least recently used.
  std::vector<StatementRef> take_orphans();
  std::size_t size() const { return by_name_.size(); }

 private:
  using Order = std::list<StatementRef>;
  unsigned limit_;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> by_name_;  // views of server_name
};

}  // namespace sluice::postgres
