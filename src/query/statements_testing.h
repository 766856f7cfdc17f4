// For tests: statements of PostgreSQL 15, those written by hand (testdata/postgres.sql) and random ones
// from a small grammar, the same for the same seed.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace sluice::query::testing {

inline std::vector<std::string> written_statements() {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "testdata/postgres.sql");
  std::vector<std::string> statements;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with("##")) continue;
    if (line.starts_with(' ') && !statements.empty()) {
      statements.back() += '\n' + line;
    } else {
      statements.push_back(line);
    }
  }
  return statements;
}

// What real programs sent: the recordings of tests/data/loops, each text once.
inline std::set<std::string> recorded_statements() {
  const auto root = std::filesystem::path(__FILE__).parent_path() / "../..";
  std::set<std::string> statements;
  for (const auto& file : std::filesystem::directory_iterator(root / "tests/data/loops")) {
    if (file.path().extension() != ".jsonl") continue;
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);)
      if (const auto said = nlohmann::json::parse(line); said.contains("text"))
        statements.insert(said["text"].get<std::string>());
  }
  return statements;
}

// Writes statements token by token; between tokens stands a \1 until the blanks are chosen.
class StatementWriter {
 public:
  explicit StatementWriter(std::uint64_t seed) : random_(seed) {}

  std::string statement() {
    std::string text = pick(12) == 0 ? with() + query() : query();
    if (pick(10) == 0) text += ";\1";
    return spaced(text);
  }

