// Rules in the order of the specification's appendix B.3 and B.4.
#include "query/graphql_parser.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::query::graphql {

namespace {

constexpr unsigned kMostDepth = 1000;  // of Limits::max_depth: 150 KB of stack; 3 MB under ASan

constexpr std::string_view kTypeSystem[] = {"schema", "scalar", "type",      "interface", "union",
                                            "enum",   "input",  "directive", "extend"};

}  // namespace

Result<Document> parse(std::string_view text, Limits limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Code::exhausted, fmt::format("the document has {} bytes, {} are allowed",
                                             text.size(), limits.max_bytes));
  }
  Parser parser(text, limits);
  Document document;
  if (!parser.document(document) || !apply_rules(document, text, parser.error())) {
    return std::unexpected(std::move(parser.error()));
  }
  return document;
}

Parser::Parser(std::string_view text, const Limits& limits)
    : text_(text), limits_(limits), lexer_(text) {
  limits_.max_depth = std::min(limits.max_depth, kMostDepth);
}

bool Parser::document(Document& to) {
  advance();
  do {
    if (!definition(to)) return false;
  } while (!is(TokenKind::end));
  return true;
}

bool Parser::definition(Document& to) {
  constexpr std::string_view kWanted = "an operation or a fragment";
  if (is(TokenKind::brace_open)) return selection_set(to.operations.emplace_back().selections);
  if (is_word("fragment")) return fragment(to.fragments.emplace_back());
  for (const auto type :
       {OperationType::query, OperationType::mutation, OperationType::subscription}) {
    if (!is_word(name_of(type))) continue;
    to.operations.emplace_back().type = type;
    return operation(to.operations.back());
  }
  const bool description = is(TokenKind::string) || is(TokenKind::block_string);
  if (description || (is(TokenKind::name) && std::ranges::count(kTypeSystem, token_.text) != 0)) {
    return refuse(token_.text,
                  fmt::format("expected {}, found {}: definitions of types can't be executed",
                              kWanted, describe(token_)));
  }
  return expected(kWanted);
}

bool Parser::operation(Operation& to) {
  advance();
  if (is(TokenKind::name) && !take_name(to.name)) return false;
  if (is(TokenKind::parenthesis_open) && !variables(to.variables)) return false;
  return directives(to.directives, Constant::no) && selection_set(to.selections);
}

bool Parser::fragment(Fragment& to) {
  advance();
  if (is_word("on")) return expected("a fragment's name other than `on`");
  if (!take_name(to.name, "a fragment's name")) return false;
  if (!is_word("on")) return expected("`on`");
  advance();
  return take_name(to.type, "a type") && directives(to.directives, Constant::no) &&
         selection_set(to.selections);
}

bool Parser::variables(std::vector<Variable>& to) {
  advance();
  do {
    if (!variable(to.emplace_back())) return false;
  } while (!is(TokenKind::parenthesis_close));
  advance();
  std::vector<std::string_view> names;
  names.reserve(to.size());
  for (const Variable& v : to) names.push_back(v.name);
  return unique(names, "variable");
}

bool Parser::variable(Variable& to) {
  if (!take(TokenKind::dollar, "a variable") || !take_name(to.name, "a variable's name") ||
      !take(TokenKind::colon, "`:`") || !type(to.type)) {
    return false;
  }
  if (is(TokenKind::equals)) {
    advance();
    if (!value(to.fallback.emplace(), Constant::yes)) return false;
  }
  return directives(to.directives, Constant::yes);
}

bool Parser::type(std::string& to) {
  if (is(TokenKind::bracket_open)) {
    if (!enter()) return false;
    advance();
    to += '[';
    if (!type(to) || !take(TokenKind::bracket_close, "`]`")) return false;
    to += ']';
    leave();
  } else {
    std::string_view name;
    if (!take_name(name, "a type")) return false;
    to += name;
  }
  if (is(TokenKind::bang)) {
    advance();
    to += '!';
  }
  return true;
}

bool Parser::directives(std::vector<Directive>& to, Constant constant) {
  while (is(TokenKind::at)) {
    advance();
    Directive& directive = to.emplace_back();
    if (!take_name(directive.name, "a directive's name")) return false;
    if (!arguments(directive.arguments, constant)) return false;
  }
  return true;
}

// None, or at least one in parentheses.
bool Parser::arguments(std::vector<Value>& to, Constant constant) {
  if (!is(TokenKind::parenthesis_open)) return true;
  advance();
  do {
    if (!is(TokenKind::name)) return expected("an argument's name");
    if (!named_value(to.emplace_back(), constant)) return false;
  } while (!is(TokenKind::parenthesis_close));
  advance();
  return unique(to, "argument");
}

bool Parser::selection_set(std::vector<Selection>& to) {
  if (!is(TokenKind::brace_open)) return expected("`{`");
  if (!enter()) return false;
  advance();
  do {
    if (!selection(to.emplace_back())) return false;
  } while (!is(TokenKind::brace_close));
  leave();
  advance();
  return true;
}

