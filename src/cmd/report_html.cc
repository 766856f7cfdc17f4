// A report as one HTML file. Everything that comes from outside passes through html_text().
#include <fmt/format.h>

#include "cmd/report_words.h"
#include "cmd/screen_text.h"

namespace sluice::cmd {
namespace {

// The policy forbids what escaping would have to have missed first.
constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Sluice report</title>
<style>
:root { --text: #1b1f24; --faint: #5b6570; --back: #fff; --panel: #f4f6f8; --line: #d5dae0; --mark: #0b5cad;
  --warning: #8a5300; --critical: #b3201d; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8ec; --faint: #9aa5b1; --back: #14181c;
  --panel: #1e242a; --line: #343c45; --mark: #79b8ff; --warning: #f0b354; --critical: #ff8078; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 0 auto;
  max-width: 76rem; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; }
dl div { background: var(--panel); border-radius: .4rem; padding: .5rem .75rem; }
dt { color: var(--faint); font-size: .85rem; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; } .n { text-align: right; white-space: nowrap; }
code, pre { font: .85rem/1.45 ui-monospace, monospace; } code { overflow-wrap: anywhere; }
td code { display: block; min-width: 18rem; max-width: 40rem; }
pre { background: var(--panel); border-radius: .4rem; padding: .6rem .8rem; overflow-x: auto;
  white-space: pre-wrap; }
article { border-left: .25rem solid var(--mark); padding: .1rem 0 .1rem 1rem; margin: 1.25rem 0; }
.warning { border-color: var(--warning); } .critical { border-color: var(--critical); }
.faint, ul { color: var(--faint); font-size: .9rem; } p { margin: .4rem 0; }
</style>
</head>
<body>
)html";

std::string code(std::string_view text) {
  return "<code>" + html_text(clean_line(text)) + "</code>";
}
std::string paragraph(std::string_view text, std::string_view kind = {}) {
  if (text.empty()) return {};
  return kind.empty() ? fmt::format("<p>{}</p>\n", html_text(text))
                      : fmt::format("<p class=\"{}\">{}</p>\n", kind, html_text(text));
}
std::string block(std::string_view sql) {
  return sql.empty() ? std::string() : fmt::format("<pre>{}</pre>\n", html_text(clean_block(sql)));
}
std::string cell(std::string_view text) { return fmt::format("<td>{}</td>", html_text(text)); }
std::string figure(std::string_view text) {
  return fmt::format("<td class=\"n\">{}</td>", html_text(text));
}
std::string figure(std::uint64_t n) { return figure(short_count(n)); }

// A heading that begins with '#' stands over figures.
std::string table(std::initializer_list<std::string_view> headings, const std::string& rows) {
  std::string out = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const std::string_view heading : headings)
    out += heading.starts_with('#')
               ? fmt::format("<th scope=\"col\" class=\"n\">{}</th>", html_text(heading.substr(1)))
               : fmt::format("<th scope=\"col\">{}</th>", html_text(heading));
  return out + "</tr></thead>\n<tbody>\n" + rows + "</tbody>\n</table></div>\n";
}

std::string summary(const ReportPage& page) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : summary_of(page))
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html_text(name), html_text(value));
  out += "</dl>\n";
  for (const ComponentRow& c : page.health.components)
    if (!c.ready) out += paragraph("Not ready: " + c.name + ": " + c.detail);
  return out;
}

// The class is one of ours whatever the answer says.
std::string_view class_of(std::string_view severity) {
  if (severity == "critical") return "critical";
  return severity == "warning" ? "warning" : "info";
}

