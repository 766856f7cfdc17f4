// Findings: the loops that were seen so far, each once, with how often and how long they ran.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "query/loop_patterns.h"
#include "sluice/query/loops.h"

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
  void clear();

 private:
  struct Finding {
    Loop loop;
    std::vector<std::uint64_t> sizes;  // N of the latest runs, at most kSizes
    std::size_t next_size = 0;

    void ran(std::uint64_t calls);
    void remember_size(std::uint64_t calls);
    Loop summary() const;
  };

  Finding& finding_of(const Pattern& pattern);
  Finding& place_of(const Pattern& pattern);
  void absorb(const Fingerprint& statement, Finding& into);
  void remember(const Loop& loop);
  void forget(const std::string& id);
  void forget_least();
  static void count_caller(const CallerStats& counted, Loop& loop);
  std::string column_name(const Pattern& pattern) const;

  unsigned most_;
  std::unordered_map<std::string, Finding> findings_;  // by id
  // What a statement's values come from once is what they come from where the source wasn't seen, as on
  // another connection of the same pool: a repeated one counts as the proven or chained one, if there is.
  std::unordered_map<Fingerprint, std::string> sure_, unsure_;  // ids
  std::unordered_map<Fingerprint, std::vector<std::string>> shapes_;
  std::unordered_map<std::uint64_t, Caller> callers_;
};

}  // namespace sluice::query
