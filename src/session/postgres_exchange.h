// Exchange: what one lease still expects from its server, in order, and what becomes of each answer.
//
// Every message that a client sends, or that we send on its behalf, leaves an Awaited here. Replies are
// matched against the queue: most are passed on as they are, answers to our own messages are dropped,
// and answers that we owe without asking the server (a Parse that it knows already) are put in when
// their turn comes. So nothing overtakes anything, and after an error the queue is cut back to the
// next Sync just as the server skips its input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "session/postgres_statement.h"
#include "sluice/query/workload.h"
#include "wire/postgres/backend.h"

namespace sluice::postgres {

enum class Await : std::uint8_t {
  parse,     // ParseComplete
  bind,      // BindComplete
  describe,  // RowDescription or NoData, behind ParameterDescription for a statement
  execute,   // CommandComplete, EmptyQueryResponse or PortalSuspended
  close,     // CloseComplete
  query,     // anything up to ReadyForQuery
  function,  // FunctionCallResponse, ReadyForQuery
  sync,      // ReadyForQuery
  owed,      // nothing: `reply` is put in when its turn comes; name: of what it says is parsed,
             // or, with a statement, closed
  refused,   // an ErrorResponse, provoked by us, in whose place `reply` goes out
};

struct Awaited {
  Await kind = Await::query;
  bool ours = false;       // sent on our own account: the client doesn't see the answer
  bool fresh = false;      // bind: of a text that came with it
  StatementRef statement;  // parse, close: of the server's table; bind: what it binds
  std::string name;        // parse: the client's name for it; execute with a run: the portal
  std::string reply;       // owed, refused: frames
  query::RunRef run;       // query, execute: what counts it; null: nothing does
};

// Whose replies they are.
class ReplyOwner {
 public:
  virtual ~ReplyOwner() = default;
  virtual Buffer& replies() = 0;      // where passed frames go
  virtual bool has_room() const = 0;  // false: don't read more from the server
  virtual void on_parameter(std::string_view name, std::string_view value) = 0;
  virtual void on_command(std::string_view tag) = 0;
  virtual void on_error(const ErrorFields& error) = 0;
  virtual void on_copy_in() = 0;
  virtual void on_ready(char status) = 0;
  // The server refused or skipped a Parse: the client's name doesn't exist.
  virtual void on_unparsed(const Awaited& parse) = 0;
  // A Close that we answered was skipped: the client's name still exists.
  virtual void on_unclosed(const Awaited& /*close*/) {}
  // The plan behind a Bind can't be used any more. `unseen`: the client has seen nothing of its group.
  // True: the group will be sent again, so neither the error nor its ReadyForQuery are passed on.
  virtual bool on_stale_plan(const StatementRef& /*statement*/, bool /*unseen*/) { return false; }
  // The server refuses what it was asked before the client has seen anything of the answer. True: it is
  // going to be asked for once more, so neither the error nor its ReadyForQuery are passed on.
  virtual bool on_refused(const ErrorFields& /*error*/) { return false; }
  // A run that was expected and will not be finished here: of what is going to be asked for once more, or of
  // an exchange that was left.
  virtual void on_taken_back(query::RunRef /*run*/) {}
  // Sharing a connection, who stands in front doesn't get on. True: it left, see ServerConn::orphan().
  virtual bool on_held_up() { return false; }
  // All that had arrived is dealt with: flush, wake who waits.
  virtual void on_progress() = 0;
  virtual void on_lost(const Error& error) = 0;
  // Rows of an exchange whose replies aren't for a client.
  virtual void on_row(std::string_view /*payload*/) {}
  // The loop's time, for what is counted.
  virtual Time present() const { return {}; }
  // An Execute of a portal came to its row limit: more may follow.
  virtual void on_suspended(const std::string& /*portal*/, query::RunRef /*run*/) {}
  // The server described a statement's parameters, its result.
  virtual void on_parameters(const Statement& /*statement*/, std::string_view /*types*/) {}
  virtual void on_described(const Statement& /*statement*/, std::string_view /*columns*/) {}
  // A Parse failed before anything of it was to run.
  virtual void on_failed_parse(const Awaited& /*parse*/, std::string_view /*sqlstate*/) {}
};

// One fiber or its loop.
class Exchange {
 public:
  // quiet: nothing is passed on; rows go to on_row().
  explicit Exchange(ReplyOwner& owner, bool quiet = false) : owner_(&owner), quiet_(quiet) {}

