// A PostgreSQL client's connection to us, from its first packet to its last.
//
// Between requests it is this object and nothing else: no fiber, no buffer. When something arrives a
// fiber reads it, walks each request through the stages and stays until all is answered. Replies don't
// need the fiber: the server's connection appends them to our output as they come.
//
// The files: _startup (first packets, TLS, who and where), _auth (passwords), _tunnel (replication),
// _request (what arrives and when it is a request), _forward (messages to the server), _prepare (its
// statements and their names), _relay (a request under way, both directions), _share (the same among
// others' requests on one connection), _auto (what goes prepared though it came otherwise), _watch (what is counted of statements), _state (settings and pins), _end (timeouts, cancels, leaving). One worker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "net/fiber.h"
#include "net/stream.h"
#include "session/postgres_exchange.h"
#include "session/postgres_front.h"
#include "session/postgres_portal_runs.h"
#include "session/postgres_server.h"
#include "wire/postgres/frontend.h"

namespace sluice::postgres {

class PostgresClient final : public Peer, net::Stream::Handler, ReplyOwner {
 public:
  PostgresClient(Front& front, FrontWorker& worker, std::unique_ptr<net::Stream> stream,
                 std::uint64_t id);
  ~PostgresClient() override;

  void start();  // begins the login on a fiber
  // A cancel request with this secret came. Loop thread.
  void cancel(std::string_view secret);
  // Ends it with FATAL 57P01 as soon as no transaction is open; at once if `now`. Loop thread.
  void drain(bool at_once);

  // What SHOW CLIENTS tells.
  struct Snapshot {
    std::uint64_t id = 0;
    std::string user, database, application, tls;
    net::Endpoint peer, local;
    bool active = false, waiting = false, in_transaction = false;
    query::PinSet pins = 0;
    std::string server;             // "pid@host:port" when a connection is held
    std::int64_t connected_at = 0;  // seconds since 1970
    std::int64_t request_at = 0;
    Duration waited{};
    std::uint32_t pid = 0;
    std::size_t statements = 0;
  };
  Snapshot snapshot() const;
  bool on_console() const { return console_; }
  const std::string& user() const { return user_; }
  const std::string& database() const { return database_; }

  // --- Peer, Client ------------------------------------------------------------------------------------
  bool keeps_lease() const override { return pins_ != 0 || (route_ && !route_->transaction_mode); }
  void tell(std::string_view name, std::string_view value) override;
  bool leaves_traces() const override { return keeps_lease(); }

 private:
  class Ask;
  class Greeting;
  enum class Idle : std::uint8_t { none, between, in_transaction };

  // _startup
  void greet();
  Result<bool> first_packets();  // false: it was a cancel
  Result<void> begin_tls(Deadline deadline);
  Result<void> settle_startup();
  Result<void> enter(RouteRequest request);
  Result<void> learn_settings();
  Settings::Ref asked_settings(std::string& key) const;
  void welcome();
  void refuse(const Error& error);
  Result<void> enter_console();

  // _tunnel
  Result<void> tunnel(const RouteRequest& request, const std::string& mode);

  // _auth
  Result<void> authenticate(RouteRequest& request);
  Result<std::string> ask_password(std::uint32_t code, std::string_view data);
  Result<void> check_clear(RouteRequest& request, const UserSecret* secret);
  Result<void> check_md5(RouteRequest& request, const UserSecret* secret);
  Result<void> check_scram(RouteRequest& request, const UserSecret* secret);
  Result<void> wrong_password() const;

  // _request
  void on_ready() override;
  void look_for_hangup();
  void burst();
  bool serve_next();
  bool serve_locally(const Frame& frame);
  void ask(const Frame& frame);
  void begin_wait();
  void answer_error(const Error& error, bool extended);
  void run_console(const Frame& frame);
  bool read_more();
  void violation(std::string detail);

  // _relay
  Result<void> converse(ServerConn& conn, Ask& request);
  void repeat_group(Ask& request);
  bool complete(ServerConn& conn) const;
  Result<void> abandon(ServerConn& conn);
  void flush_replies();
  ServerConn* conn() const {
    return static_cast<ServerConn*>(lease ? &static_cast<session::UpstreamConn&>(lease.get())
                                          : seat);
  }
  void begin_relay(Ask& request);
  // ReplyOwner
  Buffer& replies() override { return out_; }
  bool has_room() const override { return out_.size() < ServerConn::kHighWater; }
  void on_parameter(std::string_view name, std::string_view value) override;
  void on_command(std::string_view tag) override;
  void on_error(const ErrorFields& error) override;
  void on_copy_in() override { in_group_ = true; }
  void on_ready(char status) override;
  void on_unparsed(const Awaited& parse) override;
  void on_unclosed(const Awaited& close) override { statements_.put(close.name, close.statement); }
  bool on_stale_plan(const StatementRef& statement, bool unseen) override;
  void on_progress() override;
  void on_lost(const Error& error) override;

