// Advice: what a loop should have been, in words, in SQL and in the words of the program's ORM.
//
// The SQL is one of two. Where the parser says that a statement looks rows of one table up by one column
// and does nothing else, its "= $1" becomes "= ANY($1)". Any other statement is run for each of the values
// inside one LATERAL join, which keeps its order, limit and aggregates for each value.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/query/loops.h"

namespace sluice::query {
namespace {

// ---- the statement's text ------------------------------------------------------------------------

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// A value's place in a normalised text.
struct ValuePlace {
  std::size_t at = 0, size = 0;
  unsigned parameter = 0;  // of $n; 0: a literal
};

// Places of all values in order; identifiers in double quotes and operators \? are none.
std::vector<ValuePlace> value_places(std::string_view text) {
  std::vector<ValuePlace> places;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      i = std::min(text.find('"', i + 1), text.size());
    } else if (c == '\\') {
      ++i;
    } else if (c == '\'') {
      const std::size_t end = std::min(text.find('\'', i + 1), text.size() - 1);
      const bool prefixed = i > 0 &&
                            (text[i - 1] == 'b' || text[i - 1] == 'x' || text[i - 1] == 'n') &&
                            (i == 1 || !is_word(text[i - 2]));
      const std::size_t at = prefixed ? i - 1 : i;
      places.push_back({.at = at, .size = end + 1 - at});
      i = end;
    } else if (c == '?') {
      places.push_back({.at = i, .size = 1});
    } else if (c == '$' && (i == 0 || !is_word(text[i - 1]))) {
      std::size_t end = i + 1;
      unsigned number = 0;
      for (; end < text.size() && text[end] >= '0' && text[end] <= '9' && number < 65536; ++end) {
        number = number * 10 + static_cast<unsigned>(text[end] - '0');
      }
      if (number != 0) places.push_back({.at = i, .size = end - i, .parameter = number});
      i = end - 1;
    }
  }
  return places;
}

// The places that the n-th value (from 1) stands at. Empty: that can't be said.
std::vector<ValuePlace> places_of(std::string_view text, unsigned n) {
  const auto places = value_places(text);
  const bool numbered = std::any_of(places.begin(), places.end(),
                                    [](const ValuePlace& place) { return place.parameter != 0; });
  std::vector<ValuePlace> out;
  if (n == 0) return out;
  if (!numbered) {
    if (n <= places.size()) out.push_back(places[n - 1]);
    return out;
  }
  for (const ValuePlace& place : places) {
    if (place.parameter == 0) return {};  // both kinds: whose turn it is depends on the driver
    if (place.parameter == n) out.push_back(place);
  }
  return out;
}

std::string replaced(std::string_view text, const std::vector<ValuePlace>& places,
                     std::string_view by) {
  std::string out;
  std::size_t from = 0;
  for (const ValuePlace& place : places) {
    out += text.substr(from, place.at - from);
    out += by;
    from = place.at + place.size;
  }
  return out += text.substr(from);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == ';')) text.remove_suffix(1);
  return text;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
      return true;
  }
  return false;
}

// ---- SQL -----------------------------------------------------------------------------------------

// select ... from t where column = slot  ->  select column, ... from t where column = any($1)
std::string any_of(std::string_view text, const Facts& facts) {
  const std::size_t where = text.rfind(" where ");
  const std::size_t from = text.find(" from ");
  if (!text.starts_with("select ") || where == text.npos || from == text.npos) return {};
  const std::string_view condition = trimmed(text.substr(where + 7));
  const std::size_t equals = condition.find('=');
  if (equals == condition.npos) return {};
  std::string_view column = trimmed(condition.substr(0, equals));
  if (!has_word(column, facts.key_column)) column = trimmed(condition.substr(equals + 1));
  if (!has_word(column, facts.key_column)) return {};
  while (column.size() > 2 && column.front() == '(') column.remove_prefix(1);
  while (column.size() > 2 && column.back() == ')') column.remove_suffix(1);
  const std::string_view list = text.substr(7, from - 7);
  std::string sql = "select ";
  const bool tells_key = list.find('*') != list.npos || has_word(list, facts.key_column);
  if (!tells_key) sql.append(column).append(", ");
  return sql.append(text.substr(7, where - 7))
      .append(" where ")
      .append(column)
      .append(" = any($1)");
}