  ReplyOwner& owner() { return *owner_; }
  void expect(Awaited awaited);
  // Answers in turn, without the server. `name` is taken back
  // if an error comes first: it isn't parsed, or with `closed` it isn't closed.
  void owe(std::string reply, std::string name = {}, StatementRef closed = {});
  bool quiet() const { return quiet_; }
  // Nothing is unanswered.
  bool settled() const { return head_ == queue_.size(); }
  // A Parse is unanswered: whether its statement exists isn't known yet.
  bool parsing() const;
  bool copying_in() const { return copying_in_; }
  // CopyDone or CopyFail went out: a Sync counts again.
  void copy_ended();
  // COPY FROM STDIN ignores a Sync that is sent now.
  bool ignores_sync() {
    if (!copying_in_ || copy_ended_) return false;
    ++ignored_syncs_;
    return true;
  }
  // The connection is let go. False: a COPY failed, and each Sync that it should have ignored may be
  // answered after all. Whether the server had read it by then can't be known, so nobody else may get
  // the connection.
  bool let_go() { return std::exchange(surplus_, 0) == 0; }

  enum class Verdict : std::uint8_t { pass, drop, broken };
  // Judges a whole frame. `statements` is the server's table, kept in step.
  Verdict take(char type, std::string_view payload, ServerStatements& statements);
  // Judges a frame of rows or copied data by its type and size; the payload is empty if it isn't all here.
  Verdict take_data(char type, std::size_t size, std::string_view payload) {
    if (settled()) return Verdict::broken;
    if (front().run) count_row(type, size, payload);
    return shown(false);
  }
  bool owes() const { return !settled() && front().kind == Await::owed; }
  // Puts what is owed next into replies().
  void pay();
  // Everything is off: the connection is gone. Undoes what was only assumed.
  void abandon(ServerStatements* statements);
  // What is still to come, for nobody: answers are dropped. This one is settled then.
  std::unique_ptr<Exchange> orphan(ReplyOwner& nobody);
  // Hands the runs that it expects back to their owner.
  void take_back_runs();
  // Something of the answer under way has been passed on.
  bool passed() const { return passed_; }
  // Bytes passed on since this was called last.
  void note_passed(std::size_t n) { bytes_ += n; }
  std::size_t take_bytes() { return std::exchange(bytes_, 0); }

  // Sharing a connection: it joins the line, where its first byte will be the connection's n-th.
  void stand_in_line(bool first, std::uint64_t n) {
    in_line_ = true;
    waits_turn_ = !first;
    first_byte_ = n;
  }
  void begin_turn();
  std::uint64_t first_byte() const { return first_byte_; }
  Duration served{};  // how long it was its turn

 private:
  Awaited& front() { return queue_[head_]; }
  const Awaited& front() const { return queue_[head_]; }
  void pop();
  Verdict on_error(std::string_view payload, ServerStatements& statements);
  Verdict on_complete(Await kind);
  Verdict on_command(std::string_view payload);
  Verdict on_ready(std::string_view payload);
  void on_copy_in();
  bool plan_went_stale(const ErrorFields& error, ServerStatements& statements);
  bool refused(const ErrorFields& error, ServerStatements& statements);
  void skip(ServerStatements* statements);
  void undo(Awaited& awaited, ServerStatements* statements);

  // postgres_exchange_watch.cc: what the query stage is told.
  void count_row(char type, std::size_t size, std::string_view payload);
  void note_columns(std::string_view payload);
  void note_tag(std::string_view payload);
  void note_failure(const ErrorFields& error);
  void finish(Awaited& awaited, std::string_view sqlstate);
  query::RunRef take_run(Awaited& awaited);
  Awaited* next_run();
  Verdict shown(bool ours) const { return quiet_ || ours ? Verdict::drop : Verdict::pass; }

  ReplyOwner* owner_;
  bool quiet_;
  std::vector<Awaited> queue_;
  std::size_t head_ = 0;
  // CopyDones that went out before the server asked for their data: queue_'s size then, and how many.
  struct EarlyEnd {
    std::size_t at;
    unsigned count;
  };
  std::vector<EarlyEnd> early_ends_;
  bool copying_in_ = false, copy_ended_ = false;
  unsigned ignored_syncs_ = 0;  // sent into the COPY under way
  unsigned surplus_ = 0;        // answers to such Syncs that may come
  // Not null: the server, whose table this is, drops everything up to the next Sync, which isn't sent yet.
  ServerStatements* skipping_ = nullptr;
  bool passed_ = false;     // something since the last ReadyForQuery
  unsigned runs_ = 0;       // in the queue
  std::uint64_t rows_ = 0;  // by the tags of the run that is answered now
  std::string failure_;     // SQLSTATE of a simple query that has failed
  std::size_t bytes_ = 0;
  bool in_line_ = false, waits_turn_ = false;
  std::uint64_t first_byte_ = 0;
};

}  // namespace sluice::postgres