  // _share
  enum class Fate : std::uint8_t { none, held_up, again, told, left };
  bool may_share(const query::Analysis& analysis) const;
  bool whole_group() const;
  Result<void> converse_shared(ServerConn& conn, Ask& request);
  Result<void> end_shared(ServerConn& conn, Ask& request);
  void cancel_shared(ServerConn& conn);
  void leave_line(ServerConn& conn);
  std::uint64_t context();
  // ReplyOwner
  bool on_refused(const ErrorFields& error) override;
  void on_taken_back(query::RunRef run) override;
  bool on_held_up() override;

  // _auto
  StatementRef popular(const StatementKey& key, Ask& request, const query::Known& known);
  StatementRef popular(const Parse& parse, ServerConn& conn, Ask& request);
  const StatementRef& unnamed_as_now();
  void find_form(const query::Seen& seen, Ask& request);
  void forward_form(ServerConn& conn, Ask& request, query::RunRef run);
  void give_up_form(Ask& request);
  void note_popular(const Ask& request);

  // _forward
  enum class Step : std::uint8_t { sent, need_more, stop };
  void forward(ServerConn& conn, Ask& request);
  Step forward_one(ServerConn& conn, Ask& request);
  Step forward_data(ServerConn& conn, const Head& head);
  bool forward_query(ServerConn& conn, const Frame& frame, Ask& request);
  bool forward_parse(ServerConn& conn, const Frame& frame, Ask& request);
  bool forward_unnamed(ServerConn& conn, const Frame& frame, const Parse& parse, Ask& request);
  void know_parse(ServerConn& conn, const StatementRef& statement, std::string_view name);
  void parse_on(ServerConn& conn, const StatementRef& statement, bool ours,
                std::string_view client_name);
  bool make_room(ServerConn& conn, std::string_view name, const StatementRef& statement);
  bool exceeds(std::size_t bytes, unsigned part) const;
  void close_orphans(ServerConn& conn);
  void close_on(ServerConn& conn, StatementRef statement);
  StatementRef as_now(std::string_view name, const StatementRef& statement);
  StatementRef intern_again(const Statement& statement);
  void name_statements(ServerConn& conn);
  void owe_boundary(ServerConn& conn, Buffer& reply);
  void refuse_unknown(ServerConn& conn, std::string_view name);
  void forward_bind(ServerConn& conn, const Frame& frame);
  void forward_execute(ServerConn& conn, const Frame& frame);
  void forward_describe(ServerConn& conn, const Frame& frame);
  void forward_close(ServerConn& conn, const Frame& frame);
  void forward_sync(ServerConn& conn, const Frame& frame);
  void forward_flush(ServerConn& conn, const Frame& frame);
  void ensure_parsed(ServerConn& conn, const StatementRef& statement);
  bool ensure_unnamed(ServerConn& conn);
  void refuse_in_group(ServerConn& conn, const ErrorReport& report);
  std::optional<query::Known> examine(std::string_view text, Ask& request);
  const StatementRef* find_statement(std::string_view name) const { return statements_.find(name); }

  // _watch
  query::RunRef watch(const query::Seen& seen, std::string_view text);
  query::RunRef watch(const query::Known& known, std::string_view text);
  query::RunRef watch_bound(const query::Known& known, std::string_view text,
                            std::string_view types, query::Manner manner, std::string_view rest,
                            std::string_view& results);
  query::RunRef watch_unnamed(const Bind& bind);
  query::RunRef watch_named(const Bind& bind);
  query::RunRef begin_run(query::Start&& start);
  void take_literals(std::span<const query::Literal> literals, std::string_view text);
  query::RunRef watch(const Statement& statement, const Bind& bind);
  void keep_statement(const Parse& parse, query::Known known);
  Time present() const override { return worker_.loop->now(); }
  void on_suspended(const std::string& portal, query::RunRef run) override {
    portal_runs_.put(portal, std::move(run), true);
  }
  void on_parameters(const Statement& statement, std::string_view types) override;
  void on_described(const Statement& statement, std::string_view columns) override;
  void on_failed_parse(const Awaited& parse, std::string_view sqlstate) override;

