// The journal a worker writes: what the detector finds in it, and what happens when nobody reads.
#include "query/journal_writer.h"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/workload_testing.h"

namespace sluice::query {
namespace {

using namespace std::string_literals;
using testing::Execution;
using testing::kStart;
using testing::text;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct Record {
  RecordHead::Kind kind;
  EventBody event;
  std::vector<std::uint64_t> numbers;  // behind an event
  std::string bytes;                   // of the others
};

std::vector<Record> records_of(std::string_view journal) {
  std::vector<Record> records;
  while (!journal.empty()) {
    RecordHead head;
    if (journal.size() < sizeof head) throw std::runtime_error("half a head");
    std::memcpy(&head, journal.data(), sizeof head);
    if (head.size % 8 != 0 || head.size > journal.size()) throw std::runtime_error("a wrong size");
    std::string_view rest = journal.substr(sizeof head, head.size - sizeof head);
    Record record{.kind = head.kind};
    if (head.kind == RecordHead::Kind::event) {
      std::memcpy(&record.event, rest.data(), sizeof record.event);
      rest.remove_prefix(sizeof record.event);
      record.numbers.resize(rest.size() / 8);
      if (!rest.empty()) std::memcpy(record.numbers.data(), rest.data(), rest.size());
    } else {
      record.bytes = rest;
    }
    records.push_back(record);
    journal.remove_prefix(head.size);
  }
  return records;
}

class JournalTest : public ::testing::Test {
 protected:
  TemplateRef intern(const std::string& query) {
    Normaliser normaliser;
    return templates_.intern(normaliser.read(query), query, Dialect::postgres, false);
  }

  Templates templates_;
  Workload workload_{WorkloadOptions{}, 1, templates_};
  Recorder& recorder_ = workload_.recorder(0);
};

TEST_F(JournalTest, an_event_tells_a_statement_and_its_rows_by_identity) {
  const TemplateRef statement = intern("select id, name from users where id = 5");
  const Value five = text("5");
  RunRef run = recorder_.begin(
      {.statement = statement, .values = {&five, 1}, .client = 9, .arrived = kStart});
  run->sent(kStart + 1ms);
  const Run::Column columns[] = {{.name = "id", .type = 23}, {.name = "name", .type = 25}};
  run->columns(columns);
  ASSERT_TRUE(run->row(10, kStart + 3ms));
  const Value fields[] = {text("5", 23), text("x", 25)};
  run->fields(fields);
  run->finish({.at = kStart + 4ms, .rows = 1});

  const auto records = records_of(recorder_.take_journal());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].kind, RecordHead::Kind::shape);
  EXPECT_EQ(records[0].bytes.substr(sizeof(Fingerprint), 8), "id\0name\0"s);
  const EventBody& event = records[1].event;
  EXPECT_EQ(event.statement, statement->fingerprint());
  EXPECT_EQ(event.client, 9U);
  EXPECT_EQ(event.caller, 0U);
  EXPECT_EQ(event.took, Duration(4ms).count());
  EXPECT_EQ(event.server, Duration(2ms).count());
  EXPECT_EQ(event.rows, 1U);
  EXPECT_TRUE(event.select);
  EXPECT_FALSE(event.failed);
  EXPECT_NE(event.values, 0U);
  EXPECT_THAT(records[1].numbers,
              ElementsAre(identity_of(five), identity_of(five), identity_of(text("x"))));
}

TEST_F(JournalTest, fields_are_read_by_the_types_of_their_columns) {
  RunRef run = recorder_.begin({.statement = intern("select id from users"), .arrived = kStart});
  ASSERT_TRUE(run->wants_columns());
  const Run::Column column{.name = "id", .type = 23, .form = Value::Form::binary};
  run->columns({&column, 1});
  ASSERT_TRUE(run->row(10, kStart + 3ms));
  const std::string five("\0\0\0\5", 4);
  const Value fields[] = {{.bytes = five}};
  run->fields(fields);
  EXPECT_FALSE(run->wants_columns());
  run->finish({.at = kStart + 4ms});
  const auto records = records_of(recorder_.take_journal());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_THAT(records[1].numbers, ElementsAre(identity_of(text("5"))));
}

