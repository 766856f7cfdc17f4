#include "gateway/postgres_gate.h"

#include <algorithm>

#include "base/random.h"
#include "gateway/query_watch.h"
#include "net/fiber.h"

namespace sluice::gateway {
namespace {

using postgres::ClientAuth;

ClientAuth client_auth(AuthMethod method) {
  switch (method) {
    case AuthMethod::trust: return ClientAuth::trust;
    case AuthMethod::password: return ClientAuth::password;
    case AuthMethod::md5: return ClientAuth::md5;
    case AuthMethod::scram_sha_256: return ClientAuth::scram;
    case AuthMethod::cert: return ClientAuth::cert;
    case AuthMethod::passthrough: return ClientAuth::passthrough;
    default: return ClientAuth::automatic;
  }
}

Result<std::shared_ptr<net::TlsServer>> make_tls(const PostgresListener& config) {
  if (config.tls.cert.empty() || config.tls.mode == TlsMode::disable) return nullptr;
  return net::TlsServer::make({.cert_file = config.tls.cert,
                               .key_file = config.tls.key,
                               .ca_file = config.tls.ca,
                               .require_client_cert = config.tls.mode >= TlsMode::verify_ca,
                               .alpn = "postgresql"});
}

std::string unix_path(const PostgresListener& config, std::uint16_t port) {
  return config.unix_socket_dir + "/.s.PGSQL." + std::to_string(port);
}

}  // namespace

PostgresGate::PostgresGate(Gateway& gateway, std::shared_ptr<const PostgresListener> config)
    : gateway_(gateway),
      metrics_(gateway.registry(), config->name),
      prepared_(std::make_shared<postgres::StatementMemory>()),
      mock_secret_(32, '\0'),
      acceptors_(gateway.workers_.size()),
      upkeep_(gateway.workers_.size()) {
  fill_random(std::span<char>(mock_secret_));
  prepared_gauge_ = gateway.registry().gauge_fn(
      "sluice_postgres_prepared_bytes", "Memory of prepared statements and their names.",
      {{"listener", config->name}},
      [prepared = prepared_] { return static_cast<double>(prepared->bytes()); });
  for (const auto& worker : gateway.workers_) {
    auto& own = workers_.emplace_back(std::make_unique<postgres::FrontWorker>());
    own->home = worker->index();
    own->loop = &worker->loop();
    own->recorder = &gateway.queries().recorder(own->home);
    own->statements = postgres::StatementTable(prepared_);
  }
}

PostgresGate::~PostgresGate() = default;

Result<std::shared_ptr<PostgresGate::Setup>> PostgresGate::make_setup(
    std::shared_ptr<const PostgresListener> config) {
  auto made = std::make_shared<Setup>();
  auto options = std::make_shared<postgres::FrontOptions>();
  auto tls = make_tls(*config);
  if (!tls) return std::unexpected(tls.error());
  const Timeouts& t = config->timeouts;
  options->name = config->name;
  options->auth = client_auth(effective_method(*config));
  options->tls = std::move(*tls);
  options->tls_required = config->tls.mode >= TlsMode::require;
  options->replication = config->replication == Replication::passthrough;
  options->login_timeout = t.login;
  options->query_timeout = t.query;
  options->idle_in_transaction = t.idle_in_transaction;
  options->client_idle = t.client_idle;
  options->cancel_timeout = t.cancel;
  options->wait = config->pool.wait;
  options->prepared_bytes = config->prepared_memory_per_client;
  options->prepared_total = config->prepared_memory;
  options->admin_users = config->auth.admin_users;
  options->stats_users = config->auth.stats_users;
  options->ignored_parameters = config->ignore_startup_parameters;
  made->config = std::move(config);
  if (auto users = load_users(*made); !users) return std::unexpected(users.error());
  // Nobody is configured, but the server's own user and password are: that is who may come in.
  const Dsn& primary = made->config->primary;
  if (options->auth == ClientAuth::passthrough &&
      made->config->auth.method == AuthMethod::automatic && !primary.user.empty() &&
      !primary.password.empty()) {
    made->users.insert_or_assign(primary.user, secret_of(primary.password));
    options->auth = ClientAuth::automatic;
  }
  made->options = std::move(options);
  return made;
}

Result<void> PostgresGate::configure(std::shared_ptr<const PostgresListener> config) {
  auto made = make_setup(std::move(config));
  if (!made) return std::unexpected(made.error());
  std::vector<std::shared_ptr<Route>> known = routes();
  std::shared_ptr<const Setup> setup = std::move(*made);
  {
    std::lock_guard lock(mutex_);
    setup_ = setup;
  }
  for (const auto& route : known) update_route(*setup, *route);
  return {};
}

std::shared_ptr<const PostgresGate::Setup> PostgresGate::setup() const {
  std::lock_guard lock(mutex_);
  return setup_;
}

std::shared_ptr<const PostgresListener> PostgresGate::config() const { return setup()->config; }
std::shared_ptr<const postgres::FrontOptions> PostgresGate::options() const {
  return setup()->options;
}
session::Walk& PostgresGate::walk() { return gateway_.pipeline_; }
Log& PostgresGate::log() { return gateway_.log_; }
postgres::Console* PostgresGate::console() { return gateway_.console_; }

// --- listening -------------------------------------------------------------------------------------------------

Result<std::vector<net::Endpoint>> PostgresGate::endpoints(const PostgresListener& config) {
  std::vector<net::Endpoint> all;
  std::uint16_t port = 6432;
  for (const std::string& text : config.listen) {
    auto parsed = net::Endpoint::parse(text, 6432);
    if (!parsed) return std::unexpected(parsed.error());
    if (!parsed->is_unix() && parsed->port != 0) port = parsed->port;
    all.push_back(std::move(*parsed));
  }
  if (!config.unix_socket_dir.empty()) all.push_back({.path = unix_path(config, port)});
  return all;
}

Result<void> PostgresGate::open(std::shared_ptr<const PostgresListener> config, unsigned backlog) {
  auto addresses = endpoints(*config);
  if (!addresses) return std::unexpected(addresses.error());
  if (auto ready = configure(config); !ready) return ready;
  return bind(*addresses, backlog, config->unix_mode);
}

Result<void> PostgresGate::check(std::shared_ptr<const PostgresListener> config, unsigned backlog) {
  auto addresses = endpoints(*config);
  if (!addresses) return std::unexpected(addresses.error());
  if (auto made = make_setup(config); !made) return std::unexpected(made.error());
  return bind(*addresses, backlog, config->unix_mode);
}

Result<void> PostgresGate::bind(const std::vector<net::Endpoint>& addresses, unsigned backlog,
                                unsigned unix_mode) {
  std::map<std::string, std::vector<std::shared_ptr<net::ListenSocket>>> fresh;
  for (const net::Endpoint& wanted : addresses) {
    const std::string key = wanted.text();
    {
      std::lock_guard lock(mutex_);
      if (sockets_.contains(key)) continue;
    }
    net::ListenOptions options{
        .backlog = static_cast<int>(backlog), .reuse_port = false, .unix_mode = unix_mode};
    net::Endpoint at = wanted;
    // Alone first: SO_REUSEPORT would happily share the port with another gateway.
    if (auto probe = net::ListenSocket::open(at, options); !probe)
      return std::unexpected(probe.error());
    else if (at.is_unix())
      fresh[key].push_back(std::move(*probe));
    else
      at = (*probe)->local();
    options.reuse_port = true;
    for (std::size_t i = 0; !at.is_unix() && i < workers_.size(); ++i) {
      auto socket = net::ListenSocket::open(at, options);
      if (!socket) return std::unexpected(socket.error());
      fresh[key].push_back(std::move(*socket));
    }
  }
  std::lock_guard lock(mutex_);
  sockets_.merge(fresh);
  return {};
}

void PostgresGate::accept() {
  if (auto wanted = endpoints(*config())) {  // addresses that a reload has taken out
    std::lock_guard lock(mutex_);
    std::erase_if(sockets_, [&](const auto& entry) {
      return std::none_of(wanted->begin(), wanted->end(),
                          [&](const auto& e) { return e.text() == entry.first; });
    });
  }
  for (std::size_t i = 0; i < workers_.size(); ++i)
    gateway_.workers_[i]->run([this, i] {
      acceptors_[i].clear();
      if (!upkeep_[i].timer) {
        upkeep_[i].timer =
            std::make_unique<net::Timer>([this, i] { maintain(static_cast<unsigned>(i)); });
        upkeep_[i].timer->set(workers_[i]->loop->timers(), now());
      }
      std::lock_guard lock(mutex_);
      for (const auto& [address, sockets] : sockets_) {
        net::ListenSocket& socket = *sockets[i % sockets.size()];
        acceptors_[i].push_back(std::make_unique<net::Acceptor>(
            *workers_[i]->loop, socket, [this, i](int fd, net::Endpoint peer) {
              const Timeouts& t = config()->timeouts;
              auto stream = std::make_unique<net::Stream>(
                  *workers_[i]->loop, fd, std::move(peer),
                  net::StreamOptions{.keepalive_idle = t.tcp_keepalive,
                                     .user_timeout = t.tcp_user_timeout});
              const std::uint64_t id = gateway_.next_client_++;
              metrics_.clients_accepted.add();
              auto client = std::make_unique<postgres::PostgresClient>(*this, *workers_[i],
                                                                       std::move(stream), id);
              postgres::PostgresClient& began = *client;
              workers_[i]->clients.emplace(id, std::move(client));
              began.start();
            }));
      }
    });
}

void PostgresGate::stop_accepting() {
  stopping_ = true;
  for (std::size_t i = 0; i < workers_.size(); ++i)
    gateway_.workers_[i]->run([this, i] { acceptors_[i].clear(); });
  std::lock_guard lock(mutex_);
  sockets_.clear();
}

std::vector<std::string> PostgresGate::addresses() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [address, sockets] : sockets_)
    all.push_back("postgres " + sockets.front()->local().text());
  return all;
}

