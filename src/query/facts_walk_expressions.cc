// Expressions: what is called, and which columns literals are compared with.
#include <algorithm>

#include "query/facts_walk.h"
#include "query/functions_postgres.h"

namespace sluice::query {

namespace {

// Operators whose result is neither of their operands: a literal beside one is a value of its column.
// All others (+, ||, ->>) make something new of both.
bool compares(std::string_view name) {
  constexpr std::string_view kMakes[] = {"+",   "-",   "*",  "/",  "%",  "^",  "|",
                                         "&",   "#",   "||", "<<", ">>", "->", "#>",
                                         "->>", "#>>", "#-", "|/", "~*="};
  return !contains(kMakes, name);
}

// Behind its casts.
const TreeNode& bare(const TreeNode& node) {
  const TreeNode* inner = &node;
  while (const TreeNode* arg = inner->member("TypeCast", "arg")) inner = arg;
  return *inner;
}

bool is_value(const TreeNode& node) {
  const TreeNode& inner = bare(node);
  return inner.member("A_Const") != nullptr || inner.member("ParamRef") != nullptr;
}

// The only column below a node; searched up to a bound, or chains of comparisons would take quadratic
// time.
struct ColumnSearch {
  const TreeNode* found = nullptr;
  bool several = false;
  unsigned left = 64;

