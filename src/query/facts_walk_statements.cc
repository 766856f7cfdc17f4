// Statements: which tables they change, and which columns their literals go to.
#include <algorithm>
#include <utility>

#include "query/facts_walk.h"

namespace sluice::query {

namespace {

std::string joined(const std::string& table, std::string_view column) {
  return table.empty() ? std::string(column) : table + '.' + std::string(column);
}

// The first `count` of a list of names, with dots between.
std::string joined_names(const TreeNode* names, std::size_t count) {
  std::string joined;
  for (const TreeNode& name : children(names)) {
    if (count-- == 0) break;
    const TreeNode* string = name.member("String");
    if (string == nullptr) return {};
    (joined += joined.empty() ? "" : ".") += string->text_of("sval");
  }
  return joined;
}

bool is_relation(std::string_view object) {
  constexpr std::string_view kRelations[] = {"OBJECT_TABLE",    "OBJECT_VIEW",
                                             "OBJECT_MATVIEW",  "OBJECT_INDEX",
                                             "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"};
  return contains(kRelations, object);
}

// What is named by its table and a name behind it.
bool is_part_of_relation(std::string_view object) {
  constexpr std::string_view kParts[] = {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER",
                                         "OBJECT_RULE", "OBJECT_POLICY"};
  return contains(kParts, object);
}

std::string relation_of(std::string_view object, const TreeNode* names) {
  if (names == nullptr || names->size() == 0) return {};
  if (is_relation(object)) return joined_names(names, names->size());
  return is_part_of_relation(object) ? joined_names(names, names->size() - 1) : std::string();
}

}  // namespace

void FactsWalk::select(const TreeNode& node, const Place& place) { select_rows(node, place, {}); }

// `aims`: the columns that its result goes to.
void FactsWalk::select_rows(const TreeNode& node, const Place& place,
                            const std::vector<Aim>& aims) {
  if (++depth_ > kMaxWalk) out_.unanalysed = "too deep";
  Scope scope{.outer = place.scope};
  with(node, scope);
  const Place inside{&scope, nullptr};
  if (depth_ <= kMaxWalk) {
    if (const TreeNode* left = node.member("larg")) select_rows(*left, inside, aims);
    if (const TreeNode* right = node.member("rarg")) select_rows(*right, inside, aims);
  }
  write(node.member("intoClause", "rel"));
  out_.locks_rows = out_.locks_rows || node.member("lockingClause") != nullptr;
  for (const TreeNode& item : children(node.member("fromClause"))) collect(&item, scope);
  row(node.member("targetList"), inside, aims);
  for (const TreeNode& values : children(node.member("valuesLists"))) {
    row(values.member("List", "items"), inside, aims);
  }
  visit_others(
      node, inside,
      {"withClause", "larg", "rarg", "intoClause", "lockingClause", "targetList", "valuesLists"});
  --depth_;
}

void FactsWalk::row(const TreeNode* items, const Place& place, const std::vector<Aim>& aims) {
  std::size_t index = 0;
  for (const TreeNode& item : children(items)) {
    visit(item, index < aims.size() ? place.aiming(aims[index]) : place);
    ++index;
  }
}

std::vector<Aim> FactsWalk::aims_of(const TreeNode* columns, const std::string& table) {
  std::vector<Aim> aims;
  for (const TreeNode& column : children(columns)) {
    const TreeNode* target = column.member("ResTarget");
    aims.push_back({target != nullptr ? joined(table, target->text_of("name")) : std::string()});
  }
  return aims;
}

void FactsWalk::insert(const TreeNode& node, const Place& place) {
  Scope scope{.outer = place.scope};
  with(node, scope);
  const TreeNode* relation = node.member("relation");
  write(relation);
  const std::string table = relation != nullptr ? table_name(*relation) : std::string();
  if (const TreeNode* source = node.member("selectStmt", "SelectStmt")) {
    select_rows(*source, {&scope, nullptr}, aims_of(node.member("cols"), table));
  }
  // What stands behind sees the target; names without a table are never of `excluded`.
  Scope excluded{.outer = &scope, .tables = {{"excluded", table}}};
  Scope target{.outer = &excluded};
  if (relation != nullptr) collect_table(*relation, target);
  if (!target.tables.empty()) target.tables[0].name = table;
  const std::string before = std::exchange(insert_table_, table);
  visit_others(node, {&target, nullptr},
               {"withClause", "relation", "selectStmt", "onConflictClause"});
  if (const TreeNode* conflict = node.member("onConflictClause")) {
    conflict_clause(*conflict, {&target, nullptr});
  }
  insert_table_ = before;
}

void FactsWalk::conflict_clause(const TreeNode& node, const Place& place) {
  assignments(node.member("targetList"), insert_table_, place);
  visit_others(node, place, {"targetList"});
}

void FactsWalk::update(const TreeNode& node, const Place& place) {
  Scope scope{.outer = place.scope};
  with(node, scope);
  const TreeNode* relation = node.member("relation");
  write(relation);
  if (relation != nullptr) collect_table(*relation, scope);
  for (const TreeNode& item : children(node.member("fromClause"))) collect(&item, scope);
  const Place inside{&scope, nullptr};
  const std::string table = relation != nullptr ? table_name(*relation) : std::string();
  assignments(node.member("targetList"), table, inside);
  visit_others(node, inside, {"withClause", "relation", "targetList"});
}

void FactsWalk::delete_from(const TreeNode& node, const Place& place) {
  Scope scope{.outer = place.scope};
  with(node, scope);
  const TreeNode* relation = node.member("relation");
  write(relation);
  if (relation != nullptr) collect_table(*relation, scope);
  for (const TreeNode& item : children(node.member("usingClause"))) collect(&item, scope);
  visit_others(node, {&scope, nullptr}, {"withClause", "relation"});
}

void FactsWalk::merge(const TreeNode& node, const Place& place) {
  Scope scope{.outer = place.scope};
  with(node, scope);
  const TreeNode* relation = node.member("relation");
  write(relation);
  if (relation != nullptr) collect_table(*relation, scope);
  collect(node.member("sourceRelation"), scope);
  const std::string table = relation != nullptr ? table_name(*relation) : std::string();
  const std::string before = std::exchange(insert_table_, table);
  visit_others(node, {&scope, nullptr}, {"withClause", "relation"});
  insert_table_ = before;
}

void FactsWalk::merge_clause(const TreeNode& node, const Place& place) {
  const TreeNode* targets = node.member("targetList");
  if (const TreeNode* values = node.member("values")) {
    row(values, place, aims_of(targets, insert_table_));
  } else {
    assignments(targets, insert_table_, place);
  }
  visit_others(node, place, {"targetList", "values"});
}

void FactsWalk::assignments(const TreeNode* targets, const std::string& table, const Place& place) {
  for (const TreeNode& item : children(targets)) {
    const TreeNode* target = item.member("ResTarget");
    if (target == nullptr) continue;
    assign(*target, {joined(table, target->text_of("name"))}, place);
  }
}

// column = value, or the column's part of (a, b) = value: there each column has the whole row.
void FactsWalk::assign(const TreeNode& target, const Aim& aim, const Place& place) {
  visit(target.member("indirection"), place);
  const TreeNode* multiple = target.member("val", "MultiAssignRef");
  if (multiple == nullptr) return visit(target.member("val"), place.aiming(aim));
  const std::int64_t column = multiple->number_of("colno");
  const TreeNode* values = multiple->member("source", "RowExpr", "args");
  if (values == nullptr) {
    if (column == 1) visit(multiple->member("source"), place);
    return;
  }
  std::int64_t index = 0;
  for (const TreeNode& value : children(values)) {
    if (++index == column) visit(value, place.aiming(aim));
  }
}

void FactsWalk::copy(const TreeNode& node, const Place& place) {
  Scope scope{.outer = place.scope};
  if (const TreeNode* relation = node.member("relation")) {
    if (node.says("is_from")) {
      write(relation);
    } else {
      range_var(*relation, place);
    }
    collect_table(*relation, scope);
  }
  visit_others(node, {&scope, nullptr}, {"relation"});
}

void FactsWalk::drop(const TreeNode& node, const Place& place) {
  const std::string_view object = node.text_of("removeType");
  for (const TreeNode& names : children(node.member("objects"))) {
    std::string name = relation_of(object, names.member("List", "items"));
    if (!name.empty()) out_.writes.push_back(std::move(name));
  }
  visit_children(node, place);
}

// COMMENT ON, SECURITY LABEL.
void FactsWalk::remark(const TreeNode& node, const Place& place) {
  std::string name = relation_of(node.text_of("objtype"), node.member("object", "List", "items"));
  if (!name.empty()) out_.writes.push_back(std::move(name));
  visit_children(node, place);
}

// DDL: what it is about stands in one of these fields, and other tables anywhere else.
void FactsWalk::changes_relation(const TreeNode& node, const Place& place) {
  Scope scope{.outer = place.scope};
  const Place inside{&scope, nullptr};
  for (const auto field : {"relation", "view", "typevar", "sequence", "table", "name"}) {
    const TreeNode* changed = node.member(field);
    write(changed);
    if (changed != nullptr && changed->member("relname") != nullptr) collect_table(*changed, scope);
  }
  for (const auto list : {"relations", "objects", "table_list"}) {
    for (const TreeNode& changed : children(node.member(list))) write(&changed);
  }
  for (const auto nested : {"into", "base"}) {
    const TreeNode* part = node.member(nested);
    if (part == nullptr) continue;
    write(part->member("rel"));
    write(part->member("relation"));
    visit_others(*part, inside, {"rel", "relation"});
  }
  visit_others(node, inside,
               {"relation", "view", "typevar", "sequence", "table", "name", "relations", "objects",
                "table_list", "into", "base"});
}

}  // namespace sluice::query
