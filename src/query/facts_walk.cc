#include "query/facts_walk.h"

#include <algorithm>

#include "query/lexer_postgres.h"

namespace sluice::query {

namespace {

// A constant stands in the tree where its sign begins: - 5 is one node, and so is -(5).
std::vector<std::uint32_t> signs_before(const std::vector<Token>& tokens, std::size_t index,
                                        const char* text) {
  std::vector<std::uint32_t> places;
  for (; index > 0; --index) {
    const Token& before = tokens[index - 1];
    if (before.text() == "-") {
      places.push_back(static_cast<std::uint32_t>(before.begin() - text));
    } else if (before.kind != TokenKind::open_paren) {
      break;
    }
  }
  return places;
}

}  // namespace

std::string table_name(const TreeNode& range_var) {
  std::string name;
  for (const auto part : {"catalogname", "schemaname", "relname"}) {
    const std::string_view text = range_var.text_of(part);
    if (text.empty()) continue;
    if (!name.empty()) name += '.';
    name += text;
  }
  return name;
}

std::string_view last_name(const TreeNode* names) {
  std::string_view last;
  for (const TreeNode& name : children(names)) {
    if (const TreeNode* string = name.member("String")) last = string->text_of("sval");
  }
  return last;
}

FactsWalk::FactsWalk(const Example& example, Facts& out) : out_(out) {
  const char* text = example.text.data();
  std::vector<Token> tokens;
  Lexer lexer(example.text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    tokens.push_back(token);
  }
  std::size_t index = 0;
  for (std::size_t slot = 0; slot < example.slots.size(); ++slot) {
    const SlotPlace& place = example.slots[slot];
    out_.slots.emplace_back().parameter = place.parameter;
    out_.parameters = std::max(out_.parameters, place.parameter);
    slot_at_[place.at] = slot;
    if (place.kind == Literal::Kind::national) slot_at_[place.at + 1] = slot;
    while (index < tokens.size() && tokens[index].begin() < text + place.at) ++index;
    for (const std::uint32_t at : signs_before(tokens, index, text)) slot_at_[at] = slot;
  }
}

void FactsWalk::read(const Tree& tree) {
  const TreeNode* statements = tree.root().member("stmts");
  out_.volatility = Volatility::immutable;
  const Scope scope;
  for (const TreeNode& statement : children(statements)) {
    const TreeNode* body = statement.member("stmt");
    if (body == nullptr) continue;
    ++out_.statements;
    const Verb verb = verb_of(*body);
    if (out_.statements == 1) out_.verb = verb;
    if (verb < Verb::select || verb > Verb::merge) worsen(Volatility::volatile_);
    visit(*body, {&scope, nullptr});
  }
  if (out_.statements == 0) out_.verb = Verb::empty;
  for (auto* list : {&out_.reads, &out_.writes, &out_.functions}) {
    std::ranges::sort(*list);
    list->erase(std::ranges::unique(*list).begin(), list->end());
  }
}

// In the order of their names, for binary search.
const FactsWalk::Entry FactsWalk::kReaders[] = {
    {"A_Const", &FactsWalk::constant},
    {"A_Expr", &FactsWalk::operation},
    {"AlterObjectDependsStmt", &FactsWalk::changes_relation},
    {"AlterObjectSchemaStmt", &FactsWalk::changes_relation},
    {"AlterOwnerStmt", &FactsWalk::changes_relation},
    {"AlterPolicyStmt", &FactsWalk::changes_relation},
    {"AlterSeqStmt", &FactsWalk::changes_relation},
    {"AlterTableStmt", &FactsWalk::changes_relation},
    {"CommentStmt", &FactsWalk::remark},
    {"CompositeTypeStmt", &FactsWalk::changes_relation},
    {"CopyStmt", &FactsWalk::copy},
    {"CreateForeignTableStmt", &FactsWalk::changes_relation},
    {"CreatePolicyStmt", &FactsWalk::changes_relation},
    {"CreateSeqStmt", &FactsWalk::changes_relation},
    {"CreateStmt", &FactsWalk::changes_relation},
    {"CreateTableAsStmt", &FactsWalk::changes_relation},
    {"CreateTrigStmt", &FactsWalk::changes_relation},
    {"DeleteStmt", &FactsWalk::delete_from},
    {"DropStmt", &FactsWalk::drop},
    {"FuncCall", &FactsWalk::call},
    {"GrantStmt", &FactsWalk::changes_relation},
    {"ImportForeignSchemaStmt", &FactsWalk::changes_relation},
    {"IndexStmt", &FactsWalk::changes_relation},
    {"InsertStmt", &FactsWalk::insert},
    {"MergeStmt", &FactsWalk::merge},
    {"MergeWhenClause", &FactsWalk::merge_clause},
    {"ParamRef", &FactsWalk::parameter},
    {"PartitionCmd", &FactsWalk::changes_relation},
    {"RangeTableSample", &FactsWalk::sample},
    {"RangeVar", &FactsWalk::range_var},
    {"RefreshMatViewStmt", &FactsWalk::changes_relation},
    {"RenameStmt", &FactsWalk::changes_relation},
    {"RuleStmt", &FactsWalk::changes_relation},
    {"SQLValueFunction", &FactsWalk::stable_expression},
    {"SecLabelStmt", &FactsWalk::remark},
    {"SelectStmt", &FactsWalk::select},
    {"SubLink", &FactsWalk::sublink},
    {"TruncateStmt", &FactsWalk::changes_relation},
    {"TypeCast", &FactsWalk::cast},
    {"UpdateStmt", &FactsWalk::update},
    {"ViewStmt", &FactsWalk::changes_relation},
    {"XmlExpr", &FactsWalk::stable_expression},
};

void FactsWalk::visit(const TreeNode* node, const Place& place) {
  if (node != nullptr) visit(*node, place);
}

void FactsWalk::visit(const TreeNode& node, const Place& place) {
  if (node.first == nullptr && node.name.empty()) return;
  if (++depth_ > kMaxWalk) {
    out_.unanalysed = "too deep";
    --depth_;
    return;
  }
  const Entry* reader = std::ranges::lower_bound(kReaders, node.name, {}, &Entry::name);
  const bool known = reader != std::end(kReaders) && reader->name == node.name;
  if (known) {
    (this->*reader->reader)(node, place);
  } else if (node.kind == TreeNode::Kind::object && node.member("relname") != nullptr) {
    range_var(node, place);  // a field of that very type
  } else {
    visit_children(node, place);
  }
  --depth_;
}

void FactsWalk::visit_children(const TreeNode& node, const Place& place) {
  for (const TreeNode& child : children(node)) {
    if (child.kind <= TreeNode::Kind::list) visit(child, place);
  }
}

void FactsWalk::visit_others(const TreeNode& node, const Place& place,
                             std::initializer_list<std::string_view> but) {
  for (const TreeNode& child : children(node)) {
    if (child.kind <= TreeNode::Kind::list && !contains(but, child.name)) {
      visit(child, place);
    }
  }
}

void FactsWalk::range_var(const TreeNode& node, const Place& place) {
  if (!is_expression(node, place.scope)) out_.reads.push_back(table_name(node));
}

void FactsWalk::write(const TreeNode* range_var) {
  if (range_var == nullptr) return;
  if (const TreeNode* wrapped = range_var->member("RangeVar")) range_var = wrapped;
  if (range_var->member("relname") != nullptr) out_.writes.push_back(table_name(*range_var));
}

// The WITH of a statement. A name is known to what stands behind it and, with RECURSIVE, to itself and
// all others too.
void FactsWalk::with(const TreeNode& statement, Scope& scope) {
  const TreeNode* clause = statement.member("withClause");
  if (clause == nullptr) return;
  const TreeNode* expressions = clause->member("ctes");
  const bool recursive = clause->says("recursive");
  const auto name_of = [](const TreeNode& expression) {
    const TreeNode* body = expression.member("CommonTableExpr");
    return body != nullptr ? body->text_of("ctename") : std::string_view();
  };
  if (recursive) {
    for (const TreeNode& e : children(expressions)) scope.expressions.push_back(name_of(e));
  }
  for (const TreeNode& e : children(expressions)) {
    visit_children(e, {&scope, nullptr});
    if (!recursive) scope.expressions.push_back(name_of(e));
  }
}

bool FactsWalk::is_expression(const TreeNode& range_var, const Scope* scope) const {
  if (range_var.member("schemaname") != nullptr) return false;
  const std::string_view name = range_var.text_of("relname");
  for (; scope != nullptr; scope = scope->outer) {
    if (contains(scope->expressions, name)) return true;
  }
  return false;
}

// The names that an item of FROM gives its level.
void FactsWalk::collect(const TreeNode* item, Scope& scope) {
  for (; item != nullptr;) {
    if (const TreeNode* join = item->member("JoinExpr")) {
      if (++depth_ <= kMaxWalk) collect(join->member("rarg"), scope);
      --depth_;
      item = join->member("larg");
      continue;
    }
    if (const TreeNode* sample = item->member("RangeTableSample")) {
      item = sample->member("relation");
      continue;
    }
    if (const TreeNode* table = item->member("RangeVar")) return collect_table(*table, scope);
    const TreeNode* alias = item->first != nullptr ? item->first->member("alias") : nullptr;
    scope.tables.push_back({alias != nullptr ? alias->text_of("aliasname") : "", {}});
    return;
  }
}

void FactsWalk::collect_table(const TreeNode& range_var, Scope& scope) {
  const TreeNode* alias = range_var.member("alias");
  const bool known = !is_expression(range_var, &scope);
  scope.tables.push_back(
      {alias != nullptr ? alias->text_of("aliasname") : range_var.text_of("relname"),
       known ? table_name(range_var) : std::string()});
}

// "table.column", or what of it can be said.
std::string FactsWalk::column_of(const TreeNode& column_ref, const Scope* scope) const {
  std::string qualifier;
  std::string_view column, table;
  for (const TreeNode& field : children(column_ref.member("fields"))) {
    const TreeNode* name = field.member("String");
    if (name == nullptr) return {};  // t.*
    if (!table.empty()) (qualifier += qualifier.empty() ? "" : ".") += table;
    table = name->text_of("sval");
  }
  column = table;
  const auto joined = [column](std::string_view of) {
    return of.empty() ? std::string(column) : std::string(of) + '.' + std::string(column);
  };
  for (; scope != nullptr; scope = scope->outer) {
    if (qualifier.empty() && scope->tables.size() == 1) return joined(scope->tables[0].name);
    if (qualifier.empty() && !scope->tables.empty()) return joined({});
    for (const Scope::Table& known : scope->tables) {
      if (known.alias == qualifier || known.name == qualifier) return joined(known.name);
    }
  }
  return joined(qualifier);
}

void FactsWalk::worsen(Volatility volatility) {
  out_.volatility = std::max(out_.volatility, volatility);
}

}  // namespace sluice::query
