// Query: what a statement text is, found by reading it once, without a parser and without I/O.
//
//   sluice::query::Analyzer analyzer;
//   auto seen = analyzer.examine("set timezone to 'UTC'; select 1");
//   // seen.statements == 2, seen.settings[0] == {set, "timezone", "'UTC'"}
//
// So far it says what a PostgreSQL text does to its session: which settings it changes, whether it
// needs a connection of its own beyond the transaction (a pin) and why, where its transaction
// begins and ends. It errs to one side: a text it can't follow is pinned as `unanalysed`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::query {

// What a statement is by its leading keyword. EXPLAIN ANALYZE counts as the statement it runs; WITH
// as the query behind it or, where that only selects, as the first common table expression that
// changes data; SELECT INTO is ddl. So select changes no table unless a function does. TABLE and
// VALUES are select; SET, SHOW, EXPLAIN, DO, CALL, LISTEN, PREPARE, cursors and the like are
// utility.
enum class Verb : std::uint8_t {
  unknown,
  empty,
  select,
  insert,
  update,
  delete_,
  merge,
  copy,
  ddl,
  transaction,
  utility,
};

// Why a client would keep its connection beyond the transaction.
enum class PinCause : std::uint8_t {
  temp_table,  // any temporary object
  listen,
  advisory_lock,  // the session kind, not pg_advisory_xact_lock
  hold_cursor,
  sql_prepare,  // PREPARE name AS, not the protocol's Parse
  load,
  sequence_state,  // currval, lastval
  role,            // SET ROLE, SET SESSION AUTHORIZATION
  setting,         // a change that can't be replayed elsewhere
  replication,     // reserved for replication connections; no text has it
  unanalysed,      // the text hides what it does
  kCount,
};
std::string_view name_of(PinCause cause);

// One bit for each PinCause.
using PinSet = std::uint32_t;
constexpr PinSet bit(PinCause cause) { return PinSet{1} << static_cast<unsigned>(cause); }

enum class TransactionStep : std::uint8_t {
  none,
  begin,
  commit,
  rollback,
  savepoint,
  release,
  rollback_to,
  prepare_transaction,
  commit_prepared,  // COMMIT PREPARED and ROLLBACK PREPARED
};

struct SettingChange {
  enum class Kind : std::uint8_t {
    set,
    set_local,
    reset,      // RESET name; value is empty
    reset_all,  // RESET ALL; name and value are empty
    unknown,    // changed to something the text doesn't say; the name too may be empty
  };
  Kind kind = Kind::unknown;
  std::string name;   // lower case
  std::string value;  // the SQL behind TO or =, as written: 'x', a, b, DEFAULT
  bool operator==(const SettingChange&) const = default;
};

struct Analysis {
  Verb verb = Verb::empty;       // of the first statement
  unsigned statements = 0;       // those with at least one token
  PinSet pins = 0;               // what it would need a session for
  bool may_unpin = false;        // a reason for a pin may have ended: ask the server
  bool uses_sequence = false;    // may leave a value for currval() or lastval()
  bool discards_all = false;     // DISCARD ALL
  bool deallocates_all = false;  // DEALLOCATE ALL
  TransactionStep step = TransactionStep::none;  // the last one in the text
  bool savepoints = false;                       // has SAVEPOINT or ROLLBACK TO
  bool copies_from_stdin = false;
  // DEALLOCATE name, the last one: as written (quotes, upper case), a view into the text.
  std::string_view deallocates;
  std::vector<SettingChange> settings;  // in order of the text

  bool pinned_by(PinCause cause) const { return (pins & bit(cause)) != 0; }
};

// Thread-safe, stateless. Never fails; takes time linear in the text and doesn't allocate unless
// the text changes settings.
class Analyzer {
 public:
  // `backslash_escapes`: plain '...' strings know backslashes (standard_conforming_strings=off).
  // REQUIRES: an encoding where bytes below 0x80 are ASCII: not SJIS, BIG5, GBK, GB18030, UHC,
  // JOHAB.
  Analysis examine(std::string_view text, bool backslash_escapes = false) const;
};

// The text with the second byte of each two-byte character made opaque, for client encodings in which
// that byte may be an ASCII one: BIG5, GBK, GB18030, UHC, JOHAB, and Shift JIS with its one-byte katakana.
// Same length, so positions stay. (Source: PostgreSQL manual, "Character Set Support".)
std::string veil_multibyte(std::string_view text, bool shift_jis);

}  // namespace sluice::query
