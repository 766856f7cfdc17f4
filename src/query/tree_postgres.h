// A parse tree of PostgreSQL's grammar, as libpg_query writes it: JSON, read into nodes.
//
// Every field of a C struct that isn't zero is a member, a Node* is an object with one member that is
// named for the node's type: {"SelectStmt": {"targetList": [{"ResTarget": ...}]}}. Read without
// recursion, whatever the depth; 64 KB of SQL make about one megabyte of it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::query {

struct TreeNode {
  enum class Kind : std::uint8_t { object, list, string, number, word };  // word: true, false, null

  Kind kind = Kind::object;
  std::string_view name;  // of the member that it is; empty in lists
  std::string_view text;  // of strings, numbers and words
  const TreeNode* first = nullptr;
  const TreeNode* next = nullptr;

  // The member of that name; null: it has none.
  const TreeNode* member(std::string_view wanted) const;
  // Likewise, through several: member("whereClause", "A_Expr").
  template <class... Names>
  const TreeNode* member(std::string_view wanted, Names... then) const {
    const TreeNode* found = member(wanted);
    return found != nullptr ? found->member(then...) : nullptr;
  }
  std::string_view text_of(std::string_view wanted) const;  // of a member; empty: it has none
  std::int64_t number_of(std::string_view wanted, std::int64_t otherwise = 0) const;
  bool says(std::string_view wanted) const { return text_of(wanted) == "true"; }
  std::size_t size() const;
};

// for (const TreeNode& child : children(node))
struct TreeChildren {
  struct Iterator {
    const TreeNode* at;
    const TreeNode& operator*() const { return *at; }
    Iterator& operator++() {
      at = at->next;
      return *this;
    }
    bool operator==(const Iterator&) const = default;
  };
  const TreeNode* first;
  Iterator begin() const { return {first}; }
  Iterator end() const { return {nullptr}; }
};
inline TreeChildren children(const TreeNode& node) { return {node.first}; }
inline TreeChildren children(const TreeNode* node) {
  return {node != nullptr ? node->first : nullptr};
}

// Owns its nodes and the JSON that they are views of.
class Tree {
 public:
  // Nothing of what isn't JSON.
  static std::optional<Tree> read(std::string json);

  const TreeNode& root() const { return nodes_.front(); }

 private:
  struct Reader;
  Tree() = default;
  std::string json_;
  std::deque<TreeNode> nodes_;      // addresses that stay
  std::deque<std::string> undone_;  // strings that had escapes
};

}  // namespace sluice::query
