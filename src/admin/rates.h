// What happened lately: totals since the start as averages over a recent window, by database.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "sluice/time.h"

namespace sluice::admin {

struct Amounts {
  std::uint64_t transactions = 0, requests = 0, received = 0, sent = 0;
  std::uint64_t request_us = 0, wait_us = 0;
};

struct DatabaseRates {
  std::string database;
  Amounts total;
  // Per second; request_us and wait_us: of one request.
  Amounts average;
};

// Remembers readings. Thread-safe.
class Rates {
 public:
  // The averages cover the time since a reading that is at least `period` old, if there is one, else
  // since the start.
  explicit Rates(Duration period = std::chrono::seconds(60)) : period_(period) {}

  // Databases in order of their names; those of several listeners and users count together.
  std::vector<DatabaseRates> read(const std::vector<gateway::Totals>& totals, Time started,
                                  Time now);

 private:
  struct Reading {
    Time at{};
    std::vector<DatabaseRates> rows;
  };
  const Duration period_;
  std::mutex mutex_;  // the rest
  Reading before_, last_;
  bool read_once_ = false;
};

}  // namespace sluice::admin