// --- clients ---------------------------------------------------------------------------------------------------

bool PostgresGate::admit_client(bool* draining) {
  *draining = stopping_ || gateway_.draining();
  if (*draining) return false;
  if (++client_count_ <= config()->max_clients) return true;
  --client_count_;
  return false;
}

void PostgresGate::each_client(const std::function<void(postgres::PostgresClient&)>& visit) {
  for (std::size_t i = 0; i < workers_.size(); ++i)
    gateway_.workers_[i]->run([&] {
      std::vector<std::uint64_t> ids;
      for (const auto& [id, client] : workers_[i]->clients) ids.push_back(id);
      for (std::uint64_t id : ids)
        if (auto at = workers_[i]->clients.find(id); at != workers_[i]->clients.end())
          visit(*at->second);
    });
}

void PostgresGate::drain_clients(bool at_once) {
  each_client([at_once](postgres::PostgresClient& client) { client.drain(at_once); });
}

void PostgresGate::cancel(const postgres::CancelKey& key) {
  const unsigned home = (key.pid >> 24) - 1;
  if (key.pid >> 24 == 0 || home >= workers_.size()) return;
  workers_[home]->loop->post([worker = workers_[home].get(), key] {
    auto at = worker->by_pid.find(key.pid);
    if (at != worker->by_pid.end()) at->second->cancel(key.secret);
  });
}

bool PostgresGate::idle() {
  bool nobody = true;
  each_client([&](postgres::PostgresClient&) { nobody = false; });
  return nobody;
}

unsigned PostgresGate::this_home() const {
  for (const auto& worker : workers_)
    if (worker->loop == net::Loop::current()) return worker->home;
  return 0;
}

void PostgresGate::close() {
  for (std::size_t i = 0; i < workers_.size(); ++i)
    gateway_.workers_[i]->run([this, i] {
      upkeep_[i].timer.reset();
      while (upkeep_[i].running) net::sleep_until(now() + std::chrono::milliseconds(10));
    });
  for (const auto& route : routes()) route->pool->close();
  for (std::size_t i = 0; i < workers_.size(); ++i)
    gateway_.workers_[i]->run([this, i] {
      for (const auto& route : routes())
        if (i < route->lanes.size()) route->lanes[i]->close(now() + std::chrono::seconds(1));
    });
}

}  // namespace sluice::gateway
