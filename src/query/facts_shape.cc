// What kind of statement it is, and what its outermost query has.
#include <algorithm>

#include "query/facts_walk.h"
#include "query/functions_postgres.h"

namespace sluice::query {

namespace {

struct VerbOf {
  std::string_view statement;
  Verb verb;
};

// All that aren't here are ddl. In the order of their names.
constexpr VerbOf kVerbs[] = {
    {"CallStmt", Verb::utility},
    {"CheckPointStmt", Verb::utility},
    {"ClosePortalStmt", Verb::utility},
    {"ClusterStmt", Verb::utility},
    {"ConstraintsSetStmt", Verb::utility},
    {"CopyStmt", Verb::copy},
    {"DeallocateStmt", Verb::utility},
    {"DeclareCursorStmt", Verb::utility},
    {"DeleteStmt", Verb::delete_},
    {"DiscardStmt", Verb::utility},
    {"DoStmt", Verb::utility},
    {"ExecuteStmt", Verb::utility},
    {"ExplainStmt", Verb::utility},
    {"FetchStmt", Verb::utility},
    {"InsertStmt", Verb::insert},
    {"ListenStmt", Verb::utility},
    {"LoadStmt", Verb::utility},
    {"LockStmt", Verb::utility},
    {"MergeStmt", Verb::merge},
    {"NotifyStmt", Verb::utility},
    {"PrepareStmt", Verb::utility},
    {"ReindexStmt", Verb::utility},
    {"SelectStmt", Verb::select},
    {"TransactionStmt", Verb::transaction},
    {"UnlistenStmt", Verb::utility},
    {"UpdateStmt", Verb::update},
    {"VacuumStmt", Verb::utility},
    {"VariableSetStmt", Verb::utility},
    {"VariableShowStmt", Verb::utility},
};
static_assert(std::ranges::is_sorted(kVerbs, {}, &VerbOf::statement));

bool runs(const TreeNode& explain) {
  for (const TreeNode& option : children(explain.member("options"))) {
    const TreeNode* element = option.member("DefElem");
    if (element == nullptr) continue;
    const std::string_view name = element->text_of("defname");
    if (name == "analyze" || name == "analyse") return true;
  }
  return false;
}

Verb plain_verb(std::string_view statement) {
  const auto* found = std::ranges::lower_bound(kVerbs, statement, {}, &VerbOf::statement);
  return found != std::end(kVerbs) && found->statement == statement ? found->verb : Verb::ddl;
}

// INTO stands in the first of several SELECTs.
bool makes_table(const TreeNode* select) {
  for (; select != nullptr; select = select->member("larg")) {
    if (select->member("intoClause") != nullptr) return true;
  }
  return false;
}

// The first common table expression that changes data.
Verb modifying(const TreeNode& select) {
  for (const TreeNode& item : children(select.member("withClause", "ctes"))) {
    const TreeNode* query = item.member("CommonTableExpr", "ctequery");
    if (query == nullptr || query->first == nullptr) continue;
    const Verb verb = plain_verb(query->first->name);
    if (verb != Verb::select) return verb;
  }
  return Verb::unknown;
}

// The query that a statement is made of.
const TreeNode* query_of(const TreeNode* statement) {
  for (unsigned i = 0; i < 4 && statement != nullptr; ++i) {
    const std::string_view name = statement->name;
    const bool wraps = name == "ExplainStmt" || name == "PrepareStmt" || name == "CopyStmt" ||
                       name == "DeclareCursorStmt" || name == "CreateTableAsStmt" ||
                       name == "ViewStmt";
    if (!wraps) return statement;
    const TreeNode* query = statement->member("query");
    statement = query != nullptr ? query->first : nullptr;
  }
  return statement;
}

bool is_aggregate(const TreeNode& call) {
  if (call.member("over") != nullptr) return false;
  for (const auto sign :
       {"agg_star", "agg_within_group", "agg_distinct", "agg_filter", "agg_order"}) {
    if (call.member(sign) != nullptr) return true;
  }
  return function_facts(last_name(call.member("funcname"))).aggregate;
}

bool aggregates(const TreeNode& node) {
  if (node.name == "SubLink") return false;
  if (node.name == "FuncCall" && is_aggregate(node)) return true;
  for (const TreeNode& child : children(node)) {
    if (child.kind <= TreeNode::Kind::list && aggregates(child)) return true;
  }
  return false;
}

// Whether more or fewer rows may come of a list of expressions than go in, or nobody knows.
bool keeps_rows(const TreeNode& node) {
  if (node.name == "SubLink" || node.name == "WindowDef") return false;
  if (node.name == "FuncCall") {
    const FunctionFacts facts = function_facts(last_name(node.member("funcname")));
    if (!facts.known() || facts.rows || is_aggregate(node) || node.member("over") != nullptr) {
      return false;
    }
  }
  for (const TreeNode& child : children(node)) {
    if (child.kind <= TreeNode::Kind::list && !keeps_rows(child)) return false;
  }
  return true;
}

const TreeNode& bare(const TreeNode& node) {
  const TreeNode* inner = &node;
  while (const TreeNode* arg = inner->member("TypeCast", "arg")) inner = arg;
  return *inner;
}

bool is_slot(const TreeNode& node, const Example& example) {
  const TreeNode& inner = bare(node);
  const TreeNode* value = inner.member("A_Const");
  if (value == nullptr) value = inner.member("ParamRef");
  if (value == nullptr) return false;
  const std::int64_t location = value->number_of("location", -1);
  return std::ranges::any_of(example.slots, [location](const SlotPlace& slot) {
    return slot.at == location || (slot.kind == Literal::Kind::national && slot.at + 1 == location);
  });
}

// SELECT list FROM one table WHERE column = slot, and no other clause.
void read_key(const TreeNode& select, const Example& example, Facts& out) {
  for (const TreeNode& field : children(select)) {
    const bool plain = field.name == "targetList" || field.name == "fromClause" ||
                       field.name == "whereClause" || field.kind > TreeNode::Kind::list;
    if (!plain) return;
  }
  const TreeNode* from = select.member("fromClause");
  const TreeNode* list = select.member("targetList");
  const TreeNode* where = select.member("whereClause", "A_Expr");
  if (from == nullptr || from->size() != 1 || list == nullptr || where == nullptr) return;
  const TreeNode* table = from->first->member("RangeVar");
  if (table == nullptr || !keeps_rows(*list)) return;
  if (where->text_of("kind") != "AEXPR_OP" || last_name(where->member("name")) != "=") return;
  const TreeNode* column = where->member("lexpr");
  const TreeNode* value = where->member("rexpr");
  if (column == nullptr || value == nullptr) return;
  if (column->member("ColumnRef") == nullptr) std::swap(column, value);
  const TreeNode* fields = column->member("ColumnRef", "fields");
  if (fields == nullptr || fields->size() > 2 || !is_slot(*value, example)) return;
  out.key_table = table_name(*table);
  out.key_column = last_name(fields);
}

}  // namespace

Verb verb_of(const TreeNode& statement) {
  const TreeNode* body = statement.first;
  if (body == nullptr) return Verb::unknown;
  if (body->name == "ExplainStmt" && runs(*body)) {
    const TreeNode* query = body->member("query");
    body = query != nullptr ? query->first : nullptr;
    if (body == nullptr) return Verb::unknown;
  }
  if (body->name != "SelectStmt") return plain_verb(body->name);
  if (makes_table(body)) return Verb::ddl;
  const Verb changes = modifying(*body);
  return changes != Verb::unknown ? changes : Verb::select;
}

void read_shape(const TreeNode& statement, const Example& example, Facts& out) {
  const TreeNode* query = query_of(statement.first);
  if (query == nullptr) return;
  const bool select = query->name == "SelectStmt";
  if (!select && query->name != "UpdateStmt" && query->name != "DeleteStmt") return;
  out.where = query->member("whereClause") != nullptr;
  if (!select) return;
  const TreeNode* limit = query->member("limitCount");
  out.limit = limit != nullptr && limit->member("A_Const", "isnull") == nullptr;
  out.order_by = query->member("sortClause") != nullptr;
  const TreeNode* list = query->member("targetList");
  out.aggregate = query->member("groupClause") != nullptr ||
                  query->member("havingClause") != nullptr ||
                  (list != nullptr && aggregates(*list));
  if (query == statement.first && out.statements == 1) read_key(*query, example, out);
}

}  // namespace sluice::query
