// A client's beginning: first packets, TLS, who it is and where it wants to go, the greeting.
#include <algorithm>
#include <chrono>

#include "base/random.h"
#include "session/postgres_client.h"
#include "session/postgres_error.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

constexpr std::string_view kConsoleDatabase = "pgbouncer";

Error error(Code code, std::string_view state, std::string detail) {
  return {code, 0, std::move(detail), std::string(state)};
}

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Startup parameters that aren't settings.
bool is_setting(std::string_view name) {
  return name != "user" && name != "database" && name != "options" && name != "replication" &&
         !name.starts_with("_pq_.");
}

// What PostgreSQL reads as false, any beginning of the word included, is an ordinary connection; what
// it doesn't understand it shall refuse itself.
bool asks_replication(const std::string& value) {
  const std::string mode = lower(value);
  if (mode.empty() || mode == "o") return true;
  for (std::string_view word : {"false", "off", "no", "0"})
    if (word.starts_with(mode)) return false;
  return true;
}

}  // namespace

PostgresClient::PostgresClient(Front& front, FrontWorker& worker,
                               std::unique_ptr<net::Stream> stream, std::uint64_t client_id)
    : front_(front),
      worker_(worker),
      options_(front.options()),
      stream_(std::move(stream)),
      timer_([this] { on_timer(); }) {
  id = client_id;
  home = worker.home;
  connected_at_ = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

PostgresClient::~PostgresClient() {
  stream_->set_handler(nullptr);
  if (!key_.secret.empty()) worker_.by_pid.erase(key_.pid);
  if (counted_) front_.release_client();
}

void PostgresClient::start() {
  worker_.loop->spawn([this] { greet(); });
}

void PostgresClient::greet() {
  fiber_ = net::current_fiber();
  auto cancelled = first_packets();
  if (!cancelled || *cancelled) {
    if (!cancelled) refuse(cancelled.error());
    closing_ = true;
    return finish();
  }
  if (auto settled = settle_startup(); !settled) {
    if (settled.error().code != Code::cancelled) refuse(settled.error());
    closing_ = true;
    return finish();
  }
  first_.reset();
  logged_in_ = true;
  stream_->set_handler(this);
  burst();
}

// True: it was a cancel request and is done with.
Result<bool> PostgresClient::first_packets() {
  const Deadline deadline = deadline_after(net::Loop::current()->now(), options_->login_timeout);
  bool asked_tls = false;
  if (auto ready = stream_->wait_readable(deadline); !ready) return std::unexpected(ready.error());
  char first = 0;
  if (auto seen = stream_->peek({&first, 1}); seen && *seen == 1 && is_direct_tls({&first, 1})) {
    if (!options_->tls)
      return fail(Code::protocol_violation, "");  // no words that a TLS client could read
    if (auto tls = begin_tls(deadline); !tls) return std::unexpected(tls.error());
    asked_tls = true;
  }
  for (;;) {
    std::size_t consumed = 0;
    auto packet = read_first_packet(in_.view(), consumed);
    if (!packet) return std::unexpected(packet.error());
    if (!*packet) {
      if (auto more = stream_->read(in_, deadline); !more) return std::unexpected(more.error());
      continue;
    }
    in_.consume(consumed);
    if (std::holds_alternative<SslRequest>(**packet)) {
      if (asked_tls) return fail(Code::protocol_violation, "a second request for encryption");
      // Whatever stands behind it in plain text was not sent by who will speak TLS.
      if (!in_.empty())
        return fail(Code::protocol_violation, "data behind an unencrypted SSLRequest");
      asked_tls = true;
      const bool offered = options_->tls != nullptr && !stream_->peer().is_unix();
      if (auto sent = stream_->write(offered ? "S" : "N", deadline); !sent)
        return std::unexpected(sent.error());
      if (offered)
        if (auto tls = begin_tls(deadline); !tls) return std::unexpected(tls.error());
    } else if (std::holds_alternative<GssEncRequest>(**packet)) {
      if (!in_.empty())
        return fail(Code::protocol_violation, "data behind an unencrypted GSSENCRequest");
      if (auto sent = stream_->write("N", deadline); !sent) return std::unexpected(sent.error());
    } else if (auto* key = std::get_if<CancelKey>(&**packet)) {
      front_.cancel(*key);
      return true;
    } else {
      first_ = std::make_unique<Startup>(std::move(std::get<Startup>(**packet)));
      return false;
    }
  }
}

Result<void> PostgresClient::begin_tls(Deadline deadline) {
  return stream_->start_tls(*options_->tls, deadline);
}

// Everything between the startup packet and the greeting.
Result<void> PostgresClient::settle_startup() {
  if (first_->major != 3)
    return std::unexpected(error(Code::protocol_violation, sqlstate::kFeatureNotSupported,
                                 "unsupported frontend protocol " + std::to_string(first_->major) +
                                     "." + std::to_string(first_->minor) +
                                     ": server supports 3.0 to 3.2"));
  if (first_->needs_negotiation())
    append_negotiate_version(out_, std::min(first_->minor, kNewestMinor),
                             first_->unknown_protocol_options);
  const std::string* user = first_->find("user");
  if (!user || user->empty())
    return std::unexpected(error(Code::invalid_argument, sqlstate::kInvalidAuthorization,
                                 "no PostgreSQL user name specified in startup packet"));
  const std::string* database = first_->find("database");
  user_ = *user;
  database_ = database && !database->empty() ? *database : user_;
  bool draining = false;
  counted_ = front_.admit_client(&draining);
  if (draining)
    return std::unexpected(
        error(Code::unavailable, sqlstate::kCannotConnectNow, "the gateway is shutting down"));
  if (!counted_)
    return std::unexpected(error(Code::exhausted, sqlstate::kTooManyConnections,
                                 "no more client connections allowed (max_clients)"));
  if (options_->tls_required && !stream_->encrypted() && !stream_->peer().is_unix())
    return std::unexpected(error(Code::permission_denied, sqlstate::kInvalidAuthorization,
                                 "this listener accepts TLS connections only (tls.mode)"));
  const bool console = database_ == kConsoleDatabase && front_.console();
  RouteRequest request{.database = database_, .user = user_};
  if (auto known = authenticate(request); !known) {
    front_.metrics().login_failures.add();
    return known;
  }
  if (console) return enter_console();
  if (const std::string* mode = first_->find("replication"); mode && asks_replication(*mode))
    return tunnel(request, *mode);
  return enter(std::move(request));
}

Result<void> PostgresClient::enter(RouteRequest request) {
  const Deadline deadline = deadline_after(net::Loop::current()->now(), options_->login_timeout);
  auto route = front_.open_route(request, deadline);
  if (!route) return std::unexpected(route.error());
  route_ = std::move(*route);
  destination = route_->destination;
  wait_limit = route_->wait;
  if (auto learnt = learn_settings(); !learnt) return learnt;
  welcome();
  return {};
}

// What the client asks for in its startup packet, as it spells it. `key` tells sets of them apart.
Settings::Ref PostgresClient::asked_settings(std::string& key) const {
  Settings::Ref asked;
  auto add = [&](const std::string& name, const std::string& value) {
    if (!is_setting(name) || contains(options_->ignored_parameters, name)) return;
    asked = Settings::with(asked, {lower(name), value});
  };
  for (const auto& [name, value] : first_->parameters) add(name, value);
  if (asked)
    for (const Setting& s : asked->all()) key += s.name + '\0' + s.value + '\0';
  return asked;
}

// A request that only looks: at what the server reported, with the client's settings applied.
class PostgresClient::Greeting final : public session::Request {
 public:
  Greeting() { analysis.emplace(); }
  Result<void> exchange(session::UpstreamConn&) override { return {}; }
  void answer(std::string_view) override {}
  bool unsent() const override { return true; }
};

// Most clients ask for what others asked before, and are greeted without a server's help.
Result<void> PostgresClient::learn_settings() {
  if (const std::string* options = first_->find("options")) {
    auto parsed = parse_options(*options);
    if (!parsed)
      return std::unexpected(
          error(Code::invalid_argument, sqlstate::kSyntaxError, parsed.error().detail));
    first_->parameters.insert(first_->parameters.end(), parsed->begin(), parsed->end());
  }
  std::string key;
  wants = asked_settings(key);
  told = route_->baselines->newest();
  auto known = wants ? route_->known_settings(key) : std::optional<Settings::Ref>(nullptr);
  if (told && known) {
    startup_ = wants = *known;
    return {};
  }
  told = nullptr;
  Greeting greeting;
  greeting.deadline = deadline_after(net::Loop::current()->now(), options_->login_timeout);
  if (auto seen = front_.walk().ask(*this, greeting); !seen) return seen;
  told = route_->baselines->newest();
  startup_ = wants;
  if (wants) route_->learn_settings(key, wants);
  return {};
}

void PostgresClient::welcome() {
  append_authentication(out_, kAuthOk);
  for (const auto& [name, value] : *told) {
    const Setting* own = wants ? wants->find(lower(name)) : nullptr;
    const std::string& shown = own && !own->raw ? own->value : value;
    append_parameter_status(out_, name, shown);
    note_text_rules(name, shown);
  }
  do {
    // The worker's number in the upper bits: a cancel that another worker reads finds its way.
    key_.pid = (worker_.home + 1) << 24 | (random_u32() & 0xffffff);
  } while (worker_.by_pid.contains(key_.pid));
  key_.secret.resize(4);
  fill_random(std::span<char>(key_.secret));
  worker_.by_pid[key_.pid] = this;
  append_backend_key_data(out_, key_.pid, key_.secret);
  append_ready_for_query(out_, 'I');
  flush_replies();
  front_.log().debug("postgres", "client logged in",
                     {{"user", user_}, {"database", database_}, {"peer", stream_->peer().text()}});
}

Result<void> PostgresClient::enter_console() {
  if (options_->auth == ClientAuth::passthrough)
    return std::unexpected(error(
        Code::permission_denied, sqlstate::kInvalidAuthorization,
        "the console needs users that the gateway knows: configure auth.users or auth.userlist"));
  const bool admin = contains(options_->admin_users, user_);
  if (!admin && !contains(options_->stats_users, user_))
    return std::unexpected(error(
        Code::permission_denied, sqlstate::kInvalidAuthorization,
        "user \"" + user_ + "\" may not use the console: add it to admin_users or stats_users"));
  console_ = true;
  console_admin_ = admin;
  static const Reported facts = {{"server_version", "1.18.0/sluice"},
                                 {"client_encoding", "UTF8"},
                                 {"server_encoding", "UTF8"},
                                 {"DateStyle", "ISO"},
                                 {"TimeZone", "GMT"},
                                 {"standard_conforming_strings", "on"},
                                 {"is_superuser", "on"},
                                 {"integer_datetimes", "on"}};
  told = std::make_shared<const Reported>(facts);
  welcome();
  return {};
}

void PostgresClient::refuse(const Error& why) {
  front_.metrics().clients_refused.add();
  if (why.detail.empty() || why.code == Code::connection_lost) return;
  front_.log().info("postgres", "client refused",
                    {{"peer", stream_->peer().text()},
                     {"user", user_},
                     {"database", database_},
                     {"why", why.detail}});
  append_error(out_, report_of(why, "FATAL"));
  flush_replies();
}

}  // namespace sluice::postgres