// Any statement, once for each value.
std::string lateral(std::string_view text, unsigned parameter) {
  const auto places = places_of(text, parameter);
  if (places.empty()) return {};
  const unsigned array = std::max(1u, places.front().parameter);
  return "select keys.value, found.* from unnest($" + std::to_string(array) +
         ") with ordinality as keys(value, place) cross join lateral (" +
         replaced(text, places, "keys.value") + ") as found order by keys.place";
}

std::string sql_for(const Loop& loop, const Template* statement) {
  if (statement == nullptr || loop.kind == LoopKind::duplicate) return {};
  const std::string_view text = trimmed(statement->text());
  const Facts* facts = statement->facts();
  if (facts != nullptr && !facts->key_column.empty()) {
    if (std::string sql = any_of(text, *facts); !sql.empty()) return sql;
  }
  return statement->dialect() == Dialect::postgres ? lateral(text, loop.parameter) : std::string();
}

// ---- words ---------------------------------------------------------------------------------------

std::string last_part(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return std::string(dot == name.npos ? name : name.substr(dot + 1));
}

// The one table that a statement reads; empty: none or several.
std::string table_of(const Template* statement) {
  const Facts* facts = statement == nullptr ? nullptr : statement->facts();
  return facts != nullptr && facts->reads.size() == 1 ? facts->reads.front() : std::string();
}

// The column that the loop's parameter is compared with.
std::string key_of(const Loop& loop, const Template* statement) {
  const Facts* facts = statement == nullptr ? nullptr : statement->facts();
  if (facts == nullptr) return {};
  if (!facts->key_column.empty()) return facts->key_column;
  if (loop.parameter == 0 || loop.parameter > facts->slots.size()) return {};
  const Slot& slot = facts->slots[loop.parameter - 1];
  return slot.equality ? last_part(slot.column) : std::string();
}

std::string rows_of(const std::string& table) {
  return table.empty() ? "its source's result" : table;
}

std::string times(const Loop& loop) {
  return std::to_string(loop.p50) +
         (loop.p50 == loop.max ? "" : " to " + std::to_string(loop.max)) + " statements each time";
}

std::string join_words(const Loop& loop, const Template* statement, const Template* source) {
  const std::string table = table_of(statement), from = table_of(source),
                    key = key_of(loop, statement);
  if (table.empty() || from.empty() || key.empty() || table == from) return {};
  if (loop.source_column.empty() || loop.source_column.find(' ') != std::string::npos) return {};
  return " Or join them: FROM " + from + " JOIN " + table + " ON " + table + "." + key + " = " +
         from + "." + loop.source_column + ".";
}

std::string sentence_for(const Loop& loop, const Template* statement, const Template* source) {
  const std::string table = table_of(statement);
  const std::string what = table.empty() ? "one query" : "a query of " + table;
  const std::string mend =
      " One query with all values would do: " + std::string("its condition takes an array.");
  switch (loop.kind) {
    case LoopKind::proven:
      return "Each row of " + rows_of(table_of(source)) + " is followed by " + what +
             " with the row's " + loop.source_column + " (N+1), " + times(loop) + "." + mend +
             join_words(loop, statement, source);
    case LoopKind::chained:
      if (loop.source == loop.statement) {
        return "A tree is read node by node: " + what + " for each row of its own results, " +
               times(loop) +
               ". A recursive query (WITH RECURSIVE), or one query for each level, would do.";
      }
      return "Inside of another loop, each row of " + rows_of(table_of(source)) +
             " is followed by " + what + " with the row's " + loop.source_column + ", " +
             times(loop) + "." + mend + join_words(loop, statement, source);
    case LoopKind::interleaved:
      return std::to_string(loop.cycle.size()) + " queries take turns, once for each " +
             (loop.parameter == 0 ? "value" : "row of " + rows_of(table_of(source))) + ", " +
             times(loop) + ". Each of them could run once, with all values.";
    case LoopKind::duplicate:
      return "The same query with the same values is sent again and again, " + times(loop) +
             ". Keep its answer for as long as the request lasts, or let Sluice's cache answer it.";
    case LoopKind::repeated: break;
  }
  return "The same query is sent with one value after the other, " + times(loop) + "." + mend;
}

