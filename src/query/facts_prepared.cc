#include "query/facts_prepared.h"

#include "query/facts_walk.h"
#include "query/lexer_postgres.h"

namespace sluice::query {

namespace {

using Stays = Slot::Stays;

constexpr unsigned kMaxWalk = 50'000;  // as in facts_walk.h

// Operators that a literal is compared with. (The scanner makes <> of !=.)
constexpr std::string_view kComparisons[] = {"=", "<>", "<", ">", "<=", ">="};

// What shows the text of the statement that runs, or that there are prepared ones.
constexpr std::string_view kTelling[] = {"current_query",
                                         "pg_cursor",
                                         "pg_cursors",
                                         "pg_prepared_statement",
                                         "pg_prepared_statements",
                                         "pg_stat_activity",
                                         "pg_stat_get_activity",
                                         "pg_stat_get_backend_activity",
                                         "pg_stat_statements"};

// Types whose input function is immutable (pg_proc.provolatile of typinput, PostgreSQL 15), by the names
// that one may write. Those of pg_catalog come first in every search_path that doesn't say otherwise.
constexpr std::string_view kSteadyTypes[] = {
    "bool", "bpchar", "bytea", "char",    "cidr", "float4",  "float8", "inet", "int2",   "int4",
    "int8", "json",   "jsonb", "macaddr", "name", "numeric", "text",   "uuid", "varchar"};

// Names longer than that are cut, and each time a NOTICE says so.
constexpr std::size_t kMaxName = 63;

bool has_cut_name(std::string_view text) {
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    const bool name =
        token.kind == TokenKind::identifier || token.kind == TokenKind::quoted_identifier;
    if (name && token.size > kMaxName) return true;
  }
  return false;
}

bool tells(const std::vector<std::string>& names) {
  for (const std::string_view name : names) {
    if (contains(kTelling, name.substr(name.rfind('.') + 1))) return true;
  }
  return false;
}

// The only name, or the one behind pg_catalog; empty: there are others in front.
std::string_view own_name(const TreeNode* names) {
  if (names == nullptr || names->size() == 0 || names->size() > 2) return {};
  if (names->size() == 2) {
    const TreeNode* schema = names->first->member("String");
    if (schema == nullptr || schema->text_of("sval") != "pg_catalog") return {};
  }
  return last_name(names);
}

bool is_null(const TreeNode& operand) { return operand.member("A_Const", "isnull") != nullptr; }

bool is_plain_column(const TreeNode& column_ref) {
  for (const TreeNode& field : children(column_ref.member("fields"))) {
    if (field.member("String") == nullptr) return false;  // t.*
  }
  return true;
}

// An operand whose type is known whatever it is compared with.
bool has_own_type(const TreeNode& operand) {
  if (const TreeNode* column = operand.member("ColumnRef")) return is_plain_column(*column);
  if (const TreeNode* operation = operand.member("A_Expr")) {
    return operation->text_of("kind") == "AEXPR_OP";
  }
  return operand.member("FuncCall") != nullptr || operand.member("TypeCast") != nullptr;
}

}  // namespace

PreparedWalk::PreparedWalk(const Example& example, Facts& out) : example_(example), out_(out) {
  // By the place of the literal alone: a constant with a sign stands in the tree where its sign does,
  // so it isn't found.
  for (std::size_t slot = 0; slot < example.slots.size() && slot < out.slots.size(); ++slot) {
    slot_at_[example.slots[slot].at] = slot;
  }
}

void PreparedWalk::read(const TreeNode& statement) {
  if (statement.first == nullptr || statement.first->name != "SelectStmt") return;
  if (out_.statements != 1 || out_.verb != Verb::select || !out_.writes.empty()) return;
  if (out_.locks_rows || out_.parameters != 0) return;
  out_.preparable = !tells(out_.reads) && !tells(out_.functions) && !has_cut_name(example_.text);
  if (out_.preparable) visit(statement.first, {});
}

void PreparedWalk::visit(const TreeNode* node, const Place& place) {
  if (node == nullptr || !out_.preparable) return;
  struct Entry {
    std::string_view name;
    Reader reader;
  };
  static constexpr Entry kReaders[] = {{"A_Expr", &PreparedWalk::operation},
                                       {"FuncCall", &PreparedWalk::call},
                                       {"JoinExpr", &PreparedWalk::join},
                                       {"TypeCast", &PreparedWalk::cast}};
  if (++depth_ > kMaxWalk) out_.preparable = false;
  const Entry* reader = std::ranges::find(kReaders, node->name, &Entry::name);
  if (!out_.preparable) {
  } else if (node->name == "SelectStmt") {
    select(*node, place, false);
  } else if (reader != std::end(kReaders)) {
    (this->*reader->reader)(*node, place);
  } else {
    // Members of a struct and items of lists have small letters or no name at all.
    const bool type = !node->name.empty() && node->name[0] >= 'A' && node->name[0] <= 'Z';
    const bool logic =
        node->name == "BoolExpr" || node->name == "NullTest" || node->name == "BooleanTest";
    visit_children(*node, type && !logic ? place.outside() : place);
  }
  --depth_;
}

void PreparedWalk::visit_children(const TreeNode& node, const Place& place) {
  for (const TreeNode& child : children(node)) {
    if (child.kind <= TreeNode::Kind::list) visit(&child, place);
  }
}