  std::string literal() {
    switch (pick(9)) {
      case 0: return std::to_string(pick(1'000'000));
      case 1: return std::to_string(pick(100)) + "." + std::to_string(pick(100));
      case 2: return "'" + word() + "'";
      case 3: return "'it''s " + word() + " ? \"q\" -- /* $1 ;'";
      case 4: return "E'" + word() + "\\'\\n'";
      case 5: return "$q$" + word() + " ' $$ $q$";
      case 6: return pick(2) == 0 ? "B'101'" : "X'1F'";
      case 7: return "1e" + std::to_string(pick(9));
      default: return "'" + std::to_string(pick(10'000)) + "'";
    }
  }

  std::size_t pick(std::size_t below) { return random_() % below; }

 private:
  template <std::size_t count>
  std::string one_of(const std::array<const char*, count>& of) {
    return of[pick(count)];
  }
  bool chance(unsigned percent) { return pick(100) < percent; }

  std::string word() {
    return one_of(std::array{"ann", "bob", "x", "", "2024-01-01", "{1,2}", "größe", "a;b"});
  }
  // A keyword or several, each with a \1 behind it, upper or lower case.
  std::string key(std::string_view words) {
    std::string text(words);
    const bool upper = chance(50);
    for (char& c : text)
      c = upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c == ' ' ? '\1' : c;
    return text + '\1';
  }
  std::string table() {
    return one_of(std::array{"users\1", "orders\1", "items\1", "\"Mixed Case\"\1", "s.logs\1",
                             "public.\"T\"\1"});
  }
  std::string column() {
    return one_of(std::array{"id\1", "name\1", "total\1", "a.id\1", "b.name\1", "\"Col\"\1",
                             "a.\"x y\"\1", "data\1"});
  }
  std::string plain_column() {
    return one_of(std::array{"id\1", "name\1", "total\1", "\"Col\"\1", "data\1"});
  }
  std::string value() {
    if (chance(12)) return "$" + std::to_string(1 + pick(9)) + "\1";
    if (chance(8)) return key(one_of(std::array{"null", "true", "false", "current_date"}));
    if (chance(8)) return "-\1" + std::to_string(pick(99)) + "\1";
    return literal() + "\1";
  }
  std::string many(std::size_t least, std::size_t most, auto&& item) {
    std::string text = item();
    for (std::size_t i = least + pick(most - least + 1); i > 1; --i) text += ",\1" + item();
    return text;
  }

  std::string expression(unsigned depth = 3) {
    if (depth == 0) return chance(50) ? column() : value();
    switch (pick(16)) {
      case 0:
        return expression(depth - 1) +
               one_of(std::array{"+", "-", "*", "/", "||", "->", "->>", "#>", "&", "^"}) + "\1" +
               expression(depth - 1);
      case 1: return "(\1" + expression(depth - 1) + ")\1";
      case 2:
        return one_of(std::array{"lower", "coalesce", "now", "greatest", "my.func", "f"}) + "(\1" +
               many(1, 3, [&] { return expression(depth - 1); }) + ")\1";
      case 3:
        return "(\1" + expression(depth - 1) + ")::\1" +
               one_of(std::array{"text\1", "int\1", "numeric(10,\0012)\1", "varchar(5)\1",
                                 "jsonb\1", "int[]\1"});
      case 4: return key("cast") + "(\1" + expression(depth - 1) + key("as") + "bigint\1)\1";
      case 5:
        return key("case when") + condition(depth - 1) + key("then") + expression(depth - 1) +
               key("else") + value() + key("end");
      case 6: return "(\1" + select(depth - 1) + ")\1";
      case 7: return key("array") + "[\1" + many(1, 4, [&] { return value(); }) + "]\1";
      case 8:
        return key("count") + "(\1*)\1" + key("filter") + "(\1" + key("where") +
               condition(depth - 1) + ")\1";
      case 9:
        return key("sum") + "(\1" + expression(depth - 1) + ")\1" + key("over") + "(\1" +
               key("partition by") + column() + key("order by") + column() + ")\1";
      case 10: return key("interval") + "'1 day'\1";
      case 11: return key("extract") + "(\1" + key("year from") + expression(depth - 1) + ")\1";
      default: return chance(50) ? column() : value();
    }
  }
  std::string comparison(unsigned depth) {
    switch (pick(depth == 0 ? 10 : 12)) {
      case 0: return column() + key("in") + "(\1" + many(1, 5, [&] { return value(); }) + ")\1";
      case 1: return column() + key("between") + value() + key("and") + value();
      case 2: return column() + key(one_of(std::array{"like", "not like", "ilike"})) + value();
      case 3: return column() + key(one_of(std::array{"is null", "is not null"}));
      case 10: return key("exists") + "(\1" + select(depth - 1) + ")\1";
      case 11: return column() + key("in") + "(\1" + select(depth - 1) + ")\1";
      case 6: return "(\1id\1,\1name\1)\1=\1(\1" + value() + ",\1" + value() + ")\1";
      case 7:
        return "data\1" + one_of(std::array{"?\1", "?|\1", "?&\1", "@>\1", "@?\1", "@@\1"}) +
               value();
      case 8: return column() + "=\1" + key("any") + "(\1" + value() + ")\1";
      case 9:
        return expression(depth) + one_of(std::array{"<", ">", "<=", ">=", "<>", "!=", "="}) +
               "\1" + expression(depth);
      default:
        return column() + one_of(std::array{"=", "<", ">", "<>", "operator(pg_catalog.=)"}) + "\1" +
               value();
    }
  }
  std::string condition(unsigned depth) {
    std::string text = "(\1" + comparison(depth == 0 ? 0 : depth - 1) + ")\1";
    for (std::size_t i = pick(3); i > 0; --i) {
      text += key(one_of(std::array{"and", "or", "and not"})) + "(\1" +
              comparison(depth == 0 ? 0 : depth - 1) + ")\1";
    }
    return text;
  }
  std::string from(unsigned depth) {
    std::string text = key("from");
    if (depth > 0 && chance(12)) {
      text += "(\1" + select(depth - 1) + ")\1" + key("as") + "a\1";
    } else if (chance(8)) {
      text += "(\1" + key("values") + "(\1" + value() + ",\1" + value() +
              ")\1)\1a\1(\1id\1,\1name\1)\1";
    } else {
      text += table() + "a\1";
    }
    for (std::size_t i = pick(3); i > 0; --i) {
      text += key(one_of(std::array{"join", "left join", "inner join", "full outer join"})) +
              table() + (chance(50) ? "b\1" : "b2\1") + key("on") + condition(0);
    }
    return text;
  }
  std::string select(unsigned depth) {
    std::string text = key("select") + (chance(10) ? key("distinct") : "");
    text += chance(20) ? "*\1" : many(1, 4, [&] {
      return expression(depth) + (chance(20) ? key("as") + "\"out\"\1" : "");
    });
    if (chance(90)) text += from(depth);
    if (chance(70)) text += key("where") + condition(depth);
    if (chance(15))
      text += key("group by") + many(1, 2, [&] { return column(); }) +
              (chance(40) ? key("having") + condition(0) : "");
    if (chance(10))
      text += key(one_of(std::array{"union", "union all", "intersect", "except"})) +
              select(depth == 0 ? 0 : depth - 1);
    else if (chance(25))
      text += tail();
    return text;
  }
  std::string tail() {
    std::string text;
    if (chance(70))
      text += key("order by") + many(1, 3, [&] {
                return (chance(30) ? std::to_string(1 + pick(3)) + "\1" : column()) +
                       (chance(30) ? key("desc") : "");
              });
    if (chance(60))
      text += key("limit") + std::to_string(pick(100)) + "\1" +
              (chance(30) ? key("offset") + std::to_string(pick(100)) + "\1" : "");
    return text;
  }
  std::string insert() {
    std::string text = key("insert into") + table();
    text += "(\1id\1,\1name\1,\1total\1)\1";
    if (chance(25)) return text + select(1);
    text += key("values") + many(1, 4, [&] {
              return "(\1" + value() + ",\1" + expression(1) + ",\1" +
                     (chance(20) ? key("default") : value()) + ")\1";
            });
    if (chance(20))
      text += key("on conflict") + "(\1id\1)\1" + key("do update set") +
              "name\1=\1excluded.name\1,\1total\1=\1" + value();
    if (chance(30)) text += key("returning") + "id\1";
    return text;
  }
  std::string update() {
    std::string text = key("update") + table() + key("set");
    text += many(1, 3, [&] { return plain_column() + "=\1" + expression(2); });
    if (chance(15)) text += from(1);
    if (chance(85)) text += key("where") + condition(2);
    return text;
  }
  std::string query() {
    switch (pick(12)) {
      case 0:
      case 1: return insert();
      case 2: return update();
      case 3: return key("delete from") + table() + key("where") + condition(2);
      case 4:
        return "(\1" + select(1) + ")\1" + key("union all") + "(\1" + select(1) + ")\1" + tail();
      default: return select(3);
    }
  }
  std::string with() {
    return key("with") + "cte1\1" + key("as") + "(\1" + select(1) + ")\1,\1cte2\1" + key("as") +
           "(\1" + key("select") + "id\1" + key("from") + "cte1\1" + key("where") + "id\1=\1" +
           value() + ")\1";
  }

  std::string spaced(const std::string& text) {
    std::string spaced;
    const bool plain = chance(60);
    for (const char c : text) {
      if (c != '\1') {
        spaced += c;
      } else if (plain || chance(80)) {
        spaced += ' ';
      } else {
        spaced +=
            one_of(std::array{"  ", "\n", "\t", " /* it's */ ", " -- \"c\n", " /* /* */ */ "});
      }
    }
    return spaced;
  }

  std::mt19937_64 random_;
};

}  // namespace sluice::query::testing