  // _state
  void apply(const query::Analysis& analysis, ServerConn& conn);
  bool sequence_lost(const query::Analysis& analysis);
  ErrorReport sequence_report() const;
  const std::string& parse_settings();
  void note_text_rules(std::string_view name, std::string_view value);
  bool forget_statement(std::string_view sql_name);
  void commit_settings(ServerConn& conn);
  void forget_session(ServerConn& conn);
  Result<void> check_pins(ServerConn& conn);
  std::uint64_t schema_epoch() const { return route_->schema->load(std::memory_order_relaxed); }
  bool renames() const { return route_->transaction_mode; }

  // _end
  void say_goodbye(const ErrorReport& report);
  void finish();
  void release_lease();
  void arm(Deadline at);
  void on_timer();
  void cancel_running();
  void tell_of_wait();

  Front& front_;
  FrontWorker& worker_;
  std::shared_ptr<const FrontOptions> options_;
  std::unique_ptr<net::Stream> stream_;
  Buffer in_, out_;
  net::Fiber* fiber_ = nullptr;

  std::string user_, database_;
  std::shared_ptr<PostgresRoute> route_;
  Settings::Ref startup_;           // what it asked for at login
  std::unique_ptr<Startup> first_;  // until the login is over
  CancelKey key_;

  Exchange exchange_{*this};
  ClientStatements statements_{worker_.statements.memory()};
  struct Unnamed {
    std::string text, types;
    query::Known known;      // its views point into text
    StatementRef statement;  // as which it goes prepared; null: as it is
    bool valid = false;
  } unnamed_;
  std::uint64_t unnamed_count_ = 0;
  std::string parse_settings_;  // see parse_settings()
  Settings::Ref parse_settings_of_;

  std::size_t frame_left_ = 0;  // of a copy frame whose beginning has been sent
  bool in_group_ = false;       // messages sent since the last boundary
  bool skip_to_sync_ = false;   // an error of ours: drop what follows
  bool logged_in_ = false, counted_ = false;
  bool gone_ = false;    // the client has closed its end, or can't be written to
  bool polite_ = false;  // ... with a Terminate
  bool closing_ = false, closed_ = false;
  bool starting_ = false;  // a fiber has been asked for and doesn't run yet
  bool draining_ = false, relaying_ = false, waiting_ = false, asking_cancel_ = false;
  bool console_ = false, console_admin_ = false;
  bool attached_ = false;
  bool sequence_on_lease_ = false;  // nextval() may have been called since this lease began
  bool own_names_ = false;    // the kept connection knows its statements by the client's names
  bool need_more_ = false;    // a frame is waiting for its rest
  bool keep_group_ = false;   // group_ holds what was sent since the last boundary
  bool send_again_ = false;   // ... and it has to be
  Fate fate_ = Fate::none;    // of a shared request, before it was answered
  bool left_behind_ = false;  // ... whose answer is still to come
  bool repeatable_ = false;   // ... which may be sent again
  bool as_form_ = false;      // ... and goes prepared, though it came as a simple query
  bool form_failed_ = false;
  bool parse_told_ = false;  // the group that is sent again: its ParseComplete is out already
  query::RunRef kept_run_;   // of what is sent again
  Buffer group_;
  StatementRef stale_;

  Time arrived_{};                // of the request under way ...
  Duration waited_{};             // ... and how long it has waited for its connection
  Settings::Ref application_of_;  // the settings that application_ is from
  std::string_view application_;
  std::uint32_t sender_ = 0;           // rises with each other application_
  query::TemplateRef last_statement_;  // in a transaction
  Time idle_since_{};
  PortalRuns portal_runs_;

  query::PinSet pins_ = 0;
  bool recheck_pins_ = false;
  bool schema_changes_ = false;                    // DDL in this transaction
  bool error_seen_ = false, rolled_back_ = false;  // in this transaction
  struct PendingSetting {
    query::SettingChange change;
    std::uint32_t boundary;
  };
  std::vector<PendingSetting> pending_;
  std::uint32_t boundaries_sent_ = 0, boundaries_seen_ = 0;

  Idle idle_ = Idle::none;
  net::Timer timer_;
  Time request_began_{}, wait_began_{};
  std::int64_t connected_at_ = 0, request_at_ = 0;
};

}  // namespace sluice::postgres
