#include "session/postgres_statement.h"

#include <thread>

#include <gtest/gtest.h>

namespace sluice::postgres {
namespace {

query::Known nothing(std::string_view) { return {}; }
StatementRef made(StatementTable& table, const StatementKey& key) {
  return table.intern(key, nothing);
}

TEST(StatementTableTest, equal_statements_are_one_object_examined_once) {
  StatementTable table;
  int examined = 0;
  auto examine = [&](std::string_view text) {
    ++examined;
    return query::Known{
        .analysis = {.verb = query::Verb::select, .deallocates = text.substr(0, 6)}};
  };
  std::string text = "select 1";
  auto first = table.intern({text, {}, {}, 0}, examine);
  auto second = table.intern({text, {}, {}, 0}, examine);
  EXPECT_EQ(first, second);
  EXPECT_EQ(examined, 1);
  text.assign(text.size(), 'x');
  EXPECT_EQ(first->text, "select 1");
  EXPECT_EQ(first->known.analysis.deallocates, "select")
      << "views point into the statement's own text";
}

TEST(StatementTableTest, whatever_changes_a_parse_makes_another_statement) {
  StatementTable table;
  const StatementKey key{"select $1", "", "", 0};
  std::vector<StatementRef> all = {
      made(table, key),
      made(table, {"select $2", "", "", 0}),
      made(table, {"select $1", std::string_view("\0\0\0\x17", 4), "", 0}),
      made(table, {"select $1", "", std::string_view("datestyle:German\0", 17), 0}),
      made(table, {"select $1", "", "", 1}),
  };
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j) {
      EXPECT_EQ(all[i] == all[j], i == j);
      EXPECT_EQ(all[i]->server_name == all[j]->server_name, i == j) << i << j;
      EXPECT_EQ(all[i]->same_as(*all[j]), i == j) << i << j;
    }
  EXPECT_EQ(made(table, key), all[0]);
}

TEST(StatementTableTest, text_does_not_run_over_into_types_or_settings) {
  StatementTable table;
  auto a = made(table, {"ab", "c", "d", 0});
  auto b = made(table, {"a", "bc", "d", 0});
  auto c = made(table, {"ab", "", "cd", 0});
  EXPECT_NE(a->server_name, b->server_name);
  EXPECT_NE(a->server_name, c->server_name);
}

TEST(StatementTableTest, the_same_statement_has_the_same_name_on_every_worker) {
  StatementTable one, other;
  const StatementKey key{"select 1", "", "", 3};
  auto a = made(one, key), b = made(other, key);
  EXPECT_EQ(a->server_name, b->server_name);
  EXPECT_TRUE(a->same_as(*b));
  EXPECT_LT(a->server_name.size(), 64u) << "PostgreSQL cuts names in SQL there";
}

TEST(StatementTableTest, superseded_statement_gets_a_successor_of_another_name) {
  StatementTable table;
  const StatementKey key{"select * from t", "", "", 0};
  auto old = made(table, key);
  table.supersede(*old);
  auto next = made(table, key);
  EXPECT_NE(next, old);
  EXPECT_NE(next->server_name, old->server_name);
  EXPECT_EQ(made(table, key), next);
  table.supersede(*old);
  EXPECT_EQ(made(table, key), next) << "only the one that went stale is superseded";
  table.supersede(*next);
  auto third = made(table, key);
  EXPECT_NE(third->server_name, next->server_name);
  EXPECT_NE(third->server_name, old->server_name);
}

TEST(StatementTableTest, unused_statements_are_let_go) {
  StatementTable table;
  auto kept = made(table, {"kept", "", "", 0});
  for (int i = 0; i < 20'000; ++i) (void)made(table, {"select " + std::to_string(i), "", "", 0});
  EXPECT_LT(table.size(), 3000u);
  EXPECT_EQ(made(table, {"kept", "", "", 0}), kept);
}

TEST(ClientStatementsTest, bytes_are_those_of_what_is_prepared) {
  StatementTable table;
  ClientStatements names(table.memory());
  EXPECT_EQ(names.bytes(), 0u);
  EXPECT_EQ(names.find("a"), nullptr);
  auto one = made(table, {"select 1", "", "", 0});
  auto big = made(table, {std::string(10'000, 'x'), "", "", 0});
  names.put("a", one);
  names.put("b", big);
  const std::size_t name = ClientStatements::bytes_of_name("a");
  EXPECT_EQ(names.bytes(), one->bytes() + big->bytes() + 2 * name);
  EXPECT_GT(big->bytes(), 10'000u);
  names.put("a", big);
  EXPECT_EQ(names.bytes(), 2 * (big->bytes() + name)) << "replaced, not added";
  EXPECT_EQ(names.size(), 2u);
  names.erase("a");
  names.erase("a");
  names.erase("unknown");
  EXPECT_EQ(names.bytes(), big->bytes() + name);
  EXPECT_EQ(*names.find("b"), big);
  names.clear();
  EXPECT_EQ(names.bytes(), 0u);
  EXPECT_EQ(names.size(), 0u);
}

TEST(ClientStatementsTest, names_are_bytes) {
  StatementTable table;
  ClientStatements names(table.memory());
  auto one = made(table, {"select 1", "", "", 0});
  names.put("S", one);
  EXPECT_EQ(names.find("s"), nullptr);
  EXPECT_NE(names.find("S"), nullptr);
  names.put(std::string(100'000, 'n'), one);
  EXPECT_NE(names.find(std::string(100'000, 'n')), nullptr);
}

TEST(StatementMemoryTest, statement_counts_once_and_each_name_for_it) {
  auto memory = std::make_shared<StatementMemory>();
  StatementTable here(memory), there(memory);
  const StatementKey key{std::string_view("select 1"), "", "", 0};
  {
    ClientStatements a(*memory), b(*memory);
    auto statement = made(here, key);
    EXPECT_EQ(memory->bytes(), statement->bytes());
    a.put("s", statement);
    b.put("longer", made(here, key));
    const std::size_t names =
        ClientStatements::bytes_of_name("s") + ClientStatements::bytes_of_name("longer");
    EXPECT_EQ(memory->bytes(), statement->bytes() + names);
    EXPECT_EQ(statement->clients, 2u);
    a.put("s", made(there, key));
    EXPECT_EQ(memory->bytes(), 2 * statement->bytes() + names) << "each worker has its own";
    EXPECT_EQ(statement->clients, 1u);
    b.erase("longer");
    EXPECT_EQ(statement->clients, 0u);
  }
  EXPECT_EQ(memory->bytes(), 0u);
}

TEST(StatementMemoryTest, what_outlives_its_table_is_counted_until_it_ends) {
  auto memory = std::make_shared<StatementMemory>();
  auto table = std::make_unique<StatementTable>(memory);
  StatementRef kept = made(*table, {std::string(5'000, 'x'), "", "", 0});
  table.reset();
  EXPECT_GE(memory->bytes(), 5'000u);
  std::thread([&] { kept.reset(); }).join();
  EXPECT_EQ(memory->bytes(), 0u);
}

class ServerStatementsTest : public ::testing::Test {
 protected:
  StatementRef named(int i) { return made(table_, {"select " + std::to_string(i), "", "", 0}); }
  StatementTable table_;
};

TEST_F(ServerStatementsTest, least_recently_used_is_surplus_at_the_limit) {
  ServerStatements server(3);
  auto a = named(1), b = named(2), c = named(3), d = named(4);
  for (const auto& s : {a, b}) server.add(s);
  EXPECT_EQ(server.surplus(*c), nullptr);
  server.add(c);
  EXPECT_EQ(server.surplus(*d), a);
  EXPECT_TRUE(server.use(*a));
  EXPECT_EQ(server.surplus(*d), b);
  server.erase(*b);
  EXPECT_FALSE(server.use(*b));
  EXPECT_EQ(server.surplus(*d), nullptr);
  server.add(d);
  EXPECT_EQ(server.size(), 3u);
}

TEST_F(ServerStatementsTest, no_limit_means_none) {
  ServerStatements server(0);
  for (int i = 0; i < 500; ++i) server.add(named(i));
  EXPECT_EQ(server.surplus(*named(500)), nullptr);
  EXPECT_EQ(server.size(), 500u);
}

TEST_F(ServerStatementsTest, those_without_a_name_at_any_client_can_be_taken_out) {
  ServerStatements server(0);
  ClientStatements names(table_.memory());
  for (int i = 0; i < 5; ++i) server.add(named(i));
  names.put("first", named(0));
  names.put("third", named(2));
  const auto taken = server.take_orphans();
  EXPECT_EQ(taken, (std::vector{named(1), named(3), named(4)})) << "least recently used first";
  EXPECT_EQ(server.size(), 2u);
  EXPECT_TRUE(server.use(*named(0)));
  EXPECT_FALSE(server.use(*named(1)));
  EXPECT_TRUE(server.take_orphans().empty());
  names.clear();
  EXPECT_EQ(server.take_orphans().size(), 2u);
}

TEST_F(ServerStatementsTest, taking_out_looks_at_a_bounded_number) {
  ServerStatements server(0);
  for (int i = 0; i < 150; ++i) server.add(named(i));
  EXPECT_EQ(server.take_orphans().size(), 100u);
  EXPECT_EQ(server.take_orphans().size(), 50u);
}

TEST_F(ServerStatementsTest, adding_again_is_using) {
  ServerStatements server(2);
  auto a = named(1), b = named(2);
  server.add(a);
  server.add(b);
  server.add(a);
  EXPECT_EQ(server.size(), 2u);
  EXPECT_EQ(server.surplus(*named(3)), b);
  server.clear();
  EXPECT_EQ(server.size(), 0u);
  EXPECT_FALSE(server.use(*a));
}

// Equal hashes of different texts: made by hand, since nobody finds one.
TEST_F(ServerStatementsTest, another_statement_of_the_same_name_has_to_go_first) {
  ServerStatements server(100);
  auto a = std::make_shared<Statement>(), b = std::make_shared<Statement>();
  a->server_name = b->server_name = "sluice_0";
  a->text = "select 1";
  b->text = "select 2";
  server.add(a);
  EXPECT_FALSE(server.use(*b));
  EXPECT_EQ(server.surplus(*b), a);
  server.erase(*a);
  server.add(b);
  EXPECT_TRUE(server.use(*b));
  EXPECT_EQ(server.size(), 1u);
}

// The table's views must not outlive the statement that they point into.
TEST_F(ServerStatementsTest, equal_statement_of_another_worker_takes_the_place) {
  ServerStatements server(100);
  StatementTable other;
  auto here = named(1);
  server.add(here);
  auto there = made(other, {"select 1", "", "", 0});
  server.add(there);
  here.reset();
  EXPECT_TRUE(server.use(*there));
  EXPECT_EQ(server.size(), 1u);
}

}  // namespace
}  // namespace sluice::postgres
