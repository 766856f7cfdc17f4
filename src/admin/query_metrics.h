// Series of the statements that cost most, for /metrics: few, whatever the number of fingerprints.
#pragma once

#include <span>
#include <vector>

#include "monitor/metrics.h"
#include "sluice/query/workload.h"

namespace sluice::admin {

// Families of those statements, labelled by fingerprint, verb and database, and of the totals.
std::vector<monitor::FamilySnapshot> query_families(std::span<const query::QueryStats> top,
                                                    const query::Workload::Totals& totals,
                                                    const query::Templates::Counts& counts);

}  // namespace sluice::admin
