// What is known of PostgreSQL's own functions and operators by their names alone.
//
// Names are what a parser without a catalogue has. Somebody may define an operator = of their own for a
// type of their own; a function that isn't in the list is taken for volatile.
#pragma once

#include <string_view>

#include "sluice/query/facts.h"

namespace sluice::query {

struct FunctionFacts {
  Volatility volatility = Volatility::volatile_;
  bool aggregate = false;
  bool rows = false;  // returns a set
  bool known() const { return volatility != Volatility::volatile_; }
};

// `name`: lower case, without a schema.
FunctionFacts function_facts(std::string_view name);

Volatility operator_volatility(std::string_view name);

}  // namespace sluice::query
