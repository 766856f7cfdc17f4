// GraphQL: what an executable document asks for, read without a schema (specification of October 2021).
//
//   auto document = sluice::query::graphql::parse("query Q($n: Int) { me { friends(first: $n) { id } } }");
//   auto* operation = *choose(*document, std::nullopt);
//   summarise(*document, *operation);  // query Q, 3 fields, depth 3, top-level field me
//   normalise(*document, *operation);  // one text for all that differ in literals, comments, commas
//
// parse() checks the grammar and what can be checked without a schema: names of operations,
// fragments, variables, arguments and input fields are unique, an anonymous operation is alone,
// fragments that are spread exist and form no cycle. The rest is the server's to refuse. Documents
// that define types are refused: nobody executes them.
//
// A Document's views point into the text that was parsed. All functions are thread-safe.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/fingerprint.h"
#include "sluice/result.h"

namespace sluice::query::graphql {

struct Limits {
  std::size_t max_bytes = std::size_t{1} << 20;
  std::size_t max_tokens = 50'000;  // a document takes up to about 250 bytes of memory a token
  unsigned max_depth = 200;         // selection sets, values, types inside each other; 1000 at most
};

// A value and the argument or input field it is given to. As written: `text` is the token, quotes and
// escapes included; a variable's and an enum value's is the name.
struct Value {
  enum class Kind : std::uint8_t {
    variable,
    int_,
    float_,
    string,
    block_string,
    boolean,
    null,
    enum_,
    list,
    object,
  };
  Kind kind = Kind::null;
  std::string_view name;     // of the argument or input field; empty in a list
  std::string_view text;     // empty: a list, an object
  std::vector<Value> items;  // of a list; of an object, with names
  bool operator==(const Value&) const = default;
};
// What a string says: escapes undone, a block string's indentation removed. Half a surrogate pair
// (\uD83D alone) becomes U+FFFD. Other kinds: `text`.
std::string value_of(const Value& value);

struct Directive {
  std::string_view name;
  std::vector<Value> arguments;
  bool operator==(const Directive&) const = default;
};

struct Selection {
  enum class Kind : std::uint8_t { field, spread, inline_fragment };
  Kind kind = Kind::field;
  std::uint32_t fragment = 0;  // of a spread: which of Document::fragments
  std::string_view alias;      // of a field; empty: none
  std::string_view name;       // field, fragment, or the type behind `on`, which may be empty
  std::vector<Value> arguments;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
  bool operator==(const Selection&) const = default;
};

// What a selection set asks for with its fragments expanded; numbers too large stay at the largest.
struct Size {
  std::uint64_t fields = 0;
  std::uint64_t aliases = 0;
  std::uint64_t depth = 0;  // of fields: { a { b } } has 2
  bool operator==(const Size&) const = default;
};

struct Fragment {
  std::string_view name, type;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
  Size size;
  bool operator==(const Fragment&) const = default;
};

struct Variable {
  std::string_view name;  // without $
  std::string type;       // without white space: "[ID!]!"
  std::optional<Value> fallback;
  std::vector<Directive> directives;
  bool operator==(const Variable&) const = default;
};

enum class OperationType : std::uint8_t { query, mutation, subscription };
std::string_view name_of(OperationType type);

struct Operation {
  OperationType type = OperationType::query;
  std::string_view name;  // empty: anonymous
  std::vector<Variable> variables;
  std::vector<Directive> directives;
  std::vector<Selection> selections;
  Size size;
  bool operator==(const Operation&) const = default;
};

struct Document {
  std::vector<Operation> operations;
  std::vector<Fragment> fragments;
  bool operator==(const Document&) const = default;
};

// Errors say where and what was expected: "3:14: expected a name, found `}`"; columns count characters.
// Code::exhausted: beyond the limits; else Code::invalid_argument. Takes time linear in the text (but
// for sorting names).
Result<Document> parse(std::string_view text, Limits limits = {});
template <std::same_as<std::string> Text>
Result<Document> parse(Text&& text, Limits limits = {}) = delete;  // the views would outlive it

// GetOperation(document, operationName) of the specification, section 6.1. Without a name a document
// must have one operation.
Result<const Operation*> choose(const Document& document, std::optional<std::string_view> name);

struct Summary {
  OperationType type = OperationType::query;
  std::string_view name;
  Size size;
  std::vector<std::string_view> top_fields;  // names, not aliases, each once, in order
};
// REQUIRES: `operation` is one of `document`, which comes from parse(); so for what follows.
Summary summarise(const Document& document, const Operation& operation);

struct Normalised {
  // The operation, then the fragments it needs by first use, one blank between. Strings and numbers are
  // slots: ?string, ?int, ?float; equal neighbours in a list are one: ids: [1, 2] is ids: [?int]. Names,
  // variables, enum values, booleans and null stay: they decide what is asked. Order stays: it is the
  // order of the reply.
  std::string text;
  Fingerprint fingerprint;  // of `text`
  Fingerprint exact;        // of the same with all literals in place: for a cache's key
  std::vector<std::string_view> literals;  // as written, in order
};
Normalised normalise(const Document& document, const Operation& operation);

// The document in one line. parse() makes the same Document of it.
std::string print(const Document& document);

}  // namespace sluice::query::graphql
