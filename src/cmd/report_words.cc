#include "cmd/report_words.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/parse.h"
#include "cmd/screen_text.h"

namespace sluice::cmd {

Figures summary_of(const ReportPage& page) {
  Figures out;
  out.emplace_back("Gateway", fmt::format("{}, version {}", page.address, page.health.version));
  out.emplace_back("Status", page.health.status);
  out.emplace_back("Running for",
                   format_duration(std::chrono::seconds(page.health.uptime_seconds)));
  out.emplace_back("Clients", short_count(page.pools.clients));
  out.emplace_back("Server connections", short_count(page.pools.connections));
  out.emplace_back("Requests", short_count(page.pools.requests));
  out.emplace_back("Calls of statements", short_count(page.statements.calls));
  out.emplace_back("Failed calls", short_count(page.statements.errors));
  out.emplace_back("Different statements", short_count(page.statements.count));
  if (page.statements.unanalysed > 0)
    out.emplace_back("Texts that couldn't be read", short_count(page.statements.unanalysed));
  if (page.statements.forgotten > 0)
    out.emplace_back("Statements forgotten for lack of room",
                     short_count(page.statements.forgotten));
  out.emplace_back("Time wasted in loops", short_time(page.loops.wasted_ms));
  out.emplace_back("Recommendations", short_count(page.advice.count));
  return out;
}

std::string split_words(const TimeSplit& time) {
  const double all = time.queue + time.pool_wait + time.server + time.transfer;
  if (all <= 0) return "-";
  std::vector<std::pair<double, std::string_view>> parts = {{time.server, "server"},
                                                            {time.transfer, "transfer"},
                                                            {time.pool_wait, "pool"},
                                                            {time.queue, "queue"}};
  std::ranges::stable_sort(parts, std::greater(), [](const auto& part) { return part.first; });
  std::string out;
  for (const auto& [ms, name] : parts)
    if (ms / all >= 0.005)
      out += fmt::format("{}{} {:.0f} %", out.empty() ? "" : ", ", name, ms / all * 100);
  return out;
}

double share_of(const StatementRow& row, const ReportPage& page) {
  return page.statements_ms > 0 ? row.total_ms / page.statements_ms : 0;
}

std::string origin_of(const SlowRow& row) {
  std::string out = fmt::format("{}, {}@{}", row.at, row.user, row.database);
  if (!row.application.empty()) out += ", " + row.application;
  if (!row.tags.empty()) out += " (" + row.tags + ")";
  if (!row.sqlstate.empty()) out += ", failed with " + row.sqlstate;
  return out;
}

std::string values_of(const SlowRow& row) {
  std::string out;
  for (const std::string& value : row.values) out += (out.empty() ? "" : ", ") + value;
  return out;
}

std::string sharing_words(const PoolsView& pools) {
  std::uint64_t shared = 0, alone = 0, stalls = 0;
  for (const PoolRow& pool : pools.items) {
    shared += pool.shared;
    alone += pool.alone;
    stalls += pool.stalls;
  }
  if (shared + alone == 0) return {};
  return fmt::format(
      "Of {} statements {:.0f} % shared a connection with other clients' statements; one held "
      "others "
      "up {}.",
      short_count(shared + alone),
      static_cast<double>(shared) / static_cast<double>(shared + alone) * 100,
      stalls == 1 ? "once" : short_count(stalls) + " times");
}

std::string loop_figures(const LoopRow& row) {
  std::string out =
      fmt::format("ran {} with {} statements (median {}, most {}), {} wasted",
                  row.bursts == 1 ? "once" : short_count(row.bursts) + " times",
                  short_count(row.calls), row.p50, row.max, short_time(row.wasted_ms));
  if (!row.callers.empty() && !row.callers.front().empty()) out += ", by " + row.callers.front();
  return out;
}

std::string more_words(std::size_t shown, std::uint64_t count) {
  return count > shown ? fmt::format("and {} more", count - shown) : std::string();
}

std::string clean_block(std::string_view text) {
  std::string out;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    out += std::string(indent, ' ') + clean_line(line) + "\n";
  }
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

}  // namespace sluice::cmd
