// What holds of a document beyond its grammar, as far as it shows without a schema (specification,
// sections 5.2 and 5.5), and what operations ask for with fragments expanded.
//
// A fragment can be spread twice by each of a chain of others, so expanding is exponential and a chain
// can be as long as the document: sizes are added up once a fragment, deepest first, and the walk over
// fragments has its stack on the heap. Recursion follows selection sets alone, which parse() bounds.
#include <algorithm>
#include <functional>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "query/graphql_parser.h"

namespace sluice::query::graphql {

namespace {

constexpr std::size_t kNamesShown = 8;  // of a cycle, in its error

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

Size measure(const Document& document, std::span<const Selection> selections) {
  Size sum;
  for (const Selection& one : selections) {
    const bool field = one.kind == Selection::Kind::field;
    const bool spread = one.kind == Selection::Kind::spread;
    const Size inside =
        spread ? document.fragments[one.fragment].size : measure(document, one.selections);
    sum.fields = plus(sum.fields, plus(inside.fields, field ? 1 : 0));
    sum.aliases = plus(sum.aliases, plus(inside.aliases, one.alias.empty() ? 0 : 1));
    sum.depth = std::max(sum.depth, plus(inside.depth, field ? 1 : 0));
  }
  return sum;
}

class Rules {
 public:
  Rules(Document& document, std::string_view text, Error& error)
      : document_(document), text_(text), error_(error) {}

  bool apply() {
    if (!operations_named() || !fragments_named()) return false;
    spreads_.resize(document_.fragments.size());
    state_.resize(document_.fragments.size());
    for (std::size_t i = 0; i < spreads_.size(); ++i) {
      if (!resolve(document_.fragments[i].selections, &spreads_[i])) return false;
    }
    for (Operation& o : document_.operations) {
      if (!resolve(o.selections, nullptr)) return false;
    }
    for (std::uint32_t i = 0; i < spreads_.size(); ++i) {
      if (!descend(i)) return false;
    }
    for (Operation& o : document_.operations) o.size = measure(document_, o.selections);
    return true;
  }

 private:
  enum class State : std::uint8_t { unseen, open, closed };
  struct Step {
    std::uint32_t fragment;
    std::size_t next = 0;  // of its spreads
  };

  bool refuse(std::string_view part, std::string_view what) {
    error_ = {.code = Code::invalid_argument,
              .detail = fmt::format("{}: {}", position_of(text_, part), what)};
    return false;
  }

  bool operations_named() {
    std::vector<std::string_view> names;
    names.reserve(document_.operations.size());
    for (const Operation& o : document_.operations) names.push_back(o.name);
    const auto anonymous = std::ranges::find(document_.operations, "", &Operation::name);
    if (names.size() > 1 && anonymous != document_.operations.end()) {
      return refuse(begin_of(*anonymous), "expected a name: an anonymous operation stands alone");
    }
    const std::string_view again = names.size() > 1 ? second_of_equals(std::move(names)) : "";
    return again.empty() || refuse(again, "expected each operation's name once, this is one again");
  }

  // An anonymous operation's first selection: it always has one, with a name or a type or more inside.
  static std::string_view begin_of(const Operation& operation) {
    const Selection* first = &operation.selections.front();
    while (first->name.empty()) first = &first->selections.front();
    return first->alias.empty() ? first->name : first->alias;
  }

  bool fragments_named() {
    std::vector<std::string_view> names;
    names.reserve(document_.fragments.size());
    for (std::uint32_t i = 0; i < document_.fragments.size(); ++i) {
      names.push_back(document_.fragments[i].name);
      by_name_.push_back(i);
    }
    std::ranges::sort(by_name_, {}, [&](std::uint32_t i) { return names[i]; });
    const std::string_view again = second_of_equals(names);
    return again.empty() || refuse(again, "expected each fragment's name once, this is one again");
  }

  // Finds the fragment of each spread below; `all` gets the spreads.
  bool resolve(std::vector<Selection>& selections, std::vector<const Selection*>* all) {
    for (Selection& one : selections) {
      if (!resolve(one.selections, all)) return false;
      if (one.kind != Selection::Kind::spread) continue;
      const auto name = [&](std::uint32_t i) { return document_.fragments[i].name; };
      const auto at = std::ranges::lower_bound(by_name_, one.name, {}, name);
      if (at == by_name_.end() || name(*at) != one.name) {
        return refuse(one.name, "expected the name of a fragment of this document");
      }
      one.fragment = *at;
      if (all != nullptr) all->push_back(&one);
    }
    return true;
  }

