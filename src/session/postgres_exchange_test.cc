// The queue of answers by itself: what is sent and what a server says go in, and what the client sees
// comes out. Frames are written in letters: one for each message that the server sends.
// Long because every kind of answer that may go wrong has a case of its own.
#include "session/postgres_exchange.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session/testing.h"
#include "wire/postgres/backend.h"

namespace sluice::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::Recorder;
using testing::statement;
using testing::told_error;
using Verdict = Exchange::Verdict;

// An exchange, its owner and the server's table, fed by hand as ServerConn feeds it.
class ExchangeTest : public ::testing::Test {
 protected:
  void expect(Await kind) { exchange.expect({.kind = kind}); }
  void expect(std::initializer_list<Await> kinds) {
    for (Await kind : kinds) expect(kind);
  }

  Verdict reply(const std::string& frame) {
    const std::string_view payload = std::string_view(frame).substr(kHeadSize);
    const Verdict verdict = exchange.take(frame[0], payload, table);
    if (verdict == Verdict::pass) owner.out.append(frame);
    if (verdict != Verdict::broken && exchange.owes()) exchange.pay();
    return verdict;
  }
  // One message for each letter, with contents that hold together.
  void replies(std::string_view types) {
    for (char type : types) EXPECT_NE(reply(message(type)), Verdict::broken) << type;
  }
  Verdict error(std::string_view state = "42601") { return reply(told_error(state)); }

  // As PostgresClient does for a Parse that the server hasn't met.
  StatementRef parse(std::string_view name, std::string_view text, bool ours = false) {
    StatementRef made = statement(text);
    table.add(made);
    exchange.expect(
        {.kind = Await::parse, .ours = ours, .statement = made, .name = std::string(name)});
    return made;
  }

  Recorder owner;
  Exchange exchange{owner};
  ServerStatements table{100};
};

// --- plain answers ------------------------------------------------------------------------------------

TEST_F(ExchangeTest, simple_query_is_settled_by_its_ready) {
  EXPECT_TRUE(exchange.settled());
  expect(Await::query);
  replies("TDDC");
  EXPECT_FALSE(exchange.settled());
  replies("TDCIZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "TDDCTDCIZ");
  EXPECT_EQ(owner.readies, "I");
}

TEST_F(ExchangeTest, extended_group_is_settled_by_its_sync) {
  expect({Await::parse, Await::describe, Await::bind, Await::describe, Await::execute, Await::close,
          Await::sync});
  replies("1tT2nDDs3");
  EXPECT_FALSE(exchange.settled());
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "1tT2nDDs3Z");
}

TEST_F(ExchangeTest, each_end_of_an_execute_ends_it) {
  for (char end : {'C', 'I', 's'}) {
    expect({Await::execute, Await::sync});
    replies(std::string{end, 'Z'});
    EXPECT_TRUE(exchange.settled()) << end;
  }
}

TEST_F(ExchangeTest, function_call_is_answered_by_value_and_ready) {
  expect(Await::function);
  replies("VZ");
  EXPECT_TRUE(exchange.settled());
  expect(Await::function);
  error();
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "VZEZ");
}

TEST_F(ExchangeTest, ready_tells_the_transactions_state) {
  for (char status : {'T', 'E', 'I'}) {
    expect(Await::query);
    EXPECT_EQ(reply(message('Z', std::string(1, status))), Verdict::pass);
  }
  EXPECT_EQ(owner.readies, "TEI");
}

TEST_F(ExchangeTest, answers_to_our_own_messages_are_dropped) {
  parse("", "select 1", true);
  expect({Await::bind, Await::execute, Await::sync});
  EXPECT_EQ(reply(message('1')), Verdict::drop);
  replies("2CZ");
  exchange.expect({.kind = Await::close, .ours = true});
  expect({Await::bind, Await::sync});
  EXPECT_EQ(reply(message('3')), Verdict::drop);
  replies("2Z");
  exchange.expect({.kind = Await::sync, .ours = true});
  EXPECT_EQ(reply(message('Z')), Verdict::drop);
  EXPECT_EQ(owner.types(), "2CZ2Z");
  EXPECT_EQ(owner.readies, "III") << "the owner hears of every boundary";
}

