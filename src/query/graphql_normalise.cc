// A document as text again: as it is for print() and a cache's key, or with slots for literals, as what
// requests are counted by.
//
// One writer for both, so that they can't drift apart. Fragments are written once behind the operation,
// not expanded: expanding is exponential.
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "sluice/query/graphql.h"

namespace sluice::query::graphql {

namespace {

// Keeps fingerprints apart from those of SQL dialects.
constexpr std::uint64_t kSeed = 0x6c716870617267;  // "graphql"

enum class Literals : bool { stay, slots };

std::string_view slot_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::int_: return "?int";
    case Value::Kind::float_: return "?float";
    case Value::Kind::string:
    case Value::Kind::block_string: return "?string";
    default: return {};
  }
}

// One text. Recursion is bounded by the depth that parse() allowed.
class Writer {
 public:
  Writer(const Document& document, Literals literals)
      : document_(document), literals_(literals), met_(document.fragments.size()) {}

  // The operation and what it needs.
  void closure(const Operation& one) {
    operation(one);
    for (std::size_t i = 0; i < needed_.size(); ++i) {  // grows on the way
      fragment(document_.fragments[needed_[i]]);
    }
  }

  void all() {
    for (const Operation& one : document_.operations) operation(one);
    for (const Fragment& one : document_.fragments) fragment(one);
  }

  std::string& text() { return text_; }
  std::vector<std::string_view>& taken() { return taken_; }

 private:
  void put(std::string_view word) { text_.append(word); }

  void operation(const Operation& one) {
    if (!text_.empty()) put(" ");
    put(name_of(one.type));
    if (!one.name.empty() || !one.variables.empty()) put(" ");
    put(one.name);
    if (!one.variables.empty()) {
      put("(");
      for (const Variable& v : one.variables) {
        if (&v != &one.variables.front()) put(", ");
        variable(v);
      }
      put(")");
    }
    directives(one.directives);
    selections(one.selections);
  }

  void fragment(const Fragment& one) {
    if (!text_.empty()) put(" ");
    put("fragment ");
    put(one.name);
    put(" on ");
    put(one.type);
    directives(one.directives);
    selections(one.selections);
  }

  void variable(const Variable& one) {
    put("$");
    put(one.name);
    put(": ");
    put(one.type);
    if (one.fallback) {
      put(" = ");
      value(*one.fallback);
    }
    directives(one.directives);
  }

  void directives(const std::vector<Directive>& some) {
    for (const Directive& one : some) {
      put(" @");
      put(one.name);
      arguments(one.arguments);
    }
  }

  void arguments(const std::vector<Value>& some) {
    if (some.empty()) return;
    put("(");
    named(some);
    put(")");
  }

  void named(const std::vector<Value>& some) {
    for (const Value& one : some) {
      if (&one != &some.front()) put(", ");
      put(one.name);
      put(": ");
      value(one);
    }
  }

  void selections(const std::vector<Selection>& some) {
    put(" {");
    for (const Selection& one : some) {
      put(" ");
      selection(one);
    }
    put(" }");
  }

  void selection(const Selection& one) {
    switch (one.kind) {
      case Selection::Kind::field:
        if (!one.alias.empty()) {
          put(one.alias);
          put(": ");
        }
        put(one.name);
        break;
      case Selection::Kind::spread:
        put("...");
        put(one.name);
        need(one.fragment);
        break;
      case Selection::Kind::inline_fragment:
        put(one.name.empty() ? "..." : "... on ");
        put(one.name);
        break;
    }
    arguments(one.arguments);
    directives(one.directives);
    if (!one.selections.empty()) selections(one.selections);
  }

  void need(std::uint32_t fragment) {
    if (met_[fragment]) return;
    met_[fragment] = true;
    needed_.push_back(fragment);
  }

  void value(const Value& one) {
    const std::string_view slot = slot_of(one.kind);
    if (!slot.empty() && literals_ == Literals::slots) {
      taken_.push_back(one.text);
      return put(slot);
    }
    switch (one.kind) {
      case Value::Kind::list: return list(one);
      case Value::Kind::object:
        put("{");
        named(one.items);
        return put("}");
      case Value::Kind::variable: put("$"); break;
      default: break;
    }
    put(one.text);
  }

  // Neighbours with the same slots are one, so that a list of any length has one shape.
  void list(const Value& one) {
    put("[");
    std::size_t before = text_.size();  // where the item before begins
    std::size_t behind = before;        // where it ends
    for (const Value& item : one.items) {
      if (&item != &one.items.front()) put(", ");
      const std::size_t begin = text_.size();
      const std::size_t slots = taken_.size();
      value(item);
      const std::string_view all = text_;
      if (taken_.size() > slots && all.substr(begin) == all.substr(before, behind - before)) {
        text_.resize(behind);
      } else {
        before = begin;
        behind = text_.size();
      }
    }
    put("]");
  }

  const Document& document_;
  Literals literals_;
  std::string text_;
  std::vector<std::string_view> taken_;
  std::vector<bool> met_;
  std::vector<std::uint32_t> needed_;
};

Fingerprint hashed(std::string_view text) {
  const Hash128 hash = hash128(text, kSeed);
  return {.high = hash.high, .low = hash.low};
}

}  // namespace

Normalised normalise(const Document& document, const Operation& operation) {
  Writer shape(document, Literals::slots);
  shape.closure(operation);
  Normalised result{.text = std::move(shape.text()),
                    .fingerprint = {},
                    .exact = {},
                    .literals = std::move(shape.taken())};
  result.fingerprint = hashed(result.text);
  if (result.literals.empty()) {
    result.exact = result.fingerprint;
  } else {
    Writer exact(document, Literals::stay);
    exact.closure(operation);
    result.exact = hashed(exact.text());
  }
  return result;
}

std::string print(const Document& document) {
  Writer writer(document, Literals::stay);
  writer.all();
  return std::move(writer.text());
}

}  // namespace sluice::query::graphql