  void look(const TreeNode& node) {
    if (left == 0 || several) return;
    --left;
    if (node.name == "ColumnRef") {
      several = found != nullptr;
      found = &node;
    } else if (node.name != "SubLink") {
      for (const TreeNode& child : children(node)) {
        if (child.kind <= TreeNode::Kind::list) look(child);
      }
    }
  }
};

// Of a cast to a type of PostgreSQL's own, by the functions behind it.
Volatility cast_volatility(std::string_view type, bool of_constant) {
  constexpr std::string_view kImmutable[] = {"bit",  "bool",    "float4", "float8", "int2",  "int4",
                                             "int8", "numeric", "oid",    "uuid",   "varbit"};
  constexpr std::string_view kOfText[] = {"bpchar", "bytea", "char", "cidr", "inet",
                                          "json",   "jsonb", "name", "text", "varchar"};
  constexpr std::string_view kStable[] = {
      "date",     "interval", "macaddr",   "money",    "point",     "regclass",
      "regproc",  "regtype",  "regrole",   "time",     "timestamp", "timestamptz",
      "timetz",   "tsquery",  "tsvector",  "xml",      "int4range", "int8range",
      "numrange", "tsrange",  "tstzrange", "daterange"};
  if (contains(kImmutable, type)) return Volatility::immutable;
  if (contains(kOfText, type)) {
    return of_constant ? Volatility::immutable : Volatility::stable;
  }
  // How a type reads a literal may not be volatile; CREATE TYPE warns of it.
  return of_constant || contains(kStable, type) ? Volatility::stable : Volatility::volatile_;
}

}  // namespace

void FactsWalk::fill(std::int64_t location, const Place& place) {
  const auto slot = slot_at_.find(location);
  if (slot == slot_at_.end() || place.aim == nullptr) return;
  out_.slots[slot->second].column = place.aim->column;
  out_.slots[slot->second].equality = place.aim->equality;
}

void FactsWalk::constant(const TreeNode& node, const Place& place) {
  fill(node.number_of("location", -1), place);
}

void FactsWalk::parameter(const TreeNode& node, const Place& place) {
  fill(node.number_of("location", -1), place);
}

void FactsWalk::sublink(const TreeNode& node, const Place& place) {
  if (node.member("operName") != nullptr) {
    worsen(operator_volatility(last_name(node.member("operName"))));
  }
  visit_children(node, place.aimless());
}

void FactsWalk::stable_expression(const TreeNode& node, const Place& place) {
  worsen(Volatility::stable);
  visit_children(node, place);
}

void FactsWalk::sample(const TreeNode& node, const Place& place) {
  worsen(Volatility::volatile_);
  visit_children(node, place);
}

// What is below is made into something else before it meets the column.
void FactsWalk::inexact(const TreeNode& node, const Place& place) {
  if (place.aim == nullptr || !place.aim->equality) return visit_children(node, place);
  const Aim aim{.column = place.aim->column};
  visit_children(node, place.aiming(aim));
}

void FactsWalk::call(const TreeNode& node, const Place& place) {
  const TreeNode* names = node.member("funcname");
  const std::string_view name = last_name(names);
  std::string_view schema;
  if (names != nullptr && names->size() > 1 && names->first->member("String") != nullptr) {
    schema = names->first->member("String")->text_of("sval");
  }
  const bool own = schema.empty() || schema == "pg_catalog";
  out_.functions.push_back(own ? std::string(name) : std::string(schema) + '.' + std::string(name));
  worsen(own ? function_facts(name).volatility : Volatility::volatile_);
  inexact(node, place);
}

void FactsWalk::cast(const TreeNode& node, const Place& place) {
  const TreeNode* names = node.member("typeName", "names");
  const TreeNode* argument = node.member("arg");
  worsen(cast_volatility(last_name(names), argument != nullptr && is_value(*argument)));
  visit_children(node, place);
}

// The column whose values one side of a comparison has; empty: none or several.
std::string FactsWalk::compared_column(const TreeNode& side, const Scope* scope) const {
  if (const TreeNode* direct = side.member("ColumnRef")) return column_of(*direct, scope);
  ColumnSearch search;
  search.look(side);
  return search.found != nullptr && !search.several ? column_of(*search.found, scope) : "";
}

void FactsWalk::compare(const TreeNode& one, const TreeNode& other, bool equality,
                        const Place& place) {
  if (compare_rows(one, other, equality, place)) return;
  const Aim for_other{
      .column = compared_column(one, place.scope),
      .equality = equality && one.member("ColumnRef") != nullptr && is_value(other)};
  const Aim for_one{.column = compared_column(other, place.scope),
                    .equality = equality && other.member("ColumnRef") != nullptr && is_value(one)};
  visit(other, place.aiming(for_other));
  visit(one, place.aiming(for_one));
}

// (a, b) = (1, 2): column by column. False: they aren't rows.
bool FactsWalk::compare_rows(const TreeNode& one, const TreeNode& other, bool equality,
                             const Place& place) {
  const TreeNode* ones = one.member("RowExpr", "args");
  const TreeNode* others = other.member("RowExpr", "args");
  if (ones == nullptr || others == nullptr || ones->size() != others->size()) return false;
  const TreeNode* left = ones->first;
  const TreeNode* right = others->first;
  for (; left != nullptr; left = left->next, right = right->next) {
    if (++depth_ <= kMaxWalk) compare(*left, *right, equality, place);
    --depth_;
  }
  return true;
}

// column IN (a, b), = ANY (ARRAY[a, b]), BETWEEN a AND b.
void FactsWalk::compare_items(const TreeNode& one, const TreeNode& list, bool equality,
                              const Place& place) {
  const TreeNode* items = list.member("List", "items");
  if (items == nullptr) items = list.member("A_ArrayExpr", "elements");
  if (items == nullptr) return compare(one, list, false, place);
  const std::string column = compared_column(one, place.scope);
  for (const TreeNode& item : children(items)) {
    if (compare_rows(one, item, equality, place)) continue;
    const Aim aim{column, equality && one.member("ColumnRef") != nullptr && is_value(item)};
    visit(item, place.aiming(aim));
  }
  visit(one, place.aimless());
}

void FactsWalk::operation(const TreeNode& node, const Place& place) {
  const std::string_view kind = node.text_of("kind");
  const TreeNode* names = node.member("name");
  const std::string_view name = last_name(names);
  const bool between = kind.contains("BETWEEN");
  const bool foreign = names != nullptr && names->size() > 1 && names->first->member("String") &&
                       names->first->member("String")->text_of("sval") != "pg_catalog";
  worsen(foreign ? Volatility::volatile_ : operator_volatility(between ? "<" : name));
  const TreeNode* left = node.member("lexpr");
  const TreeNode* right = node.member("rexpr");
  if (left == nullptr || right == nullptr) return inexact(node, place);
  const bool equals = name == "=";
  if (between || kind == "AEXPR_IN" || kind == "AEXPR_OP_ANY") {
    return compare_items(*left, *right, equals && !between, place);
  }
  if (kind == "AEXPR_OP" && !compares(name)) return inexact(node, place);
  compare(*left, *right, equals && kind == "AEXPR_OP", place);
}

}  // namespace sluice::query