TEST_F(ExchangeTest, quiet_exchange_keeps_rows_and_passes_nothing) {
  Exchange quiet(owner, true);
  quiet.expect({.kind = Await::query});
  for (char type : std::string_view("TDDCZ"))
    EXPECT_EQ(quiet.take(type, std::string_view(message(type)).substr(kHeadSize), table),
              Verdict::drop)
        << type;
  EXPECT_EQ(owner.rows, 2);
  EXPECT_TRUE(quiet.settled());
}

// --- owed answers -------------------------------------------------------------------------------------

TEST_F(ExchangeTest, what_is_owed_while_nothing_is_unanswered_goes_out_at_once) {
  exchange.owe(message('1'));
  EXPECT_EQ(owner.types(), "1");
  EXPECT_TRUE(exchange.settled());
}

TEST_F(ExchangeTest, what_is_owed_waits_its_turn) {
  expect({Await::bind, Await::execute});
  exchange.owe(message('1'));
  exchange.owe(message('3'));
  expect(Await::bind);
  exchange.owe(message('1'));
  expect({Await::execute, Await::sync});
  replies("2");
  EXPECT_EQ(owner.types(), "2");
  replies("DC");
  EXPECT_EQ(owner.types(), "2DC13") << "all that is due, and no more";
  replies("2CZ");
  EXPECT_EQ(owner.types(), "2DC1321CZ");
}

TEST_F(ExchangeTest, what_is_owed_last_follows_the_last_answer) {
  expect(Await::query);
  exchange.owe(message('C') + message('Z'));
  replies("CZ");
  EXPECT_EQ(owner.types(), "CZCZ");
  EXPECT_TRUE(exchange.settled());
}

TEST_F(ExchangeTest, parse_that_the_server_knows_costs_it_nothing) {
  exchange.owe(message('1'), "s1");
  exchange.expect({.kind = Await::bind, .statement = statement("select 1")});
  expect({Await::execute, Await::sync});
  replies("2CZ");
  EXPECT_EQ(owner.types(), "12CZ");
  EXPECT_THAT(owner.unparsed, IsEmpty());
}

// --- errors -------------------------------------------------------------------------------------------

