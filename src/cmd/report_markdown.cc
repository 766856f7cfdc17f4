// A report as Markdown (CommonMark with GitHub's tables).
#include <algorithm>

#include <fmt/format.h>

#include "cmd/report_words.h"
#include "cmd/screen_text.h"

namespace sluice::cmd {
namespace {

constexpr std::size_t kCellColumns = 120;  // of a statement in a table

std::size_t longest_run(std::string_view text, char of) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == of ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string code_of(std::string_view query) {
  return markdown_code(cut(clean_line(query), kCellColumns));
}

// In a table even code's pipes are escaped, and readers differ on a backslash in front of that.
std::string cell(std::string_view query) {
  std::string out;
  for (const char c : code_of(query)) {
    if (c == '|') out += out.ends_with('\\') ? " \\" : "\\";
    out += c;
  }
  return out;
}

std::string row_of(std::initializer_list<std::string> cells) {
  std::string out = "|";
  for (const std::string& text : cells) out += " " + text + " |";
  return out + "\n";
}

std::string summary(const ReportPage& page) {
  std::string out = "| | |\n|---|---|\n";
  for (const auto& [name, value] : summary_of(page)) out += row_of({name, markdown_text(value)});
  for (const ComponentRow& c : page.health.components)
    if (!c.ready)
      out += row_of({"Not ready", markdown_text(c.name) + ": " + markdown_text(c.detail)});
  return out;
}

std::string advice(const Listing<AdviceRow>& all) {
  if (all.items.empty()) return "Nothing to recommend.\n";
  std::string out;
  std::size_t number = 0;
  for (const AdviceRow& a : all.items) {
    out += fmt::format("### {}. {}\n\n", ++number, markdown_text(a.title));
    out += fmt::format("{}, {}; would save about {}.\n\n", markdown_code(a.kind),
                       markdown_text(a.severity), short_time(a.saved_ms));
    if (!a.sentence.empty()) out += markdown_text(a.sentence) + "\n\n";
    if (!a.action.empty()) out += "**Do:** " + markdown_text(a.action) + "\n\n";
    if (!a.sql.empty()) out += markdown_block(a.sql, "sql") + "\n";
    if (!a.orm.empty()) out += "In the program: " + markdown_text(a.orm) + "\n\n";
    for (const auto& [name, value] : a.evidence)
      out += fmt::format("- {}: {}\n", markdown_text(name), markdown_text(value));
    out += fmt::format("- statement: {}\n\n", markdown_code(a.fingerprint));
  }
  return out;
}

std::string statements(const ReportPage& page) {
  if (page.statements.items.empty()) return "No statement has been counted yet.\n";
  std::string out =
      "| time | calls | total | mean | p95 | p99 | rows/call | errors | where the time goes | "
      "statement |\n"
      "|---:|---:|---:|---:|---:|---:|---:|---:|---|---|\n";
  for (const StatementRow& q : page.statements.items) {
    out += row_of(
        {fmt::format("{:.1f} %", share_of(q, page) * 100), short_count(q.calls),
         short_time(q.total_ms), short_time(q.mean_ms), short_time(q.p95_ms), short_time(q.p99_ms),
         short_number(q.calls > 0 ? static_cast<double>(q.rows) / static_cast<double>(q.calls) : 0),
         short_count(q.errors), split_words(q.time), cell(q.query)});
  }
  return out;
}

std::string loops(const LoopsView& all) {
  if (all.items.empty()) return "None seen.\n";
  std::string out;
  for (const LoopRow& l : all.items) {
    out += fmt::format("### {} {}\n\n", markdown_text(l.kind), code_of(l.query));
    out += markdown_text(loop_figures(l)) + ".\n\n";
    if (!l.sentence.empty()) out += markdown_text(l.sentence) + "\n\n";
    if (!l.source.empty())
      out += fmt::format("Its values come from column {} of {}\n\n", markdown_code(l.column),
                         code_of(l.source));
    if (!l.sql.empty()) out += "One statement instead:\n\n" + markdown_block(l.sql, "sql") + "\n";
    if (!l.orm.empty()) out += "In the program: " + markdown_text(l.orm) + "\n\n";
  }
  return out;
}

std::string slow(const ReportPage& page) {
  if (page.slow.items.empty()) return "None.\n";
  std::string out =
      "| took | where | rows | who and when | statement | values |\n|---:|---|---:|---|---|---|\n";
  for (const SlowRow& s : page.slow.items)
    out += row_of({short_time(s.took_ms), split_words(s.time), short_count(s.rows),
                   markdown_text(origin_of(s)), cell(s.query),
                   s.values.empty() ? "" : cell(values_of(s))});
  return out;
}

std::string pools(const PoolsView& all) {
  if (all.items.empty()) return "No client has come yet.\n";
  std::string out =
      "| database | user | server | mode | clients | waiting | connections | in use | at most | "
      "trouble |\n"
      "|---|---|---|---|---:|---:|---:|---:|---:|---|\n";
  for (const PoolRow& p : all.items)
    out += row_of({markdown_text(p.database), markdown_text(p.user), markdown_text(p.server),
                   p.paused ? "paused" : markdown_text(p.mode),
                   std::to_string(p.clients_active + p.clients_waiting + p.clients_idle),
                   std::to_string(p.clients_waiting), std::to_string(p.total),
                   std::to_string(p.leased), std::to_string(p.max), markdown_text(p.last_error)});
  return out;
}

std::string section(std::string_view title, const std::string& body, const std::string& more = {}) {
  std::string out = fmt::format("\n## {}\n\n{}", title, body);
  if (!more.empty()) out += "\n" + more + "\n";
  return out;
}

}  // namespace

std::string markdown_code(std::string_view text) {
  const std::string line = clean_line(text);
  if (line.empty()) return "-";
  const std::string fence(longest_run(line, '`') + 1, '`');
  // A code span may begin or end with a backtick only behind a blank.
  const bool padded = line.starts_with('`') || line.ends_with('`');
  return padded ? fence + " " + line + " " + fence : fence + line + fence;
}

std::string markdown_block(std::string_view text, std::string_view language) {
  const std::string body = clean_block(text);
  const std::string fence(std::max<std::size_t>(3, longest_run(body, '`') + 1), '`');
  return fence + std::string(language) + "\n" + body + "\n" + fence + "\n";
}

std::string markdown_text(std::string_view text) {
  constexpr std::string_view kSigns = "\\`*_{}[]<>#|!~&";
  std::string out;
  for (const char c : clean_line(text)) {
    if (kSigns.contains(c)) out += '\\';
    out += c;
  }
  return out;
}

std::string report_markdown(const ReportPage& page) {
  std::string out = fmt::format("# Sluice report, {}\n\n", markdown_text(page.when));
  out += summary(page);
  out += section("Recommendations", advice(page.advice),
                 more_words(page.advice.items.size(), page.advice.count));
  out += section("Costliest statements", statements(page),
                 more_words(page.statements.items.size(), page.statements.count));
  out += section("Loops", loops(page.loops), more_words(page.loops.items.size(), page.loops.count));
  out += section(page.slow.threshold_ms >= 0
                     ? fmt::format("Slow ones, from {} on", short_time(page.slow.threshold_ms))
                     : std::string("Slow ones"),
                 slow(page), more_words(page.slow.items.size(), page.slow.count));
  return out + section("Pools", pools(page.pools), sharing_words(page.pools));
}

}  // namespace sluice::cmd
