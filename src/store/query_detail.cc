// Each part knows to write and to read itself; the form has a number in front.
#include "store/query_detail.h"

#include "store/blob.h"

namespace sluice::store {
namespace {

using query::CallerStats;
using query::QueryStats;
using query::Sample;

constexpr std::uint64_t kForm = 1;

void write(BlobWriter& out, const Sample& sample) {
  out.number(sample.took.count());
  out.number(sample.at);
  out.number(sample.values.size());
  for (const std::string& value : sample.values) out.text(value);
}

Sample read_one_sample(BlobReader& in) {
  Sample sample;
  sample.took = Duration(in.signed_number());
  sample.at = in.signed_number();
  for (std::uint64_t left = in.count(8); left > 0; --left) sample.values.emplace_back(in.text());
  return sample;
}

void write(BlobWriter& out, const std::vector<Sample>& samples) {
  out.number(samples.size());
  for (const Sample& sample : samples) write(out, sample);
}

std::vector<Sample> read_samples(BlobReader& in) {
  std::vector<Sample> samples;
  for (std::uint64_t left = in.count(24); left > 0 && in.ok(); --left)
    samples.push_back(read_one_sample(in));
  return samples;
}

void write(BlobWriter& out, const std::vector<CallerStats>& callers) {
  out.number(callers.size());
  for (const CallerStats& one : callers) {
    out.text(one.caller.application);
    out.text(one.caller.tags);
    out.number(one.calls);
    out.number(one.total.count());
  }
}

std::vector<CallerStats> read_all_callers(BlobReader& in) {
  std::vector<CallerStats> callers;
  for (std::uint64_t left = in.count(32); left > 0 && in.ok(); --left) {
    CallerStats one;
    one.caller.application = in.text();
    one.caller.tags = in.text();
    one.calls = in.number();
    one.total = Duration(in.signed_number());
    callers.push_back(std::move(one));
  }
  return callers;
}

void write(BlobWriter& out, const query::HistogramSnapshot& histogram) {
  out.number(static_cast<std::int64_t>(histogram.schema));
  out.number(histogram.count);
  out.number(histogram.raw_sum);
  out.number(histogram.zeros);
  out.number(static_cast<std::int64_t>(histogram.first));
  out.number(histogram.buckets.size());
  for (const std::uint64_t bucket : histogram.buckets) out.number(bucket);
}

// Schemas and indexes that can't be would lead to wrong shifts later.
bool read_histogram(BlobReader& in, query::HistogramSnapshot& into) {
  const std::int64_t schema = in.signed_number();
  into.count = in.number();
  into.raw_sum = in.number();
  into.zeros = in.number();
  const std::int64_t first = in.signed_number();
  into.buckets.clear();
  for (std::uint64_t left = in.count(8); left > 0; --left) into.buckets.push_back(in.number());
  constexpr std::int64_t kFar = 1 << 16;
  if (schema < 0 || schema > monitor::BucketScale::kSchema || first < -kFar || first > kFar)
    return false;
  into.schema = static_cast<int>(schema);
  into.first = static_cast<int>(first);
  return in.ok();
}

}  // namespace

std::string detail_of(const QueryStats& stats) {
  BlobWriter out;
  out.number(kForm);
  write(out, stats.latency);
  out.number(stats.states.size());
  for (const auto& [state, count] : stats.states) {
    out.text(state);
    out.number(count);
  }
  write(out, stats.callers);
  write(out, stats.uniform);
  write(out, stats.slowest);
  return std::string(out.bytes());
}

bool read_detail(std::string_view bytes, QueryStats& into) {
  BlobReader in(bytes);
  if (in.number() != kForm || !read_histogram(in, into.latency)) return false;
  for (std::uint64_t left = in.count(16); left > 0 && in.ok(); --left) {
    const std::string_view state = in.text();
    into.states.emplace_back(state, in.number());
  }
  into.callers = read_all_callers(in);
  into.uniform = read_samples(in);
  into.slowest = read_samples(in);
  return in.ok();
}

std::string bytes_of(const Sample& sample) {
  BlobWriter out;
  out.number(kForm);
  write(out, sample);
  return std::string(out.bytes());
}

bool read_sample(std::string_view bytes, Sample& into) {
  BlobReader in(bytes);
  if (in.number() != kForm) return false;
  into = read_one_sample(in);
  return in.ok();
}

std::string bytes_of(const std::vector<CallerStats>& callers) {
  BlobWriter out;
  out.number(kForm);
  write(out, callers);
  return std::string(out.bytes());
}

bool read_callers(std::string_view bytes, std::vector<CallerStats>& into) {
  BlobReader in(bytes);
  if (in.number() != kForm) return false;
  into = read_all_callers(in);
  return in.ok();
}

}  // namespace sluice::store
