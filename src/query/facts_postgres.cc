// parse_facts(): from a text, through PostgreSQL's parser, to Facts. The walk is in facts_walk.h.
#include "query/facts_postgres.h"

#include <algorithm>

#include "query/facts_prepared.h"
#include "query/facts_walk.h"
#include "query/lexer_postgres.h"
#include "query/parser_postgres.h"

namespace sluice::query {

namespace {

Facts unanalysed(std::string reason) {
  Facts facts;
  facts.unanalysed = std::move(reason);
  return facts;
}

// No parser, but the words: only what the first one says for sure.
Facts mysql_facts(std::string_view text) {
  Facts facts = unanalysed("no parser for mysql yet");
  const std::size_t from = text.find_first_not_of(" \t\r\n(");
  if (from == std::string_view::npos) return facts;
  std::string word = identifier_name(text.substr(
      from,
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", from) - from));
  constexpr std::pair<std::string_view, Verb> kVerbs[] = {
      {"select", Verb::select}, {"insert", Verb::insert},  {"replace", Verb::insert},
      {"update", Verb::update}, {"delete", Verb::delete_}, {"create", Verb::ddl},
      {"alter", Verb::ddl},     {"drop", Verb::ddl},       {"truncate", Verb::ddl}};
  for (const auto& [spelling, verb] : kVerbs) {
    if (word == spelling) facts.verb = verb;
  }
  return facts;
}

unsigned number_of(std::string_view parameter) {
  unsigned number = 0;
  for (const char c : parameter.substr(1)) {
    if (number < 100'000) number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number;
}

// The literals that a fingerprint leaves out, and the parameters. Comments become blanks: libpg_query
// keeps them as tokens and doesn't see NOT LIKE around one.
Example slots_in(std::string_view text, std::span<const Literal> literals) {
  Example example{.text = std::string(text.size(), ' '), .slots = {}};
  for (const Literal& literal : literals) {
    example.slots.push_back({.at = literal.at, .parameter = 0, .kind = literal.kind});
  }
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    const auto at = static_cast<std::uint32_t>(token.begin() - text.data());
    example.text.replace(at, token.size, token.text());
    if (token.kind != TokenKind::parameter) continue;
    example.slots.push_back({.at = at, .parameter = number_of(token.text()), .kind = {}});
  }
  std::ranges::sort(example.slots, {}, &SlotPlace::at);
  return example;
}

}  // namespace

std::string_view name_of(Volatility volatility) {
  switch (volatility) {
    case Volatility::immutable: return "immutable";
    case Volatility::stable: return "stable";
    case Volatility::volatile_: return "volatile";
  }
  return "unknown";
}

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::unknown: return "unknown";
    case Verb::empty: return "empty";
    case Verb::select: return "select";
    case Verb::insert: return "insert";
    case Verb::update: return "update";
    case Verb::delete_: return "delete";
    case Verb::merge: return "merge";
    case Verb::copy: return "copy";
    case Verb::ddl: return "ddl";
    case Verb::transaction: return "transaction";
    case Verb::utility: return "utility";
  }
  return "unknown";
}

Facts facts_of(const Example& example) {
  Facts facts;
  std::string reason = with_tree(example.text, [&](const Tree& tree) {
    FactsWalk(example, facts).read(tree);
    const TreeNode* statements = tree.root().member("stmts");
    const TreeNode* first = statements != nullptr ? statements->first : nullptr;
    const TreeNode* body = first != nullptr ? first->member("stmt") : nullptr;
    if (body == nullptr) return;
    read_shape(*body, example, facts);
    PreparedWalk(example, facts).read(*body);
  });
  if (reason.empty()) reason = std::move(facts.unanalysed);
  return reason.empty() ? facts : unanalysed(std::move(reason));
}

Facts parse_facts(std::string_view text, Dialect dialect, std::size_t max_bytes) {
  if (text.size() > std::min<std::size_t>(max_bytes, UINT32_MAX - 1)) return unanalysed("too long");
  if (dialect == Dialect::mysql) return mysql_facts(text);
  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text, dialect);
  return facts_of(
      slots_in(text, seen.fault == nullptr ? seen.literals : std::span<const Literal>()));
}

}  // namespace sluice::query
