// The parts of statistics that have no columns of their own, as bytes (store/blob.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::store {

// Histogram, SQLSTATEs, callers, samples.
std::string detail_of(const query::QueryStats& stats);
// False: the bytes are damaged, or of another form; then nothing is changed but `into`'s lists.
bool read_detail(std::string_view bytes, query::QueryStats& into);

std::string bytes_of(const query::Sample& sample);
bool read_sample(std::string_view bytes, query::Sample& into);

std::string bytes_of(const std::vector<query::CallerStats>& callers);
bool read_callers(std::string_view bytes, std::vector<query::CallerStats>& into);

}  // namespace sluice::store
