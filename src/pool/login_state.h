// LoginState: what the pool has learned from logins that failed.
//
// Two lessons. The server refuses us: nobody tries again before a back-off has passed, which
// doubles with every round of failures and ends with the first success; its last error is kept with
// its own words, to be told to those who can't be served. The server is full (exhausted) while we
// hold some of its connections: what we have is our ceiling for a while, and who wants more waits
// for a return. A small pure class: time and randomness are arguments. Under the pool's lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice {

class LoginState {
 public:
  static constexpr Duration kFirstDelay = std::chrono::milliseconds(100);
  static constexpr Duration kLongestDelay = std::chrono::milliseconds(500);
  static constexpr Duration kCeilingHolds = std::chrono::seconds(5);

  // Logins that run side by side and fail together count as one round: each remembers the round it
  // began in, and only the first failure of a round lengthens the back-off.
  std::uint64_t round() const { return round_; }

  // random: in [0, 1). The back-off is half to the whole of the round's delay.
  void failed(Error error, std::uint64_t round, Time now, double random) {
    error_ = std::move(error);
    if (round != round_) return;
    ++round_;
    delay_ = delay_ == Duration::zero() ? kFirstDelay : std::min(2 * delay_, kLongestDelay);
    retry_at_ = now + std::chrono::duration_cast<Duration>(delay_ * (0.5 + 0.5 * random));
  }
  void succeeded() {
    if (delay_ == Duration::zero()) return;
    ++round_;
    delay_ = Duration::zero();
    retry_at_ = {};
    error_ = {};
  }
  // The server took no more than the `open` connections that we have.
  void full(std::size_t open, Time now) {
    ceiling_ = open;
    ceiling_until_ = now + kCeilingHolds;
  }

  bool backing_off(Time now) const { return now < retry_at_; }
  // REQUIRES: a login failed since the last success.
  const Error& error() const { return error_; }
  bool failing() const { return delay_ > Duration::zero(); }

  // When one more may be tried beside `total` that are open or opening; in the past: now.
  Time next_try(std::size_t total) const {
    return total >= ceiling_ ? std::max(retry_at_, ceiling_until_) : retry_at_;
  }

 private:
  Error error_;
  std::uint64_t round_ = 0;
  Duration delay_{};
  Time retry_at_{};
  std::size_t ceiling_ = 0;
  Time ceiling_until_{};
};

}  // namespace sluice
