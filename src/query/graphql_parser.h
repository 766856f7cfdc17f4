// The grammar of executable documents: recursive descent, one token ahead, one function a rule.
//
// Depth is counted across selection sets, values and types, so the stack is bounded whatever the text.
// The first fault ends it: every function says false from there on, and error() has the reason.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "query/graphql_lexer.h"
#include "sluice/query/graphql.h"

namespace sluice::query::graphql {

// Names, spreads, cycles, sizes: see graphql_rules.cc. Resolves each spread. False: `error` says why.
bool apply_rules(Document& document, std::string_view text, Error& error);

// For what is read once.
class Parser {
 public:
  Parser(std::string_view text, const Limits& limits);

  bool document(Document& to);
  Error& error() { return error_; }

 private:
  enum class Constant : bool { no, yes };  // [Const] of the grammar: without variables

  bool definition(Document& to);
  bool operation(Operation& to);
  bool fragment(Fragment& to);
  bool variables(std::vector<Variable>& to);
  bool variable(Variable& to);
  bool type(std::string& to);
  bool directives(std::vector<Directive>& to, Constant constant);
  bool arguments(std::vector<Value>& to, Constant constant);
  bool selection_set(std::vector<Selection>& to);
  bool selection(Selection& to);
  bool field(Selection& to);
  bool value(Value& to, Constant constant);
  bool named_value(Value& to, Constant constant);
  bool list(Value& to, Constant constant);
  bool object(Value& to, Constant constant);
  bool scalar(Value& to, Value::Kind kind);

  void advance();
  bool is(TokenKind kind) const { return token_.kind == kind; }
  bool is_word(std::string_view word) const { return is(TokenKind::name) && token_.text == word; }
  bool take(TokenKind kind, std::string_view what);
  bool take_name(std::string_view& to, std::string_view what = "a name");
  bool enter();
  void leave() { --depth_; }
  bool unique(const std::vector<std::string_view>& names, std::string_view what);
  bool unique(const std::vector<Value>& values, std::string_view what);
  bool expected(std::string_view what);
  bool refuse(std::string_view part, std::string_view what, Code code = Code::invalid_argument);

  std::string_view text_;
  Limits limits_;
  Lexer lexer_;
  Token token_;
  std::size_t tokens_ = 0;
  unsigned depth_ = 0;
  Error error_;
};

// The later one of two equal names, if there are any; empty: all differ. REQUIRES: views into one text.
std::string_view second_of_equals(std::vector<std::string_view> names);

}  // namespace sluice::query::graphql
