#include "cmd/top_screen.h"

#include <algorithm>

#include <fmt/format.h>

#include "cmd/screen_text.h"

namespace sluice::cmd {
namespace {

using Style = ScreenLine::Style;
using Lines = std::vector<ScreenLine>;

constexpr std::size_t kFileColumns = 200;

void add(Lines& lines, Style style, std::string text) { lines.push_back({style, std::move(text)}); }

// Of its statements, those that went among others' on one connection.
std::string shared_words(const PoolRow& pool) {
  const std::uint64_t all = pool.shared + pool.alone;
  if (all == 0) return "-";
  return fmt::format("{:.0f} %", static_cast<double>(pool.shared) / static_cast<double>(all) * 100);
}

std::string pool_line(const PoolRow& pool) {
  const auto number = [](std::uint64_t n) { return right(short_count(n), 8); };
  std::string line = left(clean_line(pool.database), 16) + " " + left(clean_line(pool.user), 14) +
                     " " + left(pool.paused ? "paused" : clean_line(pool.mode), 11) +
                     number(pool.clients_active) + number(pool.clients_waiting) +
                     number(pool.clients_idle) + number(pool.leased) + number(pool.idle) +
                     number(pool.max) + right(shared_words(pool), 8) + number(pool.lanes) +
                     number(pool.depth) + number(pool.stalls) + "  " + clean_line(pool.server);
  if (!pool.last_error.empty()) line += "  " + clean_line(pool.last_error);
  return line;
}

constexpr std::string_view kPoolHeading =
    "DATABASE         USER           MODE         ACTIVE WAITING    IDLE  LEASED    FREE     MAX  "
    "SHARED   LANES   DEPTH  STALLS  SERVER";

std::string statement_line(const TopRow& row) {
  return right(fmt::format("{:.1f}", row.share * 100), 6) + right(short_number(row.calls), 9) +
         right(short_number(row.mean_ms), 9) + right(short_number(row.p99_ms), 9) +
         right(short_number(row.rows_per_call), 9) + right(short_number(row.errors), 9) + "  " +
         clean_line(row.query);
}

constexpr std::string_view kStatementHeading =
    " TIME%  CALLS/S  MEAN ms   P99 ms     ROWS ERRORS/S  STATEMENT";

void add_head(Lines& lines, const TopView& view) {
  const TopNumbers& n = view.numbers;
  std::string title = fmt::format("sluice top  {}  {}", clean_line(view.address), view.clock);
  if (n.seconds) title += fmt::format("  last {:.1f} s", *n.seconds);
  add(lines, Style::title, title + fmt::format("  by {}", name_of(view.order)));
  std::uint64_t waiting = 0;
  for (const PoolRow& pool : n.pools.items) waiting += pool.clients_waiting;
  std::string figures;
  if (n.seconds)
    figures =
        fmt::format("{} requests/s  {} transactions/s  {} errors/s  {} statements under way  ",
                    short_number(n.requests), short_number(n.transactions), short_number(n.errors),
                    short_number(n.busy));
  add(lines, Style::plain,
      figures + fmt::format("{} clients  {} waiting  {} connections", n.pools.clients, waiting,
                            n.pools.connections));
  if (!view.trouble.empty()) add(lines, Style::trouble, clean_line(view.trouble));
}

void add_pools(Lines& lines, const PoolsView& pools, std::size_t most) {
  add(lines, Style::heading, std::string(kPoolHeading));
  if (pools.items.empty()) add(lines, Style::faint, "no client has come yet");
  const std::size_t shown = std::min(pools.items.size(), most);
  for (std::size_t i = 0; i < shown; ++i) add(lines, Style::plain, pool_line(pools.items[i]));
  if (shown < pools.items.size())
    add(lines, Style::faint, fmt::format("and {} more", pools.items.size() - shown));
}

void add_statements(Lines& lines, const TopNumbers& numbers, std::size_t most) {
  add(lines, Style::heading, std::string(kStatementHeading));
  if (numbers.rows.empty())
    add(lines, Style::faint,
        numbers.seconds ? "no statement ended in this time" : "measuring the first interval");
  for (std::size_t i = 0; i < std::min(numbers.rows.size(), most); ++i)
    add(lines, Style::plain, statement_line(numbers.rows[i]));
}

// What doesn't fit is cut, the line of keys stays.
void fit(Lines& lines, ScreenSize size) {
  const std::size_t most = size.rows > 0 ? size.rows - 1 : 0;
  lines.resize(most);
  if (size.rows > 0) add(lines, Style::faint, "t time  c calls  m mean  e errors  q quit");
  for (ScreenLine& line : lines) line.text = cut(line.text, size.columns);
}

}  // namespace

std::vector<ScreenLine> top_screen(const TopView& view, ScreenSize size) {
  Lines lines;
  add_head(lines, view);
  add(lines, Style::plain, {});
  add_pools(lines, view.numbers.pools, std::max<std::size_t>(1, size.rows / 4));
  add(lines, Style::plain, {});
  add_statements(lines, view.numbers, size.rows);
  fit(lines, size);
  return lines;
}

std::string top_text(const TopView& view, std::size_t statements) {
  Lines lines;
  add_head(lines, view);
  add_pools(lines, view.numbers.pools, view.numbers.pools.items.size());
  add_statements(lines, view.numbers, statements);
  std::string out;
  for (const ScreenLine& line : lines) out += cut(line.text, kFileColumns) + "\n";
  return out + "\n";
}

}  // namespace sluice::cmd
