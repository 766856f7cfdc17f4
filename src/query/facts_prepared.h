// The walk over a SELECT that finds which of its literals may be parameters, and whether it may be a
// prepared statement at all. Why these and no others: sluice/query/prepared_form.h.
//
// A whitelist: what this walk doesn't know is neither replaceable nor may it stay. Recursion is bounded
// as in facts_walk.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "query/facts_postgres.h"
#include "query/tree_postgres.h"

namespace sluice::query {

class PreparedWalk {
 public:
  PreparedWalk(const Example& example, Facts& out);
  // `statement`: the first of the text. REQUIRES: `out` has its other facts; called once.
  void read(const TreeNode& statement);

 private:
  // What holds at a place of the tree.
  struct Place {
    bool condition = false;  // in WHERE, ON or HAVING, below nothing but AND, OR, NOT and IS
    bool once = true;        // the server doesn't copy this part and read it twice
    Place outside() const { return {false, once}; }
    Place inside() const { return {true, once}; }
  };
  using Reader = void (PreparedWalk::*)(const TreeNode&, const Place&);

  void visit(const TreeNode* node, const Place& place);
  void visit_children(const TreeNode& node, const Place& place);
  void select(const TreeNode& node, const Place& place, bool of_several);
  void target(const TreeNode& node, const Place& place, bool of_several);
  void join(const TreeNode& node, const Place& place);
  void operation(const TreeNode& node, const Place& place);
  void compare(const TreeNode& node, std::string_view kind, const Place& place);
  void cast(const TreeNode& node, const Place& place);
  void call(const TreeNode& node, const Place& place);

  Slot* slot_of(const TreeNode& value);
  void replace(const TreeNode& value, const Place& place);
  void keep(const TreeNode& value, Slot::Stays stays);

  const Example& example_;
  Facts& out_;
  std::unordered_map<std::int64_t, std::size_t> slot_at_;
  unsigned depth_ = 0;
};

}  // namespace sluice::query
