// Prometheus' text format 0.0.4: what GET /metrics answers.
//
// Histograms go out with classic buckets at powers of two, which are boundaries of the exponential
// ones, so every count is exact. The boundaries are fixed: series neither come nor go with the load.
#pragma once

#include <span>
#include <string>

#include "monitor/metrics.h"

namespace sluice::monitor {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

std::string prometheus_text(std::span<const FamilySnapshot> families);

}  // namespace sluice::monitor
