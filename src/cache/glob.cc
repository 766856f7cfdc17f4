// Patterns of keys: parsed once, so that matching compares numbers.
#include "cache/glob.h"

#include "sluice/cache/engine.h"

namespace sluice::cache {

Result<Glob> Glob::parse(std::string_view pattern) {
  if (pattern.size() > Engine::kMaxKey)
    return fail(Code::invalid_argument, "key pattern: longer than a key, which has 64 KB at most");
  Glob glob;
  glob.steps_.reserve(pattern.size());
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '*') {
      if (glob.steps_.empty() || glob.steps_.back() != kRun) glob.steps_.push_back(kRun);
    } else if (pattern[i] == '?') {
      glob.steps_.push_back(kOne);
    } else {
      if (pattern[i] == '\\') ++i;
      if (i == pattern.size())
        return fail(Code::invalid_argument,
                    "key pattern \"" + std::string(pattern) +
                        "\": ends in a backslash; write two for a real one");
      glob.steps_.push_back(static_cast<unsigned char>(pattern[i]));
    }
  }
  return glob;
}

bool Glob::matches(std::string_view key) const {
  std::size_t step = 0, at = 0;
  std::size_t star = steps_.size() + 1, resume = 0;  // the last star, and where its run ends so far
  while (at < key.size()) {
    const auto byte = static_cast<unsigned char>(key[at]);
    if (step < steps_.size() && steps_[step] == kRun) {
      star = step++;
      resume = at;
    } else if (step < steps_.size() && (steps_[step] == kOne || steps_[step] == byte)) {
      ++step;
      ++at;
    } else if (star < steps_.size()) {
      step = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  if (step < steps_.size() && steps_[step] == kRun) ++step;
  return step == steps_.size();
}

}  // namespace sluice::cache