TEST_F(JournalTest, shapes_and_callers_are_told_once) {
  const TemplateRef statement = intern("select id from users");
  for (int i = 0; i < 3; ++i) {
    RunRef run = recorder_.begin({.statement = statement,
                                  .application = "shop",
                                  .comment = "controller='users'",
                                  .arrived = kStart});
    const Run::Column column{.name = i < 2 ? "id" : "other"};
    run->columns({&column, 1});
    run->finish({.at = kStart + 1ms});
  }
  const auto records = records_of(recorder_.take_journal());
  std::vector<RecordHead::Kind> kinds;
  for (const Record& record : records) kinds.push_back(record.kind);
  using enum RecordHead::Kind;
  EXPECT_THAT(kinds, ElementsAre(caller, shape, event, event, shape, event));
  EXPECT_EQ(records[0].bytes.substr(8, 22), "shop\0controller=users\0"s);
  std::uint64_t hash = 0;
  std::memcpy(&hash, records[0].bytes.data(), sizeof hash);
  EXPECT_EQ(records[2].event.caller, hash);
  EXPECT_TRUE(recorder_.take_journal().empty());
}

TEST_F(JournalTest, only_a_plain_select_has_its_fields_taken) {
  for (const char* query :
       {"select id from users for update", "update users set id = 1 returning id"}) {
    RunRef run = recorder_.begin({.statement = intern(query), .arrived = kStart});
    EXPECT_FALSE(run->row(10, kStart)) << query;
    run->finish({.at = kStart + 1ms, .sqlstate = "40001"});
  }
  for (const Record& record : records_of(recorder_.take_journal())) {
    EXPECT_FALSE(record.event.select);
    EXPECT_TRUE(record.event.failed);
  }
}

TEST_F(JournalTest, rows_and_columns_are_bounded) {
  RunRef run = recorder_.begin({.statement = intern("select * from wide"), .arrived = kStart});
  const std::vector<Value> fields(20, text("1"));
  unsigned wanted = 0;
  for (int i = 0; i < 500; ++i) {
    if (!run->row(100, kStart + 1ms)) continue;
    run->fields(fields);
    ++wanted;
  }
  run->finish({.at = kStart + 2ms});
  EXPECT_EQ(wanted, EventBody::kMaxRows);
  const auto records = records_of(recorder_.take_journal());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].event.rows, 500U);
  EXPECT_EQ(records[0].event.columns, EventBody::kMaxColumns);
  EXPECT_EQ(records[0].numbers.size(), EventBody::kMaxRows * EventBody::kMaxColumns);
}

TEST_F(JournalTest, values_differ_by_order_and_by_those_behind_the_eighth) {
  const TemplateRef statement = intern("select 1");
  std::vector<std::uint64_t> seen;
  std::vector<Value> values(10, text("1"));
  const auto run = [&] {
    Execution{.statement = statement, .values = values}.on(recorder_);
    const auto records = records_of(recorder_.take_journal());
    seen.push_back(records.at(0).event.values);
    EXPECT_EQ(records[0].event.params, EventBody::kMaxParams);
  };
  run();
  values[9] = text("2");
  run();
  std::swap(values[9], values[8]);
  run();
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[1], seen[2]);
}

TEST_F(JournalTest, beyond_its_bound_events_are_lost_and_counted) {
  const TemplateRef statement = intern("select 1");
  constexpr std::uint64_t kEvents = 100'000;
  for (std::uint64_t i = 0; i < kEvents; ++i) Execution{.statement = statement}.on(recorder_);
  const std::string journal = recorder_.take_journal();
  EXPECT_LE(journal.size(), JournalWriter::kMaxBytes);
  EXPECT_GT(journal.size(), JournalWriter::kMaxBytes * 9 / 10);
  EXPECT_EQ(records_of(journal).size() + workload_.totals().journal_lost, kEvents);
  Execution{.statement = statement}.on(recorder_);
  EXPECT_EQ(records_of(recorder_.take_journal()).size(), 1U);
}

TEST_F(JournalTest, none_is_written_when_it_is_off) {
  WorkloadOptions options;
  options.journal = false;
  workload_.configure(options);
  RunRef run = recorder_.begin({.statement = intern("select id from users"), .arrived = kStart});
  EXPECT_FALSE(run->row(10, kStart));
  run->finish({.at = kStart + 1ms});
  EXPECT_TRUE(recorder_.take_journal().empty());
}

}  // namespace
}  // namespace sluice::query