// ---- ORMs ----------------------------------------------------------------------------------------

struct Orm {
  std::string_view names[2];  // in tags or application_name, lower case
  std::string_view to_one, to_many;
};
constexpr std::array kOrms = {
    Orm{{"django", "django"}, "select_related(\"...\")", "prefetch_related(\"...\")"},
    Orm{{"sqlalchemy", "flask_sqlalchemy"},
        "options(joinedload(...))",
        "options(selectinload(...))"},
    Orm{{"sequelize", "sequelize"},
        "include: [Model] in findAll()",
        "include: [Model] in findAll()"},
    Orm{{"typeorm", "typeorm"},
        "relations: { name: true } in find(), or leftJoinAndSelect()",
        "relations: { name: true } in find(), or leftJoinAndSelect()"},
    Orm{{"prisma", "prisma"},
        "include: { name: true } in findMany()",
        "include: { name: true } in findMany()"},
    Orm{{"rails", "activerecord"}, "includes(:name)", "includes(:name)"},
    Orm{{"hibernate", "spring"},
        "JOIN FETCH, or an entity graph",
        "JOIN FETCH, or @BatchSize on the collection"},
    Orm{{"laravel", "eloquent"}, "with('name')", "with('name')"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

const Orm* orm_named(std::string_view where) {
  const std::string text = lower(where);
  for (const Orm& orm : kOrms) {
    for (const std::string_view name : orm.names) {
      if (text.find(name) != text.npos) return &orm;
    }
  }
  return nullptr;
}

// Who writes SQL like that. The oldest habits of each: quoting and aliases.
const Orm* orm_by_style(std::string_view text) {
  const std::size_t from = text.find(" from ");
  if (!text.starts_with("select ") || from == text.npos) return nullptr;
  const std::string_view list = text.substr(7, from - 7), rest = text.substr(from + 6);
  const std::string_view table = rest.substr(0, rest.find(' '));
  const auto listed = [&](std::string_view part) { return list.find(part) != list.npos; };
  if (list.starts_with("\"public\".\"")) return orm_named("prisma");
  if (listed("0_.") || listed("1_0.")) return orm_named("hibernate");
  if (!table.starts_with('"')) {
    // books.id as books_id
    return listed(std::string(table) + ".") && listed(" as " + std::string(table) + "_")
               ? orm_named("sqlalchemy")
               : nullptr;
  }
  const std::string_view behind = rest.substr(std::min(rest.size(), table.size()));
  if (behind.starts_with(" as \"")) return orm_named("sequelize");
  if (behind.starts_with(" \"")) return orm_named("typeorm");
  if (list == std::string(table) + ".*") return orm_named("rails");
  return list.starts_with(std::string(table) + ".\"") ? orm_named("django") : nullptr;
}

const Orm* orm_of(const Loop& loop, const Template* statement) {
  for (const CallerStats& stats : loop.callers) {
    if (const Orm* orm = orm_named(stats.caller.tags)) return orm;
  }
  for (const CallerStats& stats : loop.callers) {
    if (const Orm* orm = orm_named(stats.caller.application)) return orm;
  }
  return statement == nullptr ? nullptr : orm_by_style(statement->text());
}

std::string orm_for(const Loop& loop, const Template* statement) {
  if (loop.kind == LoopKind::duplicate || loop.kind == LoopKind::repeated) return {};
  const Orm* orm = orm_of(loop, statement);
  if (orm == nullptr) return {};
  // A row's foreign key looked up by id is one row, the row's id looked up elsewhere may be many.
  const bool to_one = key_of(loop, statement) == "id" && loop.source_column != "id";
  return std::string(to_one ? orm->to_one : orm->to_many);
}

}  // namespace

LoopAdvice advice_for(const Loop& loop, const Template* statement, const Template* source) {
  return {.sentence = sentence_for(loop, statement, source),
          .sql = sql_for(loop, statement),
          .orm = orm_for(loop, statement)};
}

}  // namespace sluice::query
