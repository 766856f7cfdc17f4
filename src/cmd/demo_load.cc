#include "cmd/demo_load.h"

#include <algorithm>
#include <latch>
#include <random>

#include <fmt/format.h>

#include "base/parse.h"
#include "base/random.h"
#include "net/fiber.h"
#include "net/listener.h"
#include "session/postgres_login.h"

namespace sluice::cmd {
namespace {

constexpr auto kCount =
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
    "AND datname = current_database() AND pid <> pg_backend_pid()";
constexpr Duration kPatience = std::chrono::seconds(10);

// From 1 to `most`.
unsigned pick(Random& random, unsigned most) {
  return static_cast<unsigned>(random.below(most)) + 1;
}

// What chat commands do: look up, list, write, bet.
std::string command(Random& random) {
  const unsigned guild = pick(random, 200), user = pick(random, 10000);
  const unsigned kind = pick(random, 12);
  if (kind <= 5) return fmt::format("SELECT name, balance FROM users WHERE id = {}", user);
  if (kind <= 8)
    return fmt::format(
        "SELECT user_id, content, sent_at FROM messages WHERE guild_id = {} ORDER BY sent_at DESC "
        "LIMIT 10",
        guild);
  if (kind == 9)
    return fmt::format(
        "SELECT name, balance FROM users WHERE guild_id = {} ORDER BY balance DESC LIMIT 5", guild);
  if (kind <= 11)
    return fmt::format(
        "INSERT INTO messages (guild_id, user_id, content, sent_at) "
        "SELECT guild_id, id, 'sample load', now() FROM users WHERE id = {}",
        user);
  return fmt::format(
      "BEGIN; UPDATE users SET balance = balance - 1 WHERE id = {0} AND balance > 0; "
      "INSERT INTO bets (user_id, game, stake, odds, outcome, placed_at) "
      "VALUES ({0}, 'sample load', 1, 1.5, 'open', now()); COMMIT",
      user);
}

class Run {
 public:
  Run(const LoadOptions& options, const std::atomic<bool>& stop)
      : options_(options),
        stop_(stop),
        worker_(0),
        loops_{&worker_.loop()},
        ended_(options.workers + 1) {}

  LoadResult run() {
    worker_.start();
    until_ = now() + options_.length;
    worker_.loop().post([this] {
      for (unsigned i = 0; i < options_.workers; ++i) worker_.loop().spawn([this, i] { work(i); });
      worker_.loop().spawn([this] { watch(); });
    });
    ended_.wait();
    worker_.stop_and_join();
    std::sort(result_.latencies.begin(), result_.latencies.end());
    return std::move(result_);
  }

 private:
  bool over() const { return stop_ || now() >= until_; }

  Result<std::unique_ptr<postgres::ServerConn>> log_in(std::uint16_t port) {
    postgres::ServerLogin login{.endpoint = {},
                                .user = "bot",
                                .database = "bot",
                                .password = "bot",
                                .keys = {},
                                .ssl = postgres::SslMode::disable,
                                .tls = nullptr,
                                .parameters = {},
                                .options = {}};
    login.endpoint.host = "127.0.0.1";
    login.endpoint.port = port;
    return postgres::log_in(worker_.loop(), login, baselines_, loops_, now() + kPatience);
  }

  void rest(Random& random) {
    const double seconds = std::exponential_distribution(options_.rate)(random);
    const auto length =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    net::sleep_until(std::min(until_, now() + length));
  }

  void work(unsigned number) {
    Random random(number + 1);
    auto conn = log_in(options_.port);
    if (!conn) result_.errors.push_back(conn.error().text());
    while (conn && !over()) {
      rest(random);
      if (over()) break;
      const Time began = now();
      const auto rows = (*conn)->run(command(random), began + kPatience);
      if (!rows) {
        result_.errors.push_back(rows.error().text());
        break;
      }
      result_.latencies.push_back(std::chrono::duration<double, std::milli>(now() - began).count());
    }
    if (conn) conn->reset();
    ended_.count_down();
  }

  // All workers share this thread, so the result needs no lock.
  void watch() {
    auto conn = log_in(options_.server_port);
    while (conn && !over()) {
      const auto rows = (*conn)->run(kCount, now() + kPatience);
      if (!rows || rows->rows.empty()) break;
      if (const auto count = parse_u64(rows->rows[0][0].value_or("")))
        result_.peak_connections =
            std::max(result_.peak_connections, static_cast<unsigned>(*count));
      net::sleep_until(std::min(until_, now() + std::chrono::milliseconds(200)));
    }
    if (conn) conn->reset();
    ended_.count_down();
  }

  const LoadOptions& options_;
  const std::atomic<bool>& stop_;
  net::Worker worker_;
  const postgres::ServerConn::Loops loops_;
  const std::shared_ptr<postgres::Baselines> baselines_ = std::make_shared<postgres::Baselines>();
  std::latch ended_;
  Deadline until_{};
  LoadResult result_;
};

}  // namespace

double LoadResult::quantile(double share) const {
  if (latencies.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1) + 0.5);
  return latencies[std::min(at, latencies.size() - 1)];
}

LoadResult run_load(const LoadOptions& options, const std::atomic<bool>& stop) {
  return Run(options, stop).run();
}

}  // namespace sluice::cmd
