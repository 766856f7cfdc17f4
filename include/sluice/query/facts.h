// Facts: what a parser knows of a statement, once for each fingerprint.
//
// parse_facts() asks PostgreSQL's own parser (libpg_query, the grammar of PostgreSQL 15). That costs tens
// of microseconds and more, so it is done once for a Template, on a thread of its own, never on a
// request's way. A text that it can't or won't parse has a reason in `unanalysed` and no other facts:
// who builds on facts must take a missing one for the worst.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query.h"
#include "sluice/query/fingerprint.h"

namespace sluice::query {

enum class Volatility : std::uint8_t { immutable, stable, volatile_ };
std::string_view name_of(Volatility volatility);
std::string_view name_of(Verb verb);  // "select", ..., "delete"

// A literal or parameter of a template, in the order of the text.
struct Slot {
  // The column it is compared with, assigned or inserted to: "users.id", or "id" where the table isn't
  // said. Empty: unknown.
  std::string column;
  bool equality = false;   // column = slot, column IN (slot, ...)
  unsigned parameter = 0;  // of $n; 0: a literal
  // This literal may be a parameter of a prepared statement (why: sluice/query/prepared_form.h).
  bool replaceable = false;
  // Whether a string that isn't replaceable may stay in a prepared text, where it is read once for all:
  // what settings or the clock decide ('now', '1/2/2024') may not.
  enum class Stays : std::uint8_t { no, word, interval, moment, always };
  Stays stays = Stays::no;  // word: if it is one, 'day'; interval: '1 day'; moment: '2024-01-31'
};

struct Facts {
  std::string unanalysed;  // why nothing is known: "too long", "syntax error at ...", "too deep"

  Verb verb = Verb::unknown;  // of the first statement, as sluice/query.h defines them
  unsigned statements = 0;
  // As written, lower case unless quoted, with a schema where one is written: "public.users". Sorted,
  // each once. Common table expressions aren't tables. What DDL creates, alters or drops is written.
  std::vector<std::string> reads, writes;
  std::vector<std::string> functions;  // called, sorted, each once, without pg_catalog
  // Of all functions and operators called; of one that isn't known to be better: volatile.
  Volatility volatility = Volatility::volatile_;
  unsigned parameters = 0;  // the highest $n
  std::vector<Slot> slots;
  bool where = false;  // the (outermost) query or change has a WHERE
  bool limit = false;  // ... LIMIT or FETCH FIRST
  bool order_by = false;
  bool aggregate = false;   // ... only aggregates or GROUP BY: as many rows as there are groups
  bool locks_rows = false;  // FOR UPDATE, FOR SHARE anywhere
  // One plain SELECT without parameters that would mean the same in Parse: prepare() may have it, if its
  // literals allow.
  bool preparable = false;
  // SELECT list | FROM single table | WHERE column = slot and nothing else: what an IN list can replace.
  // `key_column` is that column, `key_table` the table.
  std::string key_table, key_column;
};

// Facts of `text`. Thread-safe, any stack from 256 KB on; never throws or crashes, whatever the text.
// Longer than `max_bytes`: unanalysed.
Facts parse_facts(std::string_view text, Dialect dialect = Dialect::postgres,
                  std::size_t max_bytes = Normaliser::kMaxText);

// A text that parses as the normalised one would: slots are filled with 0, '' and the like.
std::string example_of(std::string_view normalised);

// All that is known of a statement but its literals. Thread-safe: immutable but for the facts, which come
// once.
class Template {
 public:
  Template(Fingerprint fingerprint, std::string_view normalised, Dialect dialect);
  ~Template();
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  const Fingerprint& fingerprint() const { return fingerprint_; }
  const std::string& text() const { return text_; }
  Dialect dialect() const { return dialect_; }
  // What every text of this template does to its session. Null: that depends on literals, each text has
  // to be examined.
  const Analysis* analysis() const { return analysis_.get(); }
  // Null until it has been parsed.
  const Facts* facts() const { return facts_.load(std::memory_order_acquire); }
  // As the parser says, or the lexer where that can't.
  Verb verb() const {
    if (const Facts* parsed = facts(); parsed && parsed->unanalysed.empty()) return parsed->verb;
    return analysis_ ? analysis_->verb : Verb::unknown;
  }

 private:
  friend class Templates;
  const Fingerprint fingerprint_;
  const std::string text_;
  const Dialect dialect_;
  std::unique_ptr<const Analysis> analysis_;
  std::atomic<const Facts*> facts_ = nullptr;  // owned
};
using TemplateRef = std::shared_ptr<const Template>;

// The templates in use, each once, and the queue of those to be parsed. Thread-safe. A template lives as
// long as somebody holds it; those who hold them (Recorder) are bounded.
class Templates {
 public:
  static constexpr std::size_t kMaxQueued = 4096;  // beyond: unanalysed, "too many new statements"

  Templates();
  ~Templates();

  // The template of a text that has just been normalised. A new one is examined here (`text` is what was
  // normalised) and queued for parsing. REQUIRES: no fault.
  TemplateRef intern(const Normalised& normalised, std::string_view text, Dialect dialect,
                     bool backslash_escapes);
  // One that was known before: its normalised text is enough.
  TemplateRef restore(std::string_view normalised, Dialect dialect);
  // Null: nobody holds such a one.
  TemplateRef find(const Fingerprint& fingerprint) const;

  // Called when the first text comes into the empty queue, on whichever thread brings it: wakes who parses.
  // Before the first intern().
  void on_queued(std::function<void()> wake);
  // Parses up to `most` queued texts on the calling thread; how many there were.
  std::size_t parse_queued(std::size_t most = 64);

  struct Counts {
    std::size_t templates = 0, queued = 0;
    std::uint64_t interned = 0, parsed = 0, unanalysed = 0;  // since the start
  };
  Counts counts() const;

 private:
  struct Shelves;
  std::unique_ptr<Shelves> shelves_;
};

}  // namespace sluice::query
