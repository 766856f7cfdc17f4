// The walk over a parse tree that finds its Facts.
//
// visit() goes down through everything, so nothing is overlooked because a statement is a rare one; the
// node types that mean something have a reader of their own (kReaders in facts_walk.cc). Two things go
// along: the scope, which tables and common table expressions names can mean, and the aim, the column
// that a literal found there is compared with or assigned to. Recursion is bounded by kMaxWalk; the
// stack is with_tree()'s care.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "query/facts_postgres.h"
#include "query/tree_postgres.h"

namespace sluice::query {

template <class Words>
bool contains(const Words& words, std::string_view wanted) {
  return std::find(std::begin(words), std::end(words), wanted) != std::end(words);
}

// Of what a literal is a value: nothing, while the column is empty.
struct Aim {
  std::string column = {};
  bool equality = false;
};

// One query level.
struct Scope {
  struct Table {
    std::string_view alias;
    std::string name = {};  // empty: a subquery, function or common table expression
  };
  const Scope* outer = nullptr;
  std::vector<Table> tables = {};
  std::vector<std::string_view> expressions = {};  // WITH names
};

class FactsWalk {
 public:
  FactsWalk(const Example& example, Facts& out);
  // REQUIRES: called once.
  void read(const Tree& tree);

 private:
  static constexpr unsigned kMaxWalk = 50'000;  // nodes above a node; kMaxDepth levels have fewer

  struct Place {
    const Scope* scope = nullptr;
    const Aim* aim = nullptr;
    Place aiming(const Aim& at) const { return {scope, &at}; }
    Place aimless() const { return {scope, nullptr}; }
    Place inside(const Scope& inner) const { return {&inner, nullptr}; }
  };
  using Reader = void (FactsWalk::*)(const TreeNode&, const Place&);
  struct Entry {
    std::string_view name;
    Reader reader;
  };
  static const Entry kReaders[];

  // facts_walk.cc
  void visit(const TreeNode& node, const Place& place);
  void visit(const TreeNode* node, const Place& place);
  void visit_children(const TreeNode& node, const Place& place);
  void visit_others(const TreeNode& node, const Place& place,
                    std::initializer_list<std::string_view> but);
  void range_var(const TreeNode& node, const Place& place);
  void write(const TreeNode* range_var);
  void with(const TreeNode& statement, Scope& scope);
  void collect(const TreeNode* from_item, Scope& scope);
  void collect_table(const TreeNode& range_var, Scope& scope);
  bool is_expression(const TreeNode& range_var, const Scope* scope) const;
  std::string column_of(const TreeNode& column_ref, const Scope* scope) const;
  void worsen(Volatility volatility);

  // facts_walk_statements.cc
  void select(const TreeNode& node, const Place& place);
  void insert(const TreeNode& node, const Place& place);
  void select_rows(const TreeNode& node, const Place& place, const std::vector<Aim>& aims);
  void row(const TreeNode* items, const Place& place, const std::vector<Aim>& aims);
  void update(const TreeNode& node, const Place& place);
  void delete_from(const TreeNode& node, const Place& place);
  void merge(const TreeNode& node, const Place& place);
  void merge_clause(const TreeNode& node, const Place& place);
  void conflict_clause(const TreeNode& node, const Place& place);
  void assignments(const TreeNode* targets, const std::string& table, const Place& place);
  void assign(const TreeNode& target, const Aim& aim, const Place& place);
  static std::vector<Aim> aims_of(const TreeNode* columns, const std::string& table);
  void copy(const TreeNode& node, const Place& place);
  void drop(const TreeNode& node, const Place& place);
  void remark(const TreeNode& node, const Place& place);
  void changes_relation(const TreeNode& node, const Place& place);

  // facts_walk_expressions.cc
  void operation(const TreeNode& node, const Place& place);
  void compare(const TreeNode& one, const TreeNode& other, bool equality, const Place& place);
  bool compare_rows(const TreeNode& one, const TreeNode& other, bool equality, const Place& place);
  void compare_items(const TreeNode& one, const TreeNode& list, bool equality, const Place& place);
  std::string compared_column(const TreeNode& side, const Scope* scope) const;
  void inexact(const TreeNode& node, const Place& place);
  void call(const TreeNode& node, const Place& place);
  void cast(const TreeNode& node, const Place& place);
  void constant(const TreeNode& node, const Place& place);
  void parameter(const TreeNode& node, const Place& place);
  void sublink(const TreeNode& node, const Place& place);
  void stable_expression(const TreeNode& node, const Place& place);
  void sample(const TreeNode& node, const Place& place);
  void fill(std::int64_t location, const Place& place);

  Facts& out_;
  std::unordered_map<std::int64_t, std::size_t> slot_at_;
  std::string insert_table_;  // of the INSERT or MERGE that is being read
  unsigned depth_ = 0;
};

// What the first statement is, and what its outermost query has (facts_shape.cc).
Verb verb_of(const TreeNode& statement);
void read_shape(const TreeNode& statement, const Example& example, Facts& out);

// "schema.name" of a RangeVar.
std::string table_name(const TreeNode& range_var);
// The last of a list of names: a function's without its schema, say.
std::string_view last_name(const TreeNode* names);

}  // namespace sluice::query
