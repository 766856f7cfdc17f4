// Inside of parse_facts(): for those who know the places of the slots already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/query/facts.h"

namespace sluice::query {

// Where a slot stands in a text that parses.
struct SlotPlace {
  std::uint32_t at = 0;
  unsigned parameter = 0;  // of $n; 0: a literal
  Literal::Kind kind = Literal::Kind::number;
};

// example_of(), and where its slots are, in order of the text.
struct Example {
  std::string text;
  std::vector<SlotPlace> slots;
};
Example example_with_slots(std::string_view normalised);

Facts facts_of(const Example& example);

}  // namespace sluice::query
