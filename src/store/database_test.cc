// The database: what it keeps, and what it does with files that aren't what they should be.
#include "store/database.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "store/store_testing.h"

namespace sluice::store {
namespace {

using testing::TestFolder;

constexpr std::array<std::string_view, 1> kFirst = {"CREATE TABLE t (id INTEGER, name TEXT)"};
constexpr std::array<std::string_view, 2> kBoth = {
    kFirst[0], "ALTER TABLE t ADD COLUMN more BLOB; CREATE INDEX by_name ON t (name)"};

class DatabaseTest : public ::testing::Test {
 protected:
  Result<Database> open(std::span<const std::string_view> migrations = kBoth) {
    return Database::open({.path = path_, .migrations = migrations, .now = 1700000000});
  }
  static std::int64_t rows(Database& database) {
    auto count = database.prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(count && count->step().value_or(false));
    return count->integer(0);
  }

  TestFolder folder_;
  std::string path_ = folder_.path("some.db");
};

TEST_F(DatabaseTest, values_come_back_as_they_went) {
  auto database = open();
  ASSERT_TRUE(database) << database.error().text();
  auto insert = database->prepare("INSERT INTO t VALUES (?, ?, ?)");
  ASSERT_TRUE(insert);
  const std::string blob("\0\xff", 2);
  ASSERT_TRUE(insert->bind(1, INT64_MIN).bind(2, "it's").bind_blob(3, blob).run());
  ASSERT_TRUE(insert->bind(1, 7).bind(2, "").bind_blob(3, "").run());
  auto select = database->prepare("SELECT id, name, more FROM t ORDER BY id");
  ASSERT_TRUE(select->step().value());
  EXPECT_EQ(select->integer(0), INT64_MIN);
  EXPECT_EQ(select->text(1), "it's");
  EXPECT_EQ(select->blob(2), blob);
  ASSERT_TRUE(select->step().value());
  EXPECT_EQ(select->text(1), "");
  EXPECT_FALSE(select->step().value());
}

TEST_F(DatabaseTest, what_was_committed_survives_and_the_rest_doesnt) {
  {
    auto database = open();
    auto kept = Transaction::begin(*database);
    ASSERT_TRUE(database->run("INSERT INTO t (id) VALUES (1)"));
    ASSERT_TRUE(kept->commit());
    auto dropped = Transaction::begin(*database);
    ASSERT_TRUE(database->run("INSERT INTO t (id) VALUES (2)"));
  }
  auto database = open();
  EXPECT_EQ(rows(*database), 1);
  EXPECT_EQ(database->moved_aside(), "");
}

TEST_F(DatabaseTest, an_older_file_is_brought_up) {
  {
    auto database = open(kFirst);
    ASSERT_TRUE(database->run("INSERT INTO t VALUES (1, 'x')"));
  }
  auto database = open(kBoth);
  ASSERT_TRUE(database) << database.error().text();
  EXPECT_TRUE(database->run("INSERT INTO t VALUES (2, 'y', x'00')"));
  EXPECT_EQ(rows(*database), 2);
}

TEST_F(DatabaseTest, a_newer_file_is_refused_and_left_alone) {
  {
    ASSERT_TRUE(open(kBoth));
  }
  const auto refused = open(kFirst);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_TRUE(open(kBoth));
}

TEST_F(DatabaseTest, what_is_no_database_is_moved_aside) {
  std::ofstream(path_) << std::string(10'000, 'x');
  auto database = open();
  ASSERT_TRUE(database) << database.error().text();
  EXPECT_EQ(database->moved_aside(), path_ + ".corrupt-1700000000");
  EXPECT_EQ(std::filesystem::file_size(database->moved_aside()), 10'000U);
  EXPECT_EQ(rows(*database), 0);
}

TEST_F(DatabaseTest, a_damaged_page_is_found_and_moved_aside) {
  {
    auto database = open();
    for (int i = 0; i < 200; ++i)
      ASSERT_TRUE(database->run("INSERT INTO t VALUES (1, hex(randomblob(200)), NULL)"));
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 3);
    file << std::string(8192, '\xa5');
  }
  auto database = open();
  ASSERT_TRUE(database) << database.error().text();
  EXPECT_NE(database->moved_aside(), "");
  EXPECT_EQ(rows(*database), 0);
}

TEST_F(DatabaseTest, a_new_file_is_its_owners_alone) {
  auto database = open();
  ASSERT_TRUE(database->run("INSERT INTO t (id) VALUES (1)"));
  using std::filesystem::perms;
  for (const char* suffix : {"", "-wal"}) {
    const auto mode = std::filesystem::status(path_ + suffix).permissions();
    EXPECT_EQ(mode & (perms::group_all | perms::others_all), perms::none) << suffix;
  }
}

TEST_F(DatabaseTest, errors_are_values) {
  auto database = open();
  EXPECT_FALSE(database->prepare("SELECT * FROM nowhere"));
  EXPECT_FALSE(database->run("INSERT INTO t"));
  auto select = database->prepare("SELECT ?");
  EXPECT_EQ(select->bind(5, 1).run().error().code, Code::invalid_argument);
  const auto nowhere = Database::open({.path = "/nonexistent/x.db", .migrations = kBoth});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::permission_denied);
}

TEST_F(DatabaseTest, another_ones_lock_is_waited_for_and_then_reported) {
  auto one = open();
  auto two =
      Database::open({.path = path_, .migrations = kBoth, .busy = std::chrono::milliseconds(1)});
  ASSERT_TRUE(two);
  auto held = Transaction::begin(*one);
  const auto refused = Transaction::begin(*two);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
}

}  // namespace
}  // namespace sluice::store