std::string advice(const Listing<AdviceRow>& all) {
  if (all.items.empty()) return paragraph("Nothing to recommend.");
  std::string out;
  for (const AdviceRow& a : all.items) {
    out += fmt::format("<article class=\"{}\">\n<h3>{}</h3>\n", class_of(a.severity),
                       html_text(a.title));
    out += paragraph(
        fmt::format("{}, {}; would save about {}", a.severity, a.kind, short_time(a.saved_ms)),
        "faint");
    out += paragraph(a.sentence) + paragraph(a.action) + block(a.sql);
    if (!a.orm.empty()) out += paragraph("In the program: " + a.orm);
    out += "<ul>\n";
    for (const auto& [name, value] : a.evidence)
      out += fmt::format("<li>{}: {}</li>\n", html_text(name), html_text(value));
    out += fmt::format("<li>statement: {}</li>\n</ul>\n</article>\n", code(a.fingerprint));
  }
  return out;
}

std::string statements(const ReportPage& page) {
  if (page.statements.items.empty()) return paragraph("No statement has been counted yet.");
  std::string rows;
  for (const StatementRow& q : page.statements.items) {
    rows += "<tr>" + figure(fmt::format("{:.1f} %", share_of(q, page) * 100)) + figure(q.calls) +
            figure(short_time(q.total_ms)) + figure(short_time(q.mean_ms)) +
            figure(short_time(q.p95_ms)) + figure(short_time(q.p99_ms)) +
            figure(q.calls > 0
                       ? short_number(static_cast<double>(q.rows) / static_cast<double>(q.calls))
                       : "0") +
            figure(q.errors) + cell(split_words(q.time)) + "<td>" + code(q.query) + "</td></tr>\n";
  }
  return table({"#time", "#calls", "#total", "#mean", "#p95", "#p99", "#rows/call", "#errors",
                "where the time goes", "statement"},
               rows);
}

std::string loops(const LoopsView& all) {
  if (all.items.empty()) return paragraph("None seen.");
  std::string out;
  for (const LoopRow& l : all.items) {
    out += fmt::format("<article>\n<h3>{} {}</h3>\n", html_text(l.kind), code(l.query));
    out += paragraph(loop_figures(l), "faint") + paragraph(l.sentence);
    if (!l.source.empty())
      out += fmt::format("<p>Its values come from column {} of {}</p>\n", code(l.column),
                         code(l.source));
    out += block(l.sql);
    if (!l.orm.empty()) out += paragraph("In the program: " + l.orm);
    out += "</article>\n";
  }
  return out;
}

std::string slow(const ReportPage& page) {
  if (page.slow.items.empty()) return paragraph("None.");
  std::string rows;
  for (const SlowRow& s : page.slow.items)
    rows += "<tr>" + figure(short_time(s.took_ms)) + cell(split_words(s.time)) + figure(s.rows) +
            cell(origin_of(s)) + "<td>" + code(s.query) + "</td><td>" + code(values_of(s)) +
            "</td></tr>\n";
  return table({"#took", "where", "#rows", "who and when", "statement", "values"}, rows);
}

std::string pools(const PoolsView& all) {
  if (all.items.empty()) return paragraph("No client has come yet.");
  std::string rows;
  for (const PoolRow& p : all.items)
    rows += "<tr>" + cell(p.database) + cell(p.user) + cell(p.server) +
            cell(p.paused ? "paused" : p.mode) +
            figure(p.clients_active + p.clients_waiting + p.clients_idle) +
            figure(p.clients_waiting) + figure(p.total) + figure(p.leased) + figure(p.max) +
            cell(p.last_error) + "</tr>\n";
  return table({"database", "user", "server", "mode", "#clients", "#waiting", "#connections",
                "#in use", "#at most", "trouble"},
               rows);
}

std::string section(std::string_view title, const std::string& body, const std::string& more = {}) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}{}</section>\n", html_text(title), body,
                     paragraph(more, "faint"));
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += (c >= 0 && c < 0x20 && c != '\n') || c == 0x7f ? ' ' : c;
    }
  }
  return out;
}

std::string report_html(const ReportPage& page) {
  std::string out(kHead);
  out += fmt::format("<h1>Sluice report</h1>\n<p class=\"faint\">{}</p>\n", html_text(page.when));
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
  return out + section("Pools", pools(page.pools), sharing_words(page.pools)) + "</body>\n</html>\n";
}

}  // namespace sluice::cmd