bool Parser::selection(Selection& to) {
  if (is(TokenKind::name)) return field(to);
  if (!is(TokenKind::spread)) return expected("a field or `...`");
  advance();
  if (is(TokenKind::name) && !is_word("on")) {
    to.kind = Selection::Kind::spread;
    return take_name(to.name) && directives(to.directives, Constant::no);
  }
  to.kind = Selection::Kind::inline_fragment;
  if (is_word("on")) {
    advance();
    if (!take_name(to.name, "a type")) return false;
  } else if (!is(TokenKind::at) && !is(TokenKind::brace_open)) {
    return expected("a fragment's name, `on`, a directive or `{`");
  }
  return directives(to.directives, Constant::no) && selection_set(to.selections);
}

bool Parser::field(Selection& to) {
  take_name(to.name);
  if (is(TokenKind::colon)) {
    advance();
    to.alias = to.name;
    if (!take_name(to.name, "a field's name")) return false;
  }
  if (!arguments(to.arguments, Constant::no)) return false;
  if (!directives(to.directives, Constant::no)) return false;
  return !is(TokenKind::brace_open) || selection_set(to.selections);
}

bool Parser::value(Value& to, Constant constant) {
  using Kind = Value::Kind;
  switch (token_.kind) {
    case TokenKind::int_: return scalar(to, Kind::int_);
    case TokenKind::float_: return scalar(to, Kind::float_);
    case TokenKind::string: return scalar(to, Kind::string);
    case TokenKind::block_string: return scalar(to, Kind::block_string);
    case TokenKind::bracket_open: return list(to, constant);
    case TokenKind::brace_open: return object(to, constant);
    case TokenKind::dollar:
      if (constant == Constant::yes) return expected("a value without variables");
      advance();
      to.kind = Kind::variable;
      return take_name(to.text, "a variable's name");
    case TokenKind::name:
      if (is_word("true") || is_word("false")) return scalar(to, Kind::boolean);
      return scalar(to, is_word("null") ? Kind::null : Kind::enum_);
    default: return expected("a value");
  }
}

bool Parser::scalar(Value& to, Value::Kind kind) {
  to.kind = kind;
  to.text = token_.text;
  advance();
  return true;
}

bool Parser::named_value(Value& to, Constant constant) {
  return take_name(to.name) && take(TokenKind::colon, "`:`") && value(to, constant);
}

bool Parser::list(Value& to, Constant constant) {
  if (!enter()) return false;
  advance();
  to.kind = Value::Kind::list;
  while (!is(TokenKind::bracket_close)) {
    if (is(TokenKind::end)) return expected("a value or `]`");
    if (!value(to.items.emplace_back(), constant)) return false;
  }
  leave();
  advance();
  return true;
}

bool Parser::object(Value& to, Constant constant) {
  if (!enter()) return false;
  advance();
  to.kind = Value::Kind::object;
  while (!is(TokenKind::brace_close)) {
    if (!is(TokenKind::name)) return expected("an input field's name or `}`");
    if (!named_value(to.items.emplace_back(), constant)) return false;
  }
  leave();
  advance();
  return unique(to.items, "input field");
}

// Beyond the limit no token is any that a rule wants, so the rule at work reports it.
void Parser::advance() {
  token_ = lexer_.next();
  if (++tokens_ <= limits_.max_tokens || is(TokenKind::end)) return;
  refuse(token_.text, fmt::format("more than {} tokens", limits_.max_tokens), Code::exhausted);
  token_.kind = TokenKind::bad;
}

bool Parser::take(TokenKind kind, std::string_view what) {
  if (!is(kind)) return expected(what);
  advance();
  return true;
}

bool Parser::take_name(std::string_view& to, std::string_view what) {
  to = token_.text;
  return take(TokenKind::name, what);
}

bool Parser::enter() {
  if (++depth_ <= limits_.max_depth) return true;
  return refuse(token_.text, fmt::format("nested deeper than {}", limits_.max_depth),
                Code::exhausted);
}

bool Parser::unique(const std::vector<std::string_view>& names, std::string_view what) {
  const std::string_view again = second_of_equals(names);
  return again.empty() ||
         refuse(again, fmt::format("expected each {} once, this is one again", what));
}

bool Parser::unique(const std::vector<Value>& values, std::string_view what) {
  if (values.size() < 2) return true;
  std::vector<std::string_view> names;
  names.reserve(values.size());
  for (const Value& v : values) names.push_back(v.name);
  return unique(names, what);
}

bool Parser::expected(std::string_view what) {
  if (is(TokenKind::bad)) return refuse(token_.text, lexer_.fault());
  return refuse(token_.text, fmt::format("expected {}, found {}", what, describe(token_)));
}

// Keeps the first reason. Always false.
bool Parser::refuse(std::string_view part, std::string_view what, Code code) {
  if (error_.detail.empty()) {
    error_ = {.code = code, .detail = fmt::format("{}: {}", position_of(text_, part), what)};
  }
  return false;
}

}  // namespace sluice::query::graphql
