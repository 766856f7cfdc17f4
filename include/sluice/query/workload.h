// Workload: what the statements that pass cost, by fingerprint.
//
//   query::Workload workload(options);                     // one for the process
//   query::Recorder& recorder = workload.recorder(home);   // one for each worker
//   query::RunRef run = recorder.begin({.statement = seen.statement, .values = ..., .arrived = now});
//   run->sent(now); run->row(48); run->finish({.at = now, .rows = 1});
//   for (const QueryStats& q : workload.snapshot(...)) ...  // from any thread
//
// Each worker counts for itself and never waits for another; readers take a worker's lock for a few
// entries at a time. Memory is bounded: a full table forgets the entries with the least total time,
// and says how many and how much.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/monitor/histogram.h"
#include "sluice/query/facts.h"
#include "sluice/query/fingerprint.h"
#include "sluice/time.h"

namespace sluice::query {

using monitor::HistogramSnapshot;

// One parameter or literal, or one field of a row.
struct Value {
  enum class Form : std::uint8_t { text, binary, null };
  std::string_view bytes;
  std::uint32_t type = 0;  // PostgreSQL's object id; 0: unknown
  Form form = Form::text;
};
// Equal for equal values, whether they come as text or binary, as a literal or a column. 0 of null.
// Integers, uuids and text are recognised; other binary forms only equal themselves.
std::uint64_t identity_of(const Value& value);

// Who sent a statement.
struct Caller {
  std::string application;  // application_name
  std::string tags;         // sqlcommenter's, decoded, sorted: "controller=users,framework=django"
  bool operator==(const Caller&) const = default;
};
// What a comment in the manner of sqlcommenter says; nothing of one that isn't. Values are URL-encoded
// in single quotes: controller='users',traceparent='00-...'. (Source: google.github.io/sqlcommenter/spec)
struct CommentTags {
  std::string tags;         // sorted, without traceparent and tracestate; at most 256 bytes
  std::uint64_t trace = 0;  // of the trace id in traceparent; 0: none
};
CommentTags read_comment(std::string_view comment);

// How a statement came.
enum class Manner : std::uint8_t {
  simple,    // literals in the text
  unnamed,   // parsed anew each time
  prepared,  // parsed once, by the protocol
};

// A TemplateRef that is looked at, not held. REQUIRES: it lives as long as this.
class TemplateLook {
 public:
  TemplateLook() = default;
  TemplateLook(const TemplateRef& of) : of_(&of) {}

  explicit operator bool() const { return of_ && *of_; }
  const Template* operator->() const { return of_->get(); }
  const TemplateRef& ref() const { return *of_; }

 private:
  const TemplateRef* of_ = nullptr;
};

struct Start {
  TemplateLook statement;
  std::span<const Value> values;  // the text's literals in its order, then parameters $1, $2, ...
  unsigned literals = 0;          // how many of them are literals
  Manner manner = Manner::simple;
  std::uint64_t client = 0;  // the session, unique in the process
  std::string_view application;
  std::string_view comment;  // as Normalised has it
  std::string_view database, user;
  // Another one whenever this client's application, database or user isn't what it was. 0: compare them.
  std::uint32_t sender = 0;
  Time arrived{};
  Duration pool_wait{};  // of it, waiting for a connection
};

struct Finish {
  Time at{};
  std::string_view sqlstate;  // empty: it succeeded. 57014 counts as cancelled
  std::uint64_t rows = 0;     // as the command tag says; those counted if they are more
};

class Recorder;

// One statement under way. Its worker only. Destroyed without finish(): it never ran, or its end isn't
// known; it isn't counted but as lost.
class Run {
 public:
  // It has waited so long for a connection.
  void pool_wait(Duration waited);
  // Its bytes went to the server, and nothing stands before it there any more.
  void sent(Time at);
  // Names and types of the columns that follow; the first ones matter.
  static constexpr std::size_t kMostColumns = 8;
  struct Column {
    std::string_view name;
    std::uint32_t type = 0;
    Value::Form form = Value::Form::text;
  };
  // `description`: a hash of where they are from; 0: none.
  void columns(std::span<const Column> columns, std::uint64_t description = 0);
  bool wants_columns() const;  // false: columns() would do nothing
  // True: the same description as the statement's last time, whose columns are taken.
  bool knows_columns(std::uint64_t description);
  // A row of so many bytes came, at a time. True: its fields are wanted too. Types and forms of fields
  // are those of columns(), where that was called.
  bool row(std::size_t bytes, Time at);
  void fields(std::span<const Value> fields);
  void finish(const Finish& finish);

  Run();
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

