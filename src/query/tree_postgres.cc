// JSON of one producer: what it never writes (exponents, surrogate pairs) isn't understood.
#include "query/tree_postgres.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace sluice::query {

const TreeNode* TreeNode::member(std::string_view wanted) const {
  for (const TreeNode* child = first; child != nullptr; child = child->next) {
    if (child->name == wanted) return child;
  }
  return nullptr;
}

std::string_view TreeNode::text_of(std::string_view wanted) const {
  const TreeNode* found = member(wanted);
  return found != nullptr ? found->text : std::string_view();
}

std::int64_t TreeNode::number_of(std::string_view wanted, std::int64_t otherwise) const {
  const std::string_view written = text_of(wanted);
  std::int64_t number = otherwise;
  std::from_chars(written.data(), written.data() + written.size(), number);
  return number;
}

std::size_t TreeNode::size() const {
  std::size_t count = 0;
  for (const TreeNode* child = first; child != nullptr; child = child->next) ++count;
  return count;
}

struct Tree::Reader {
  Tree& tree;
  std::string_view json;
  std::size_t at = 0;

  // What is open, each with the child that came last.
  struct Open {
    TreeNode* node;
    TreeNode* last = nullptr;
  };
  std::vector<Open> open;

  char peek() const { return at < json.size() ? json[at] : '\0'; }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at;
    return true;
  }

  TreeNode& add(TreeNode::Kind kind, std::string_view name, std::string_view text = {}) {
    TreeNode& node = tree.nodes_.emplace_back();
    node.kind = kind;
    node.name = name;
    node.text = text;
    if (!open.empty()) {
      Open& parent = open.back();
      (parent.last == nullptr ? parent.node->first : parent.last->next) = &node;
      parent.last = &node;
    }
    return node;
  }

  // A value up to its first child; false: nonsense.
  bool value(std::string_view name) {
    using Kind = TreeNode::Kind;
    const char c = peek();
    if (c == '{' || c == '[') {
      ++at;
      TreeNode& node = add(c == '{' ? Kind::object : Kind::list, name);
      open.push_back({&node});
      return true;
    }
    if (c == '"') {
      const auto text = string();
      if (!text) return false;
      add(Kind::string, name, *text);
      return true;
    }
    const std::size_t end = std::min(json.find_first_of(",]}", at), json.size());
    if (end == at) return false;
    const bool number = c == '-' || (c >= '0' && c <= '9');
    add(number ? Kind::number : Kind::word, name, json.substr(at, end - at));
    at = end;
    return true;
  }

  std::optional<std::string_view> string() {
    const std::size_t from = ++at;
    for (;; ++at) {
      at = json.find_first_of("\"\\", at);
      if (at == std::string_view::npos) return std::nullopt;
      if (json[at] == '"') return json.substr(from, at++ - from);
      return escaped(from);
    }
  }

  std::optional<std::string_view> escaped(std::size_t from) {
    std::string& text = tree.undone_.emplace_back(json.substr(from, at - from));
    for (; at < json.size(); ++at) {
      if (json[at] == '"') {
        ++at;
        return text;
      }
      if (json[at] != '\\') {
        text += json[at];
        continue;
      }
      switch (++at; peek()) {
        case 'b': text += '\b'; break;
        case 'f': text += '\f'; break;
        case 'n': text += '\n'; break;
        case 'r': text += '\r'; break;
        case 't': text += '\t'; break;
        case 'u': {  // control characters only
          unsigned code = 0;
          const std::string_view digits = json.substr(std::min(at + 1, json.size()), 4);
          std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
          text += static_cast<char>(code);
          at += 4;
          break;
        }
        default: text += peek(); break;
      }
    }
    return std::nullopt;
  }

  // The next member or item of what is open, or its end.
  bool step() {
    Open& parent = open.back();
    const bool object = parent.node->kind == TreeNode::Kind::object;
    if (take(object ? '}' : ']')) {
      open.pop_back();
      return true;
    }
    if (parent.last != nullptr && !take(',')) return false;
    if (!object) return value({});
    if (peek() != '"') return false;
    const auto name = string();
    return name && take(':') && value(*name);
  }

  bool read() {
    if (!value({}) || open.empty()) return false;
    while (!open.empty()) {
      if (!step()) return false;
    }
    return at == json.size();
  }
};

std::optional<Tree> Tree::read(std::string json) {
  std::optional<Tree> tree(Tree{});
  // Long enough not to live inside the object: views stay when the tree moves.
  tree->json_ = std::move(json);
  tree->json_.reserve(64);
  if (!Reader{*tree, tree->json_, 0, {}}.read()) return std::nullopt;
  return tree;
}

}  // namespace sluice::query
