#include "cmd/top.h"

#include <cstdio>
#include <ctime>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/parse.h"
#include "cmd/exit_code.h"
#include "cmd/terminal.h"

namespace sluice::cmd {
namespace {

using namespace std::chrono_literals;

constexpr Duration kShortest = 100ms, kLongest = 1h;
// As many as the gateway gives on one page. What isn't among the costliest thousand isn't top.
constexpr std::string_view kStatements = "/performance/queries?sort=total&limit=1000";
constexpr std::string_view kPools = "/performance/pools";

Result<TopSample> sample(const RunningGateway& gateway) {
  const auto statements = gateway.ask(kStatements);
  if (!statements) return std::unexpected(statements.error());
  TopSample out;
  out.at = now();
  const auto pools = gateway.ask(kPools);
  if (!pools) return std::unexpected(pools.error());
  auto read = read_statements(*statements);
  if (!read) return std::unexpected(read.error());
  auto read_too = read_pools(*pools);
  if (!read_too) return std::unexpected(read_too.error());
  out.statements = std::move(*read);
  out.pools = std::move(*read_too);
  return out;
}

std::string clock_text() {
  const std::time_t time = std::time(nullptr);
  return fmt::format("{:%H:%M:%S}", fmt::localtime(time));
}

int print_json(const RunningGateway& gateway) {
  const auto statements = gateway.ask(kStatements);
  if (!statements) return complain(statements.error());
  const auto pools = gateway.ask(kPools);
  if (!pools) return complain(pools.error());
  fmt::print("{{\"queries\":{},\"pools\":{}}}\n", trim(*statements), trim(*pools));
  return kOk;
}

struct Watch {
  const RunningGateway& gateway;
  Duration interval;
  TopOrder order;
};

int print_snapshots(const Watch& watch, unsigned count, unsigned rows) {
  auto before = sample(watch.gateway);
  if (!before) return complain(before.error());
  for (unsigned i = 0; i < count; ++i) {
    std::this_thread::sleep_until(before->at + watch.interval);
    auto after = sample(watch.gateway);
    if (!after) return complain(after.error());
    const TopView view{.address = watch.gateway.address(),
                       .clock = clock_text(),
                       .trouble = {},
                       .order = watch.order,
                       .numbers = top_numbers(*before, *after, watch.order)};
    std::fputs(top_text(view, rows).c_str(), stdout);
    if (std::fflush(stdout) != 0) return kFailure;
    before = std::move(after);
  }
  return kOk;
}

// Two samples and what they show. When the gateway goes away, the last numbers stay with the reason.
class LiveView {
 public:
  LiveView(const Watch& watch, TopSample first) : watch_(watch), after_(std::move(first)) {
    view_.address = watch.gateway.address();
    view_.order = watch.order;
    compute();
  }

  int run() {
    Terminal terminal;
    Deadline next = after_.at + watch_.interval;
    while (terminal.show(top_screen(view_, terminal.size()))) {
      const Terminal::Event event = terminal.wait(next);
      if (event.what == Terminal::Wake::end) break;
      if (event.what == Terminal::Wake::key && !take(event.key)) break;
      if (event.what != Terminal::Wake::time) continue;
      look();
      next = std::max(next + watch_.interval, now() + watch_.interval / 2);
    }
    return kOk;
  }

 private:
  // False: it ends.
  bool take(char key) {
    switch (key) {
      case 'q':
      case 'Q': return false;
      case 't': view_.order = TopOrder::time; break;
      case 'c': view_.order = TopOrder::calls; break;
      case 'm': view_.order = TopOrder::mean; break;
      case 'e': view_.order = TopOrder::errors; break;
      default: return true;
    }
    compute();
    return true;
  }

  void look() {
    auto seen = sample(watch_.gateway);
    view_.trouble = seen ? std::string() : complaint(seen.error());
    if (!seen) return;
    before_ = std::move(after_);
    after_ = std::move(*seen);
    compute();
  }

  void compute() {
    view_.clock = clock_text();
    view_.numbers = before_ ? top_numbers(*before_, after_, view_.order) : top_numbers(after_);
  }

  const Watch& watch_;
  std::optional<TopSample> before_;
  TopSample after_;
  TopView view_;
};

}  // namespace

int top(const TopOptions& options) {
  const auto interval = parse_duration(options.interval);
  if (!interval || *interval < kShortest || *interval > kLongest)
    return complain({.code = Code::invalid_argument, .detail = "--interval: from 100ms to 1h"});
  const auto order = top_order_of(options.sort);
  if (!order)
    return complain(
        {.code = Code::invalid_argument, .detail = "--sort: time, calls, mean or errors"});
  const auto gateway = RunningGateway::find(options.gateway);
  if (!gateway) return complain(gateway.error());
  if (options.json) return print_json(*gateway);
  const Watch watch{*gateway, *interval, *order};
  if (options.count > 0 || !Terminal::present())
    return print_snapshots(watch, std::max(options.count, 1u), options.rows);
  auto first = sample(*gateway);
  if (!first) return complain(first.error());
  return LiveView(watch, std::move(*first)).run();
}

}  // namespace sluice::cmd
