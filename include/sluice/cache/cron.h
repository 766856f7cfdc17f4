// Cron: points in time from a line of five fields, in UTC: "30 4 * * MON-FRI".
//
//   minute 0-59, hour 0-23, day of month 1-31, month 1-12 or JAN-DEC, weekday 0-7 or SUN-SAT (0 and 7
//   are Sunday); each a list of *, a number, a range, and steps: "*/15", "8-18/2", "MON,THU".
//   @hourly, @daily (@midnight), @weekly, @monthly, @yearly (@annually) stand for what they say.
//
// As in Vixie cron a day counts if it fits the day of month or the weekday when both are restricted.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "sluice/result.h"

namespace sluice::cache {

using WallTime = std::chrono::sys_seconds;  // UTC

class Cron {
 public:
  // Fails: invalid_argument naming the field and the mend, also for a day that never comes (31 FEB).
  static Result<Cron> parse(std::string_view line);

  // The first minute that fits, later than `after`.
  WallTime next(WallTime after) const;

 private:
  Cron() = default;
  bool fits(std::chrono::year_month_day day) const;
  bool ever() const;

  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // a bit each
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace sluice::cache