// `of_several`: one of a UNION's queries and the like, whose columns' types are those of all.
void PreparedWalk::select(const TreeNode& node, const Place& place, bool of_several) {
  if (++depth_ > kMaxWalk) out_.preparable = false;
  for (const TreeNode& child : children(node)) {
    if (!out_.preparable) break;
    if (child.kind > TreeNode::Kind::list) continue;
    if (child.name == "larg" || child.name == "rarg") {
      select(child, place, true);
    } else if (child.name == "targetList") {
      for (const TreeNode& item : children(child)) target(item, place, of_several);
    } else {
      const bool condition = child.name == "whereClause" || child.name == "havingClause";
      visit(&child, condition ? place.inside() : place.outside());
    }
  }
  --depth_;
}

void PreparedWalk::target(const TreeNode& node, const Place& place, bool of_several) {
  const TreeNode* value = node.member("ResTarget", "val");
  if (value != nullptr && !of_several) keep(*value, Stays::always);  // a text
  visit_children(node, place.outside());
}

void PreparedWalk::join(const TreeNode& node, const Place& place) {
  for (const TreeNode& child : children(node)) {
    if (child.kind > TreeNode::Kind::list) continue;
    visit(&child, child.name == "quals" ? place.inside() : place.outside());
  }
}

void PreparedWalk::operation(const TreeNode& node, const Place& place) {
  const std::string_view kind = node.text_of("kind");
  const TreeNode* left = node.member("lexpr");
  const TreeNode* right = node.member("rexpr");
  const bool between = kind.contains("BETWEEN");
  if (left != nullptr && right != nullptr) {
    const std::string_view name = last_name(node.member("name"));
    // transform_null_equals decides what that is when the text is read.
    if (kind == "AEXPR_OP" && name == "=" && (is_null(*left) || is_null(*right))) {
      out_.preparable = false;
    }
    if (place.condition && place.once) compare(node, kind, place);
    if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE") keep(*right, Stays::always);
    if (kind == "AEXPR_OP" && (name == "->" || name == "->>")) keep(*right, Stays::word);
  }
  // x BETWEEN 1 AND 2 becomes x >= 1 AND x <= 2, with x copied before it has been read.
  visit(left, {.condition = false, .once = place.once && !between});
  visit(right, {.condition = false, .once = place.once && !kind.ends_with("_SYM")});
}

void PreparedWalk::compare(const TreeNode& node, std::string_view kind, const Place& place) {
  const TreeNode& left = *node.member("lexpr");
  const TreeNode& right = *node.member("rexpr");
  const TreeNode* names = node.member("name");
  const bool known = names->size() == 1 && contains(kComparisons, last_name(names));
  if (kind == "AEXPR_OP" && known) {
    if (has_own_type(left)) replace(right, place);
    if (has_own_type(right)) replace(left, place);
  } else if ((kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL") && known) {
    if (has_own_type(left)) replace(right, place);
  } else if (kind == "AEXPR_IN" || kind == "AEXPR_BETWEEN" || kind == "AEXPR_NOT_BETWEEN") {
    if (!has_own_type(left)) return;
    for (const TreeNode& item : children(right.member("List", "items"))) replace(item, place);
  }
}

// interval '1 day', '7'::int: what the type makes of its text.
void PreparedWalk::cast(const TreeNode& node, const Place& place) {
  const TreeNode* value = node.member("arg");
  const TreeNode* type = node.member("typeName");
  const std::string_view name = type != nullptr ? own_name(type->member("names")) : "";
  const bool single = type != nullptr && type->member("arrayBounds") == nullptr;
  if (value != nullptr && single) {
    if (contains(kSteadyTypes, name)) keep(*value, Stays::always);
    if (name == "interval") keep(*value, Stays::interval);
    if (name == "date" || name == "timestamp" || name == "time") keep(*value, Stays::moment);
  }
  visit_children(node, place.outside());
}

// Arguments that are a text in every function of that name.
void PreparedWalk::call(const TreeNode& node, const Place& place) {
  const std::string_view name = own_name(node.member("funcname"));
  const TreeNode* arguments = node.member("args");
  const TreeNode* first = arguments != nullptr ? arguments->first : nullptr;
  const TreeNode* second = first != nullptr ? first->next : nullptr;
  if (second != nullptr) {
    if (name == "date_trunc" || name == "date_part") keep(*first, Stays::word);
    if (name == "to_char") keep(*second, Stays::always);
    if (name == "timezone") keep(*first, Stays::always);  // x AT TIME ZONE 'UTC'
  }
  visit_children(node, place.outside());
}

Slot* PreparedWalk::slot_of(const TreeNode& value) {
  const TreeNode* constant = value.member("A_Const");
  if (constant == nullptr) return nullptr;
  const auto found = slot_at_.find(constant->number_of("location", -1));
  if (found == slot_at_.end()) return nullptr;
  const Literal::Kind kind = example_.slots[found->second].kind;
  if (kind != Literal::Kind::number && kind != Literal::Kind::string) return nullptr;
  return &out_.slots[found->second];
}

void PreparedWalk::replace(const TreeNode& value, const Place& place) {
  if (!place.once) return;
  if (Slot* slot = slot_of(value)) slot->replaceable = true;
}

void PreparedWalk::keep(const TreeNode& value, Stays stays) {
  if (Slot* slot = slot_of(value)) slot->stays = stays;
}

}  // namespace sluice::query
