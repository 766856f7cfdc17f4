#include "gateway/gateway.h"

#include <algorithm>
#include <set>
#include <thread>

#include "gateway/postgres_gate.h"
#include "gateway/query_watch.h"

namespace sluice::gateway {
namespace {

constexpr Duration kStep = std::chrono::milliseconds(20);  // between looks at who is still there
constexpr Duration kCutOff = std::chrono::seconds(2);      // for clients cut off to be gone

unsigned worker_count(const Config& config) {
  return config.net.workers > 0 ? config.net.workers
                                : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Gateway::Gateway(Config config, Log& log, monitor::Registry& registry)
    : log_(log),
      registry_(registry),
      config_(std::make_shared<const Config>(std::move(config))),
      watch_(std::make_unique<QueryWatch>(*config_, worker_count(*config_), log)),
      pipeline_({limiter_, watch_->examiners(), *watch_, cache_, flights_, balancer_}) {
  watch_->explain = [this](const query::SlowQuery& slow) { return explain(slow); };
  for (unsigned i = 0; i < worker_count(*config_); ++i) {
    workers_.push_back(std::make_unique<net::Worker>(i));
    loops_.push_back(&workers_.back()->loop());
  }
}

Gateway::~Gateway() { stop(); }

Result<void> Gateway::start() {
  started_ = now();
  watch_->start();
  for (auto& worker : workers_) worker->start();
  running_ = true;
  std::vector<std::shared_ptr<PostgresGate>> made;
  for (const PostgresListener& listener : config()->postgres) {
    auto gate =
        std::make_shared<PostgresGate>(*this, std::make_shared<const PostgresListener>(listener));
    if (auto open =
            gate->open(std::make_shared<const PostgresListener>(listener), config()->net.backlog);
        !open)
      return open;
    made.push_back(std::move(gate));
  }
  for (const auto& gate : made) gate->accept();
  std::lock_guard lock(mutex_);
  gates_ = std::move(made);
  return {};
}

// New listeners are opened before anything changes, so a port that is taken or a certificate that can't
// be read leaves the old configuration in force.
Result<void> Gateway::reload(Config next) {
  auto config = std::make_shared<const Config>(std::move(next));
  std::vector<std::shared_ptr<PostgresGate>> kept, fresh, known;
  {
    std::lock_guard lock(mutex_);
    known = gates_;
  }
  std::vector<std::pair<PostgresGate*, std::shared_ptr<const PostgresListener>>> changes;
  for (const PostgresListener& listener : config->postgres) {
    auto wanted = std::make_shared<const PostgresListener>(listener);
    auto at = std::find_if(known.begin(), known.end(),
                           [&](const auto& g) { return g->config()->name == listener.name; });
    if (at == known.end()) {
      auto gate = std::make_shared<PostgresGate>(*this, wanted);
      if (auto open = gate->open(wanted, config->net.backlog); !open) return open;
      fresh.push_back(std::move(gate));
      continue;
    }
    if (auto sound = (*at)->check(wanted, config->net.backlog); !sound) return sound;
    changes.emplace_back(at->get(), wanted);
    kept.push_back(*at);
  }
  for (auto& [gate, wanted] : changes)
    if (auto done = gate->configure(wanted); !done) return done;
  for (const auto& gate : kept) gate->accept();
  for (const auto& gate : fresh) gate->accept();
  for (const auto& gate : known)
    if (std::find(kept.begin(), kept.end(), gate) == kept.end()) {
      gate->stop_accepting();
      gate->drain_clients(false);
      retired_.push_back(gate);
    }
  watch_->configure(*config);
  kept.insert(kept.end(), fresh.begin(), fresh.end());
  std::lock_guard lock(mutex_);
  gates_ = std::move(kept);
  config_ = std::move(config);
  return {};
}

std::vector<std::shared_ptr<PostgresGate>> Gateway::gates() const {
  std::lock_guard lock(mutex_);
  return gates_;
}

std::shared_ptr<const Config> Gateway::config() const {
  std::lock_guard lock(mutex_);
  return config_;
}

std::vector<std::string> Gateway::addresses() const {
  std::vector<std::string> all;
  for (const auto& gate : gates())
    for (std::string& address : gate->addresses()) all.push_back(std::move(address));
  return all;
}

void Gateway::drain() {
  if (!running_) return;
  draining_ = true;
  auto all = gates();
  all.insert(all.end(), retired_.begin(), retired_.end());
  for (const auto& gate : gates()) gate->stop_accepting();
  auto anybody = [&] {
    return std::any_of(all.begin(), all.end(), [](const auto& g) { return g->clients() > 0; });
  };
  auto wait_until = [&](Deadline deadline) {
    while (anybody() && now() < deadline && !hurry_) std::this_thread::sleep_for(kStep);
  };
  for (const auto& gate : all) gate->drain_clients(false);
  wait_until(deadline_after(now(), config()->drain_timeout));
  for (const auto& gate : all) gate->drain_clients(true);
  hurry_ = false;
  wait_until(now() + kCutOff);
}

void Gateway::stop() {
  if (!running_) return;
  draining_ = true;
  hurry_ = true;
  drain();
  for (const auto& gate : gates()) gate->close();
  for (const auto& gate : retired_) gate->close();
  const auto all = gates();
  const Deadline deadline = now() + kCutOff;  // their fibers end before their loops do
  while (std::any_of(all.begin(), all.end(), [](const auto& g) { return !g->idle(); }) &&
         now() < deadline)
    std::this_thread::sleep_for(kStep);
  watch_->stop();
  for (auto& worker : workers_) worker->stop_and_join();
  std::lock_guard lock(mutex_);
  gates_.clear();
  retired_.clear();
  running_ = false;
}

}  // namespace sluice::gateway
