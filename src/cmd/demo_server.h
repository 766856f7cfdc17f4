// The demo's private PostgreSQL: made once in a folder, started, filled once, stopped with us.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cmd/child.h"

namespace sluice::cmd {

// The first of preferred, and whatever is free, on 127.0.0.1.
Result<std::uint16_t> free_port_near(std::uint16_t preferred);

class DemoServer {
 public:
  // `folder` holds data, password and logs; `samples` schema.sql and data.sql.
  DemoServer(std::string folder, std::string samples)
      : folder_(std::move(folder)), samples_(std::move(samples)) {}

  // initdb if it wasn't done, start, role and database bot (password bot), sample data.
  Result<void> start();
  void stop() { process_.reset(); }
  bool running() { return process_ && process_->running(); }
  std::uint16_t port() const { return port_; }

 private:
  Result<void> find_programs();
  Result<void> prepare();
  Result<void> launch();
  Result<void> fill();
  Result<std::string> psql(const std::string& user, const std::string& database,
                           std::vector<std::string> arguments);
  std::string program(const char* name) const { return programs_ + "/" + name; }

  const std::string folder_, samples_;
  std::string programs_;  // folder of initdb, postgres, psql
  std::string password_;  // of the superuser
  std::optional<Identity> as_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Child> process_;
};

}  // namespace sluice::cmd
