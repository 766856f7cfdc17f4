// Findings: the loops that were seen so far, each once, with how often and how long they ran.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "query/loop_patterns.h"
#include "sluice/loops.h"

namespace sluice::query {

class LoopFindings {
 public:
  explicit LoopFindings(unsigned most) : most_(most) {}

  // What the journal says of statements and callers. Bounded; beyond, the unlucky go.
  void learn_shape(const Fingerprint& statement, std::vector<std::string> columns);
  void learn_caller(std::uint64_t caller, Caller who);

  // `utc`: nanoseconds from the journal's clock to UTC.
  void add(const Pattern& pattern, std::int64_t utc);
  std::vector<Loop> all() const;  // by waste, most first
  void restore(std::vector<Loop> loops);
  void clear() { findings_.clear(); }

 private:
  struct Finding {
    Loop loop;
    std::vector<std::uint64_t> sizes;  // N of the latest runs, at most kSizes
    std::size_t next_size = 0;

    void ran(std::uint64_t calls);
    Loop summary() const;
  };

  Finding& finding_of(const Pattern& pattern);
  void forget_least();
  void count_callers(const Pattern& pattern, Loop& loop) const;
  std::string column_name(const Pattern& pattern) const;

  unsigned most_;
  std::unordered_map<std::string, Finding> findings_;  // by id
  std::unordered_map<Fingerprint, std::vector<std::string>> shapes_;
  std::unordered_map<std::uint64_t, Caller> callers_;
};

}  // namespace sluice::query
