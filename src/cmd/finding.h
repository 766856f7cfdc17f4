// What `sluice doctor` finds: a grade, what it is about, and what mends it.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace sluice::cmd {

enum class Grade : unsigned char { ok, warn, fail };

struct Finding {
  Grade grade = Grade::ok;
  std::string subject;  // "postgres 127.0.0.1:6432"
  std::string detail;   // what is so
  std::string mend;     // what to do about it; empty if it's ok
};
using Findings = std::vector<Finding>;

// "OK    open files: 1048576" and, where something isn't well, the mend on a line of its own.
std::string text_of(std::span<const Finding> findings);
std::string json_of(std::span<const Finding> findings);
bool any_failed(std::span<const Finding> findings);

}  // namespace sluice::cmd
