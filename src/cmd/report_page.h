// What a report says, and the two ways to write it: Markdown and HTML.
//
// Statements, callers and values come from whoever may send some. Markdown keeps them in code spans and
// blocks that they can't end; HTML escapes them. The HTML is one file: no script, nothing loaded.
#pragma once

#include <string>

#include "cmd/api_views.h"

namespace sluice::cmd {

struct ReportPage {
  std::string address, when;  // "2026-11-20 12:00:00 UTC"
  HealthView health;
  PoolsView pools;
  StatementsView statements;  // the costliest
  SlowView slow;
  LoopsView loops;
  Listing<AdviceRow> advice;
  double statements_ms = 0;  // of all statements, not only of those that are listed
};

std::string report_markdown(const ReportPage& page);
std::string report_html(const ReportPage& page);

// A code span of Markdown that holds for any text: one line. (In a table pipes want escaping on top.)
std::string markdown_code(std::string_view text);
// A code block with a fence that is longer than any in the text.
std::string markdown_block(std::string_view text, std::string_view language);
// Text between Markdown's signs: what could be one is escaped.
std::string markdown_text(std::string_view text);
std::string html_text(std::string_view text);

}  // namespace sluice::cmd