  // Measures the fragment after all that it spreads.
  bool descend(std::uint32_t from) {
    if (state_[from] != State::unseen) return true;
    path_.assign(1, Step{from});
    state_[from] = State::open;
    while (!path_.empty()) {
      Step& top = path_.back();
      if (top.next == spreads_[top.fragment].size()) {
        Fragment& done = document_.fragments[top.fragment];
        done.size = measure(document_, done.selections);
        state_[top.fragment] = State::closed;
        path_.pop_back();
        continue;
      }
      const Selection& spread = *spreads_[top.fragment][top.next++];
      if (state_[spread.fragment] == State::open) return cycle(spread);
      if (state_[spread.fragment] == State::closed) continue;
      state_[spread.fragment] = State::open;
      path_.push_back(Step{spread.fragment});
    }
    return true;
  }

  bool cycle(const Selection& spread) {
    const auto first = std::ranges::find(path_, spread.fragment, &Step::fragment);
    std::string names;
    for (auto step = first; step != path_.end(); ++step) {
      if (static_cast<std::size_t>(step - first) == kNamesShown) {
        names += "... -> ";
        break;
      }
      names.append(document_.fragments[step->fragment].name.substr(0, 100)).append(" -> ");
    }
    names.append(spread.name.substr(0, 100));
    return refuse(spread.name, "expected no cycle of fragments, this closes " + names);
  }

  Document& document_;
  std::string_view text_;
  Error& error_;
  std::vector<std::uint32_t> by_name_;                  // fragments, sorted
  std::vector<std::vector<const Selection*>> spreads_;  // of each fragment
  std::vector<State> state_;
  std::vector<Step> path_;
};

// Names of the fields at the top, through fragments, each fragment once.
std::vector<std::string_view> top_fields(const Document& document, const Operation& operation) {
  std::vector<std::string_view> names;
  std::vector<bool> seen(document.fragments.size());
  std::vector<std::span<const Selection>> open{operation.selections};
  while (!open.empty()) {
    if (open.back().empty()) {
      open.pop_back();
      continue;
    }
    const Selection& one = open.back().front();
    open.back() = open.back().subspan(1);
    if (one.kind == Selection::Kind::field) {
      names.push_back(one.name);
    } else if (one.kind == Selection::Kind::inline_fragment) {
      open.emplace_back(one.selections);
    } else if (!seen[one.fragment]) {
      seen[one.fragment] = true;
      open.emplace_back(document.fragments[one.fragment].selections);
    }
  }
  return names;
}

// Each once, the first of equals stays.
void drop_repeated(std::vector<std::string_view>& names) {
  std::vector<std::size_t> order(names.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return names[i]; });
  std::vector<bool> again(names.size());
  for (std::size_t i = 1; i < order.size(); ++i) {
    again[order[i]] = names[order[i]] == names[order[i - 1]];
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!again[i]) names[kept++] = names[i];
  }
  names.resize(kept);
}

}  // namespace

std::string_view second_of_equals(std::vector<std::string_view> names) {
  std::ranges::sort(names, [](std::string_view a, std::string_view b) {
    const int order = a.compare(b);
    return order != 0 ? order < 0 : std::less<>{}(a.data(), b.data());
  });
  const auto found = std::ranges::adjacent_find(names);
  return found == names.end() ? std::string_view() : *std::next(found);
}

bool apply_rules(Document& document, std::string_view text, Error& error) {
  return Rules(document, text, error).apply();
}

Result<const Operation*> choose(const Document& document, std::optional<std::string_view> name) {
  if (!name) {
    if (document.operations.size() == 1) return &document.operations.front();
    return fail(Code::invalid_argument,
                document.operations.empty()
                    ? "the document has no operation"
                    : "the document has several operations: operationName must say which");
  }
  const auto found = std::ranges::find(document.operations, *name, &Operation::name);
  if (name->empty() || found == document.operations.end()) {
    return fail(Code::not_found, "the document has no operation of the name operationName says");
  }
  return &*found;
}

Summary summarise(const Document& document, const Operation& operation) {
  Summary summary{.type = operation.type,
                  .name = operation.name,
                  .size = operation.size,
                  .top_fields = top_fields(document, operation)};
  drop_repeated(summary.top_fields);
  return summary;
}

std::string_view name_of(OperationType type) {
  switch (type) {
    case OperationType::query: return "query";
    case OperationType::mutation: return "mutation";
    case OperationType::subscription: return "subscription";
  }
  return "query";
}

}  // namespace sluice::query::graphql