TEST_F(ExchangeTest, error_in_a_simple_query_ends_at_its_own_ready) {
  expect({Await::query, Await::query});
  replies("TD");
  error();
  EXPECT_FALSE(exchange.settled());
  replies("ZTDCZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "TDEZTDCZ");
  EXPECT_THAT(owner.errors, ElementsAre("42601"));
}

TEST_F(ExchangeTest, error_in_a_group_skips_to_its_sync_and_no_further) {
  expect({Await::parse, Await::bind, Await::execute, Await::bind, Await::execute, Await::sync});
  expect({Await::bind, Await::execute, Await::sync});
  replies("12");
  error();
  replies("Z2CZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "12EZ2CZ");
}

TEST_F(ExchangeTest, error_takes_back_what_did_not_happen) {
  const StatementRef old = statement("select old");
  table.add(old);
  auto first = parse("first", "select first");
  expect(Await::execute);  // fails
  auto second = parse("second", "select second");
  exchange.owe(message('1'), "third");  // known to the server: answered by us
  exchange.owe(message('3'), "fourth", statement("select 4"));  // closed for the client
  table.erase(*old);
  exchange.expect({.kind = Await::close, .ours = true, .statement = old});  // evicted
  auto fifth = parse("", "select fifth", true);
  expect(Await::sync);
  replies("1");
  error();
  replies("Z");
  EXPECT_TRUE(table.use(*first));
  EXPECT_FALSE(table.use(*second));
  EXPECT_FALSE(table.use(*fifth));
  EXPECT_TRUE(table.use(*old)) << "its Close never ran";
  EXPECT_THAT(owner.unparsed, ::testing::UnorderedElementsAre("second", "third"));
  EXPECT_THAT(owner.unclosed, ElementsAre("fourth"));
  EXPECT_EQ(owner.types(), "1EZ");
}

TEST_F(ExchangeTest, failed_parse_is_taken_back) {
  auto bad = parse("bad", "selekt");
  expect(Await::sync);
  error();
  EXPECT_THAT(owner.unparsed, ElementsAre("bad"));
  EXPECT_FALSE(table.use(*bad));
  replies("Z");
}

TEST_F(ExchangeTest, failed_parse_of_ours_is_the_clients_error_but_not_its_name) {
  auto known = parse("", "select from gone", true);
  expect({Await::bind, Await::sync});
  EXPECT_EQ(error("42P01"), Verdict::pass);
  replies("Z");
  EXPECT_THAT(owner.unparsed, IsEmpty());
  EXPECT_FALSE(table.use(*known));
}

// A name that is closed and given again behind an error still means what it meant before.
TEST_F(ExchangeTest, what_is_taken_back_is_taken_back_in_reverse) {
  expect(Await::execute);  // fails
  exchange.owe(message('3'), "s", statement("select 1"));
  parse("s", "select 2");
  expect(Await::sync);
  error();
  EXPECT_THAT(owner.undone, ElementsAre("unparsed s", "unclosed s"));
}

TEST_F(ExchangeTest, messages_behind_an_error_get_no_answer_until_the_sync) {
  expect({Await::bind, Await::execute});
  error();  // the client has sent a Flush and waits
  EXPECT_TRUE(exchange.settled());
  auto skipped = parse("late", "select late");
  exchange.owe(message('1'), "owed");
  exchange.owe(message('3'), "closed", statement("select 1"));
  expect({Await::bind, Await::execute, Await::query});
  EXPECT_TRUE(exchange.settled()) << "the server skips these";
  EXPECT_THAT(owner.unparsed, ElementsAre("late", "owed"));
  EXPECT_THAT(owner.unclosed, ElementsAre("closed"));
  EXPECT_EQ(owner.types(), "E");
  expect(Await::sync);
  EXPECT_FALSE(exchange.settled());
  replies("Z");
  expect({Await::bind, Await::execute, Await::sync});
  replies("2CZ");
  EXPECT_EQ(owner.types(), "EZ2CZ");
}

// Who prepares it later would find a name in the table that the server never got.
TEST_F(ExchangeTest, parse_and_eviction_skipped_behind_an_error_leave_the_servers_table_as_it_is) {
  const StatementRef old = statement("select old");
  table.add(old);
  expect(Await::execute);
  error();
  table.erase(*old);
  exchange.expect({.kind = Await::close, .ours = true, .statement = old});
  auto skipped = parse("late", "select late");
  auto ours = parse("", "select ours", true);
  EXPECT_TRUE(table.use(*old));
  EXPECT_FALSE(table.use(*skipped));
  EXPECT_FALSE(table.use(*ours));
}

TEST_F(ExchangeTest, refusal_stands_in_the_place_of_the_error_that_it_provoked) {
  Buffer words;
  append_error(words, {.sqlstate = "26000", .message = "prepared statement \"x\" does not exist"});
  expect(Await::bind);
  exchange.expect({.kind = Await::refused, .reply = std::string(words.view())});
  expect({Await::bind, Await::sync});
  replies("2");
  EXPECT_EQ(error("34000"), Verdict::drop);
  replies("Z");
  EXPECT_EQ(owner.types(), "2EZ");
  EXPECT_THAT(owner.text(), ::testing::HasSubstr("26000"));
  EXPECT_THAT(owner.text(), ::testing::Not(::testing::HasSubstr("34000")));
  EXPECT_THAT(owner.errors, IsEmpty());
}

TEST_F(ExchangeTest, refusal_behind_a_real_error_is_never_said) {
  expect(Await::bind);
  exchange.expect({.kind = Await::refused, .reply = message('E')});
  expect(Await::sync);
  error("42P01");
  replies("Z");
  EXPECT_EQ(owner.types(), "EZ");
  EXPECT_THAT(owner.errors, ElementsAre("42P01"));
}

TEST_F(ExchangeTest, fatal_error_out_of_the_blue_is_passed_on) {
  EXPECT_EQ(reply(told_error("57P01", "shut down", {}, "FATAL")), Verdict::pass);
  EXPECT_THAT(owner.errors, ElementsAre("57P01"));
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(error("42601"), Verdict::broken) << "nobody asked for that one";
}

TEST_F(ExchangeTest, lost_connection_takes_everything_back) {
  auto never = parse("s", "select 1");
  exchange.owe(message('3'), "t", statement("select 2"));
  expect({Await::execute, Await::sync});
  exchange.abandon(&table);
  EXPECT_TRUE(exchange.settled());
  EXPECT_FALSE(table.use(*never));
  EXPECT_THAT(owner.unparsed, ElementsAre("s"));
  EXPECT_THAT(owner.unclosed, ElementsAre("t"));
  expect(Await::query);
  replies("CZ");
  EXPECT_EQ(owner.types(), "CZ");
}

// --- what nobody asked for ------------------------------------------------------------------------------

TEST_F(ExchangeTest, answers_that_nobody_asked_for_break_the_connection) {
  for (char type : std::string_view("12CDdGHITWZcnstV3")) {
    EXPECT_EQ(reply(message(type)), Verdict::broken) << type;
  }
  EXPECT_EQ(exchange.take_data('D', 10, {}), Verdict::broken);
  EXPECT_EQ(owner.types(), "");
}

TEST_F(ExchangeTest, answer_of_the_wrong_kind_breaks_the_connection) {
  struct Case {
    Await kind;
    std::string_view wrong;
  };
  for (const Case& c :
       {Case{Await::parse, "23CZnsI"}, Case{Await::bind, "13CZnsI"}, Case{Await::execute, "123Zn"},
        Case{Await::describe, "123CZ"}, Case{Await::sync, "123Cn"}, Case{Await::close, "12CZn"}})
    for (char type : c.wrong) {
      if (type == 's' || type == 'I') continue;  // end an execute only; elsewhere they pass by
      Exchange fresh{owner};
      fresh.expect({.kind = c.kind});
      const std::string frame = message(type);
      EXPECT_EQ(fresh.take(type, std::string_view(frame).substr(kHeadSize), table), Verdict::broken)
          << static_cast<int>(c.kind) << ' ' << type;
    }
}

TEST_F(ExchangeTest, login_messages_and_unknown_types_break_the_connection) {
  for (char type : std::string_view("RK?x")) {
    expect(Await::query);
    EXPECT_EQ(exchange.take(type, {}, table), Verdict::broken) << type;
  }
}

TEST_F(ExchangeTest, torn_messages_break_the_connection) {
  expect(Await::query);
  EXPECT_EQ(exchange.take('Z', {}, table), Verdict::broken);
  EXPECT_EQ(exchange.take('S', "TimeZone", table), Verdict::broken);
  EXPECT_EQ(exchange.take('E', "Cunended", table), Verdict::broken);
}

TEST_F(ExchangeTest, asynchronous_messages_change_nothing) {
  expect({Await::bind, Await::execute, Await::sync});
  replies("NSA2ANSDNCNASZNSA");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "NSA2ANSDNCNASZNSA");
  EXPECT_THAT(owner.parameters,
              ElementsAre("TimeZone=UTC", "TimeZone=UTC", "TimeZone=UTC", "TimeZone=UTC"));
}

TEST_F(ExchangeTest, tags_reach_the_owner) {
  expect(Await::query);
  reply(message('C', std::string("DEALLOCATE ALL\0", 15)));
  reply(message('C', std::string("DISCARD ALL\0", 12)));
  replies("Z");
  expect({Await::execute, Await::sync});
  reply(message('C', std::string("ROLLBACK\0", 9)));
  replies("Z");
  EXPECT_THAT(owner.tags, ElementsAre("DEALLOCATE ALL", "DISCARD ALL", "ROLLBACK"));
}

// --- COPY ---------------------------------------------------------------------------------------------

TEST_F(ExchangeTest, copy_in_by_a_simple_query) {
  expect(Await::query);
  replies("G");
  EXPECT_TRUE(exchange.copying_in());
  EXPECT_EQ(owner.copies, 1);
  EXPECT_TRUE(exchange.ignores_sync());
  exchange.copy_ended();
  EXPECT_FALSE(exchange.ignores_sync());
  replies("C");
  EXPECT_FALSE(exchange.copying_in());
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, copy_in_that_fails_in_a_simple_query) {
  expect(Await::query);
  replies("G");
  error("22P04");
  EXPECT_FALSE(exchange.copying_in());
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
  EXPECT_EQ(owner.types(), "GEZ");
}

TEST_F(ExchangeTest, syncs_inside_copy_in_are_ignored) {
  expect({Await::bind, Await::execute,
          Await::sync});  // libpq's Sync comes before it knows of the COPY
  replies("2G");
  EXPECT_TRUE(exchange.ignores_sync());
  exchange.copy_ended();
  EXPECT_FALSE(exchange.ignores_sync());
  expect(Await::sync);
  replies("CZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
  EXPECT_EQ(owner.types(), "2GCZ");
}

TEST_F(ExchangeTest, copy_data_and_done_sent_ahead_of_the_servers_consent) {
  expect({Await::parse, Await::bind, Await::execute, Await::sync});
  exchange.copy_ended();
  expect(Await::sync);
  replies("12G");
  EXPECT_FALSE(exchange.ignores_sync());
  replies("C");
  EXPECT_FALSE(exchange.settled()) << "the Sync behind CopyDone counts";
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, two_copies_sent_ahead_have_an_end_and_a_sync_each) {
  for (int copy = 0; copy < 2; ++copy) {
    expect({Await::parse, Await::bind, Await::execute});
    exchange.copy_ended();
    expect(Await::sync);
  }
  replies("12G");
  EXPECT_FALSE(exchange.ignores_sync());
  replies("CZ12G");
  EXPECT_FALSE(exchange.ignores_sync());
  replies("C");
  EXPECT_FALSE(exchange.settled());
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "12GCZ12GCZ");
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, only_what_was_sent_before_its_own_end_belongs_to_a_copy) {
  for (int copy = 0; copy < 2; ++copy) {
    expect({Await::execute, Await::sync, Await::sync});  // read as part of the copy
    exchange.copy_ended();
    expect(Await::sync);
  }
  replies("GCZGCZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, second_copy_sent_ahead_while_the_first_is_under_way) {
  expect(Await::execute);
  replies("G");
  exchange.copy_ended();
  expect({Await::sync, Await::execute});
  exchange.copy_ended();
  expect(Await::sync);
  replies("CZG");
  EXPECT_FALSE(exchange.ignores_sync());
  replies("CZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, copies_of_one_simple_query_sent_ahead) {
  expect(Await::query);
  exchange.copy_ended();
  exchange.copy_ended();
  expect(Await::query);
  replies("GC");
  replies("GC");
  EXPECT_FALSE(exchange.copying_in());
  replies("Z");
  replies("G");
  EXPECT_TRUE(exchange.ignores_sync()) << "the third one's data is yet to come";
  exchange.copy_ended();
  replies("CZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, first_of_two_copies_sent_ahead_fails) {
  for (bool begun : {false, true}) {
    expect({Await::bind, Await::execute});
    exchange.copy_ended();
    expect({Await::sync, Await::bind, Await::execute});
    exchange.copy_ended();
    expect(Await::sync);
    replies(begun ? "2G" : "2");
    error("22P04");
    replies("Z2G");
    EXPECT_FALSE(exchange.ignores_sync());
    replies("CZ");
    EXPECT_TRUE(exchange.settled());
    EXPECT_TRUE(exchange.let_go());
  }
}

TEST_F(ExchangeTest, end_of_no_copy_says_nothing_about_a_later_one) {
  exchange.copy_ended();
  expect({Await::parse, Await::bind});
  exchange.copy_ended();
  exchange.copy_ended();
  expect({Await::execute, Await::sync});
  replies("12G");
  EXPECT_TRUE(exchange.ignores_sync());
  exchange.copy_ended();
  expect(Await::sync);
  replies("CZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, copy_that_fails_before_it_begins_answers_every_sync) {
  expect({Await::bind, Await::execute, Await::sync});
  exchange.copy_ended();
  expect(Await::sync);
  replies("2");
  error("42P01");
  replies("ZZ");
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "2EZZ");
  EXPECT_TRUE(exchange.let_go());
}

TEST_F(ExchangeTest, copy_that_fails_without_a_sync_in_it_leaves_no_doubt) {
  expect({Await::bind, Await::execute});
  replies("2G");
  error("22P04");
  expect(Await::sync);
  replies("Z");
  EXPECT_TRUE(exchange.settled());
  EXPECT_TRUE(exchange.let_go());
}

// Whether the server had read the Sync when it gave up shows only if a second answer comes.
TEST_F(ExchangeTest, copy_that_fails_with_a_sync_in_it_may_answer_once_more) {
  for (bool twice : {false, true}) {
    expect({Await::bind, Await::execute, Await::sync});
    replies("2G");
    error("22P04");
    exchange.copy_ended();
    expect(Await::sync);
    replies(twice ? "ZZ" : "Z");
    EXPECT_TRUE(exchange.settled());
    EXPECT_EQ(exchange.let_go(), twice);
    EXPECT_TRUE(exchange.let_go()) << "the doubt ends with the connection";
  }
  EXPECT_EQ(owner.types(), "2GEZ2GEZZ");
}

TEST_F(ExchangeTest, sync_sent_into_a_failing_copy_is_doubtful_too) {
  expect(Await::query);
  replies("G");
  EXPECT_TRUE(exchange.ignores_sync());
  error("22P04");
  replies("Z");
  EXPECT_FALSE(exchange.let_go());
}

TEST_F(ExchangeTest, copy_out_streams_like_rows) {
  expect({Await::bind, Await::execute, Await::sync});
  replies("2Hddc");
  EXPECT_FALSE(exchange.copying_in());
  replies("CZ");
  EXPECT_EQ(owner.types(), "2HddcCZ");
}

// --- plans that went stale ------------------------------------------------------------------------------

class StalePlanTest : public ExchangeTest {
 protected:
  StalePlanTest() { owner.repeats = true; }
  void expect_bind() {
    bound_ = statement("select * from t");
    exchange.expect({.kind = Await::bind, .statement = bound_});
  }
  Verdict stale() {
    return reply(
        told_error("0A000", "cached plan must not change result type", "RevalidateCachedQuery"));
  }
  StatementRef bound_;
};

TEST_F(StalePlanTest, group_that_nobody_saw_is_repeated_without_notice) {
  expect_bind();
  expect({Await::describe, Await::execute, Await::sync});
  EXPECT_EQ(stale(), Verdict::drop);
  EXPECT_EQ(reply(message('Z')), Verdict::drop);
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(owner.types(), "");
  EXPECT_THAT(owner.stale, ElementsAre("select * from t unseen"));
  EXPECT_THAT(owner.errors, IsEmpty());
}

TEST_F(StalePlanTest, client_without_a_description_is_told) {
  expect_bind();
  expect({Await::execute, Await::sync});
  owner.repeats = false;
  EXPECT_EQ(stale(), Verdict::pass);
  replies("Z");
  EXPECT_THAT(owner.stale, ElementsAre("select * from t seen"));
  EXPECT_EQ(owner.types(), "EZ");
}

TEST_F(StalePlanTest, client_that_has_seen_answers_is_told) {
  owner.repeats = false;
  expect(Await::bind);
  expect_bind();
  expect({Await::describe, Await::execute, Await::sync});
  replies("2");
  EXPECT_EQ(stale(), Verdict::pass);
  EXPECT_THAT(owner.stale, ElementsAre("select * from t seen"));
}

TEST_F(StalePlanTest, group_without_its_sync_is_told) {
  owner.repeats = false;
  expect_bind();
  expect({Await::describe, Await::execute});
  EXPECT_EQ(stale(), Verdict::pass);
  EXPECT_THAT(owner.stale, ElementsAre("select * from t seen"));
}

TEST_F(StalePlanTest, group_with_another_one_behind_it_is_told) {
  owner.repeats = false;
  expect_bind();
  expect({Await::describe, Await::execute, Await::sync});
  expect({Await::bind, Await::sync});
  EXPECT_EQ(stale(), Verdict::pass);
  EXPECT_THAT(owner.stale, ElementsAre("select * from t seen"));
}

TEST_F(StalePlanTest, other_errors_of_the_same_class_are_told) {
  expect_bind();
  expect({Await::describe, Await::sync});
  EXPECT_EQ(reply(told_error("0A000", "not implemented", "transformLockingClause")), Verdict::pass);
  EXPECT_THAT(owner.stale, IsEmpty());
}

// The repeated group brings these Parses again: the server has skipped them.
TEST_F(StalePlanTest, what_the_server_skipped_is_taken_back) {
  const StatementRef old = statement("select old");
  table.add(old);
  expect_bind();
  expect({Await::describe, Await::execute});
  table.erase(*old);
  exchange.expect({.kind = Await::close, .ours = true, .statement = old});
  auto next = parse("next", "select next");
  auto ours = parse("", "select ours", true);
  expect(Await::sync);
  EXPECT_EQ(stale(), Verdict::drop);
  replies("Z");
  EXPECT_FALSE(table.use(*next));
  EXPECT_FALSE(table.use(*ours));
  EXPECT_TRUE(table.use(*old));
  EXPECT_THAT(owner.unparsed, ElementsAre("next"));
}

// --- among others' on one connection ---------------------------------------------------------------------

// Takes back what is refused with these states.
class Sharer final : public Recorder {
 public:
  bool on_refused(const ErrorFields& error) override {
    refused.emplace_back(error.sqlstate);
    return error.sqlstate == takes_back;
  }
  std::string takes_back;
  std::vector<std::string> refused;
};

class SharedExchangeTest : public ExchangeTest {
 protected:
  SharedExchangeTest() { exchange = Exchange(sharer); }
  Verdict reply(const std::string& frame) {
    const Verdict verdict =
        exchange.take(frame[0], std::string_view(frame).substr(kHeadSize), table);
    if (verdict == Verdict::pass) sharer.out.append(frame);
    return verdict;
  }
  void replies(std::string_view types) {
    for (char type : types) EXPECT_NE(reply(message(type)), Verdict::broken) << type;
  }

  Sharer sharer;
};

// What is owed may yet have to be taken back with the rest.
TEST_F(SharedExchangeTest, owed_answers_wait_for_the_servers_first_word) {
  exchange.stand_in_line(true, 100);
  exchange.owe(message('1'));
  expect({Await::bind, Await::execute, Await::sync});
  EXPECT_EQ(sharer.types(), "");
  EXPECT_FALSE(exchange.passed());
  EXPECT_EQ(exchange.first_byte(), 100u);
  replies("N");
  EXPECT_EQ(sharer.types(), "N") << "a notice isn't an answer";
  replies("2");
  EXPECT_EQ(sharer.types(), "N12");
  EXPECT_TRUE(exchange.passed());
  replies("CZ");
  EXPECT_EQ(sharer.types(), "N12CZ");
  EXPECT_TRUE(exchange.settled());
}

TEST_F(SharedExchangeTest, out_of_the_line_all_is_as_ever) {
  exchange.stand_in_line(false, 0);
  expect(Await::query);
  replies("CZ");
  exchange.owe(message('1'));
  EXPECT_EQ(sharer.types(), "CZ1") << "at once";
}

TEST_F(SharedExchangeTest, an_error_that_is_its_own_comes_behind_what_is_owed) {
  exchange.stand_in_line(true, 0);
  exchange.owe(message('1'));
  expect({Await::bind, Await::execute, Await::sync});
  EXPECT_EQ(reply(told_error("22012")), Verdict::pass);
  replies("Z");
  EXPECT_EQ(sharer.types(), "1EZ");
  EXPECT_THAT(sharer.errors, ElementsAre("22012"));
  EXPECT_THAT(sharer.refused, ElementsAre("22012"));
}

TEST_F(SharedExchangeTest, what_is_taken_back_leaves_no_trace) {
  sharer.takes_back = "57014";
  exchange.stand_in_line(true, 0);
  exchange.owe(message('1'), "name");
  const StatementRef parsed = parse("", "select 1", true);
  expect({Await::bind, Await::execute, Await::sync});
  EXPECT_EQ(reply(told_error("57014")), Verdict::drop);
  EXPECT_FALSE(exchange.settled()) << "its ReadyForQuery is still to come";
  EXPECT_EQ(reply(message('Z')), Verdict::drop);
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(sharer.types(), "");
  EXPECT_THAT(sharer.errors, IsEmpty());
  EXPECT_THAT(sharer.unparsed, ElementsAre("name"));
  EXPECT_FALSE(table.use(*parsed)) << "the server has skipped it";
  EXPECT_EQ(sharer.readies, "I");
}

TEST_F(SharedExchangeTest, a_simple_query_is_taken_back_too) {
  sharer.takes_back = "57014";
  exchange.stand_in_line(true, 0);
  expect(Await::query);
  EXPECT_EQ(reply(told_error("57014")), Verdict::drop);
  EXPECT_EQ(reply(message('Z')), Verdict::drop);
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(sharer.types(), "");
}

TEST_F(SharedExchangeTest, what_the_client_has_seen_can_not_be_taken_back) {
  sharer.takes_back = "57014";
  exchange.stand_in_line(true, 0);
  expect(Await::query);
  replies("TD");
  EXPECT_EQ(reply(told_error("57014")), Verdict::pass);
  replies("Z");
  EXPECT_EQ(sharer.types(), "TDEZ");
  EXPECT_THAT(sharer.refused, IsEmpty()) << "nobody has to be asked";
}

TEST_F(SharedExchangeTest, an_orphan_takes_what_is_to_come_and_says_nothing) {
  exchange.stand_in_line(true, 0);
  const StatementRef parsed = parse("mine", "select 1");
  expect({Await::bind, Await::execute, Await::sync});
  replies("1");
  Recorder nobody;
  const std::unique_ptr<Exchange> rest = exchange.orphan(nobody);
  EXPECT_TRUE(exchange.settled());
  EXPECT_EQ(&exchange.owner(), &sharer);
  EXPECT_EQ(&rest->owner(), &nobody);
  EXPECT_FALSE(rest->settled());
  for (char type : std::string_view("2DCZ"))
    EXPECT_EQ(rest->take(type, std::string_view(message(type)).substr(kHeadSize), table),
              Verdict::drop);
  EXPECT_TRUE(rest->settled());
  EXPECT_EQ(sharer.types(), "1");
  EXPECT_EQ(nobody.types(), "");
  EXPECT_TRUE(table.use(*parsed));
  expect(Await::query);  // it can be used again
  replies("CZ");
  EXPECT_EQ(sharer.types(), "1CZ");
}

TEST_F(SharedExchangeTest, an_orphan_that_fails_keeps_the_servers_table_right) {
  exchange.stand_in_line(true, 0);
  const StatementRef parsed = parse("mine", "select 1");
  expect({Await::bind, Await::execute, Await::sync});
  Recorder nobody;
  const std::unique_ptr<Exchange> rest = exchange.orphan(nobody);
  const std::string error = told_error("42601");
  EXPECT_EQ(rest->take('E', std::string_view(error).substr(kHeadSize), table), Verdict::drop);
  EXPECT_EQ(rest->take('Z', "I", table), Verdict::drop);
  EXPECT_TRUE(rest->settled());
  EXPECT_FALSE(table.use(*parsed));
  EXPECT_THAT(sharer.errors, IsEmpty());
  EXPECT_THAT(sharer.unparsed, IsEmpty());
}

}  // namespace
}  // namespace sluice::postgres