 private:
  friend class Recorder;
  friend struct RunReturn;
  struct State;
  std::unique_ptr<State> state_;
};
struct RunReturn {  // gives it back to its recorder
  void operator()(Run* run) const;
};
using RunRef = std::unique_ptr<Run, RunReturn>;

struct WorkloadOptions {
  std::size_t max_bytes = 32u << 20;        // of statistics, over all workers
  Duration slow = std::chrono::seconds(1);  // from this on; 0: each one, below: none
  unsigned slow_samples = 200;              // kept, the newest
  enum class Redact : std::uint8_t { none, automatic, all } redact = Redact::automatic;
  // automatic: values of columns whose name contains one of these
  std::vector<std::string> secret_columns = {"password", "passwd",     "secret", "token",
                                             "api_key",  "apikey",     "ssn",    "iban",
                                             "cvv",      "card_number"};
  bool journal = true;  // events for the loop detector
};

// A real execution, its values redacted as configured: "42", "'x'", "null", "(redacted)".
struct Sample {
  std::vector<std::string> values;
  Duration took{};
  std::int64_t at = 0;  // seconds since 1970
};

// The statement with the sample's values in their places; nullopt if one was redacted or cut.
std::optional<std::string> filled(std::string_view normalised, const Sample& sample);

struct CallerStats {
  Caller caller;
  std::uint64_t calls = 0;
  Duration total{};
};

// What is known of one fingerprint, over all workers, since `first_seen`.
struct QueryStats {
  TemplateRef statement;
  std::string database, user;  // of the first who sent it
  std::uint64_t calls = 0, errors = 0, cancelled = 0, lost = 0, slow = 0;
  std::uint64_t rows = 0, max_rows = 0, bytes = 0;      // of results
  std::uint64_t simple = 0, unnamed = 0, prepared = 0;  // of calls, by manner
  // total = queue (behind others, ours and the client's) + pool_wait + server (until its first byte) +
  // transfer (until its last).
  Duration total{}, queue{}, pool_wait{}, server{}, transfer{}, max{};
  HistogramSnapshot latency;  // schema 3: quantiles within 4.4 %
  std::vector<std::pair<std::string, std::uint64_t>>
      states;                            // errors by SQLSTATE, most frequent first
  std::vector<CallerStats> callers;      // by time, most first; at most 8
  std::vector<Sample> uniform, slowest;  // at most 8 each
  // Between this statement's end and the client's next one inside the same transaction.
  std::uint64_t pauses = 0;
  Duration pause_total{}, pause_max{};
  std::int64_t first_seen = 0, last_seen = 0;  // seconds since 1970

  // The same statement seen by another worker, or before a restart. REQUIRES: the same statement.
  void merge(const QueryStats& other);
};

struct SlowQuery {
  TemplateRef statement;
  std::string database, user;
  Caller caller;
  Sample sample;
  std::string state;  // SQLSTATE of its error, or empty
  Duration queue{}, pool_wait{}, server{}, transfer{};
  std::uint64_t rows = 0, bytes = 0, id = 0;  // id: rises by one
  std::string plan;                           // EXPLAIN's JSON, when it was asked for
};

// A worker's part. One worker; what says so is thread-safe. REQUIRES: its runs end before it does.
class Recorder {
 public:
  RunRef begin(const Start& start);
  // The client let a transaction wait for so long after `statement`.
  void pause(const TemplateRef& statement, Duration took);
  // A text that has no fingerprint: counted by its reason (Normalised::fault).
  void unanalysed(const char* fault, std::size_t bytes);
  // What this client asks all the time is a stream (LoopDetector::take_streams): until it asks something
  // else or pauses, the journal isn't told of it but for some in a row, now and then. Thread-safe.
  void pass_over(std::uint64_t client, const Fingerprint& statement);
  // Events for the detector since the last call, in the journal's format (query/journal.h).
  // Thread-safe.
  std::string take_journal();

 private:
  friend class Workload;
  friend class Run;
  friend struct RunReturn;
  struct State;
  explicit Recorder(std::unique_ptr<State> state);

 public:
  ~Recorder();

 private:
  std::unique_ptr<State> state_;
};

// Thread-safe.
class Workload {
 public:
  // REQUIRES: `templates`, where the statements come from, outlives it.
  Workload(WorkloadOptions options, unsigned workers, Templates& templates);
  ~Workload();

  Recorder& recorder(unsigned worker);
  // Takes effect for what comes. max_bytes and journal too.
  void configure(WorkloadOptions options);

  // Every fingerprint, merged over the workers, unsorted. Copies at most `most` of those with the most
  // total time.
  std::vector<QueryStats> snapshot(std::size_t most = SIZE_MAX) const;
  std::optional<QueryStats> find(const Fingerprint& fingerprint) const;
  // Newest first.
  std::vector<SlowQuery> slow_queries() const;
  void explained(std::uint64_t slow_id, std::string plan);
  // Called on a worker for each slow one, outside of locks: to explain it, say. Before traffic.
  void on_slow(std::function<void(const SlowQuery&)> hook);

  // What an earlier process knew; slow ones newest first. Before traffic.
  void restore(std::vector<QueryStats> stats, std::vector<SlowQuery> slow = {});
  // All counts begin anew. What is under way counts to the time after.
  void reset();

  struct Totals {
    std::uint64_t calls = 0, errors = 0, rows = 0;
    std::size_t fingerprints = 0, bytes = 0;
    std::uint64_t forgotten = 0;  // fingerprints, to stay below max_bytes
    Duration forgotten_time{};
    std::uint64_t unanalysed = 0;
    std::vector<std::pair<std::string, std::uint64_t>> unanalysed_by;  // reason
    std::uint64_t journal_lost = 0;                                    // events
  };
  Totals totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::query
