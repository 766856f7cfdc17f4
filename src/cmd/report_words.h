// Sentences and figures that both forms of a report say alike.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cmd/report_page.h"

namespace sluice::cmd {

using Figures = std::vector<std::pair<std::string, std::string>>;

// "status": "ok", "requests": "12.3k", ...
Figures summary_of(const ReportPage& page);
// Where a statement's time went: "server 80 %, transfer 12 %, pool 8 %".
std::string split_words(const TimeSplit& time);
// Of the time of all statements, 0..1.
double share_of(const StatementRow& row, const ReportPage& page);
// "at 2026-... by app@shop, web (controller=books)".
std::string origin_of(const SlowRow& row);
std::string values_of(const SlowRow& row);  // "$1 = 42, $2 = 'x'": in the order of the text
// "Of 1.2k statements 80 % shared a connection with others' ...", empty if nothing was counted.
std::string sharing_words(const PoolsView& pools);
std::string loop_figures(const LoopRow& row);
// "and 12 more", empty if all are there.
std::string more_words(std::size_t shown, std::uint64_t count);
// With a statement's line ends as they are; other control characters gone.
std::string clean_block(std::string_view text);

}  // namespace sluice::cmd
