// Parameters: what stands behind the ? of a target, checked by those who ask for it.
//
//   Parameters given(request);
//   auto limit = given.number("limit", 50, 1, 500);
//   auto sort = given.word("sort", kSorts, "total");
//   if (auto wrong = given.problem()) return *wrong;   // 400, the first parameter that's wrong, by name
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http.h"

namespace sluice::admin {

class Parameters {
 public:
  explicit Parameters(const Request& request);

  std::string text(std::string_view name);  // empty: not given
  std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t least,
                       std::uint64_t most);
  std::string word(std::string_view name, std::span<const std::string_view> words,
                   std::string_view otherwise);
  // 400 if one was wrong, came twice, or wasn't asked for.
  std::optional<Answer> problem() const;

 private:
  struct Given {
    std::string name, value;
    bool asked = false;
  };
  const std::string* find(std::string_view name);
  void complain(std::string text);

  std::vector<Given> given_;
  std::string problem_;
};

// %41 and + undone; nullopt: not well formed.
std::optional<std::string> url_decoded(std::string_view text);

}  // namespace sluice::admin
