// AdminServer: the admin listener. A thread of its own with an Asio loop: the data path's workers never
// see it, and a slow browser costs them nothing.
//
// Bounded everywhere: 64 connections, 16 KB of header, 64 KB of body, 10 s for each step.
#pragma once

#include <memory>
#include <string>

#include "admin/api.h"
#include "gateway/config.h"

namespace sluice::admin {

// start(), reload(), stop(): one thread.
class AdminServer {
 public:
  explicit AdminServer(gateway::Gateway& gateway);
  ~AdminServer();  // stop()

  // Does nothing if it isn't enabled. Errors: unavailable (the address is taken), invalid_argument
  // (not a loopback address and no token).
  Result<void> start(const gateway::Config::Admin& config);
  // A new token applies to the next request; a new address is opened before the old one is closed.
  Result<void> reload(const gateway::Config::Admin& config);
  void stop();
  // "127.0.0.1:8001" with the port that the kernel chose for 0; empty while it isn't listening.
  std::string address() const;

 private:
  class Running;

  gateway::Gateway& gateway_;
  Api api_;
  gateway::Config::Admin config_;
  std::unique_ptr<Running> running_;
};

}  // namespace sluice::admin
