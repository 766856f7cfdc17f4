// A server's connection over a real socket pair, with a peer that says what the test wants.
// Long because reading, settings, moves, cancels and ends share one rig.
#include "session/postgres_server.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/testing.h"
#include "session/testing.h"
#include "wire/postgres/frontend.h"

namespace sluice::postgres {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using net::testing::code_of;
using net::testing::connected;
using net::testing::Kind;
using net::testing::soon;
using ::testing::ElementsAre;
using testing::frame_of;
using ::testing::IsEmpty;
using testing::message;
using testing::messages;
using testing::Recorder;
using testing::row;
using testing::told_error;
using testing::types_of;

void wait_for(const std::function<bool()>& condition) {
  const Deadline deadline = soon();
  while (!condition() && now() < deadline) net::yield();
  EXPECT_TRUE(condition());
}

class TestPeer final : public Peer {
 public:
  void tell(std::string_view name, std::string_view value) override {
    heard.push_back(std::string(name) + "=" + std::string(value));
  }
  bool leaves_traces() const override { return traces; }
  bool keeps_lease() const override { return false; }
  std::vector<std::string> heard;
  bool traces = false;
};

// Answers simple queries on a fiber of its own, until the connection ends.
class Script {
 public:
  using Answer = std::function<std::string(const std::string& query)>;
  Script(net::Loop& loop, net::Stream& stream, Answer answer)
      : stream_(stream), answer_(std::move(answer)) {
    loop.spawn([this] { serve(); });
  }
  ~Script() {
    stop_ = true;
    wait_for([this] { return over_; });
  }
  std::vector<std::string> asked;

 private:
  void serve() {
    Buffer in;
    while (!stop_) {
      auto more = stream_.read(in, now() + 2ms);
      if (!more && more.error().code != Code::timed_out) break;
      for (auto frame = next_frame(in.view()); frame && *frame; frame = next_frame(in.view())) {
        if ((*frame)->type == 'Q') {
          asked.emplace_back(read_query((*frame)->payload)->text);
          if (auto sent = stream_.write(answer_(asked.back()), soon()); !sent) break;
        }
        in.consume((*frame)->bytes.size());
      }
    }
    over_ = true;
  }
  net::Stream& stream_;
  Answer answer_;
  bool stop_ = false, over_ = false;
};

std::string ok(const std::string&) { return messages("CZ"); }

class ServerConnTest : public ::testing::Test {
 protected:
  // Runs body with `conn` logged in at `server`, the other end.
  void with_server(const std::function<void()>& body, ServerOptions options = {}) {
    net::testing::run_on_fiber(loop_, [&] {
      auto streams = connected(loop_, Kind::pair);
      server = std::move(streams.server);
      ServerFacts facts{endpoint, "app", "app", {7, "key4"}, baselines, nullptr};
      facts.baseline = baselines->intern({{"TimeZone", "UTC"}, {"server_version", "15.1"}});
      conn = std::make_unique<ServerConn>(std::move(streams.client), std::move(facts), options,
                                          loops_);
      body();
      conn.reset();
      server.reset();
    });
  }
  void say(std::string_view bytes) { ASSERT_TRUE(server->write(bytes, soon())); }
  // In pieces of that size, each read on its own where the loop gets to it.
  void say_in_pieces(std::string_view bytes, std::size_t size) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
      say(bytes.substr(0, size));
      net::yield();
    }
  }
  std::string heard_by_server(std::size_t frames) {
    Buffer in;
    while (types_of(in.view()).size() < frames || types_of(in.view()).back() == '~')
      if (!server->read(in, soon())) break;
    return std::string(in.view());
  }

  net::Loop loop_;
  ServerConn::Loops loops_{&loop_};
  net::Endpoint endpoint{"127.0.0.1", 5432, {}};
  std::shared_ptr<Baselines> baselines = std::make_shared<Baselines>();
  std::unique_ptr<net::Stream> server;
  std::unique_ptr<ServerConn> conn;
  TestPeer peer;
};

// --- replies and whose they are -------------------------------------------------------------------------

TEST_F(ServerConnTest, replies_arrive_the_same_however_they_are_cut) {
  with_server([&] {
    const std::string replies = messages("1tT") + messages("2N") + row(std::string(300, 'x')) +
                                messages("DSCZ") + messages("TDDCZ");
    for (std::size_t size : {1, 2, 3, 4, 5, 6, 7, 11, 64, 1000}) {
      Recorder owner;
      Exchange exchange(owner);
      conn->attach(exchange);
      for (Await kind :
           {Await::parse, Await::describe, Await::bind, Await::execute, Await::sync, Await::query})
        exchange.expect({.kind = kind});
      say_in_pieces(replies, size);
      wait_for([&] { return exchange.settled(); });
      EXPECT_EQ(owner.text(), replies) << size;
      EXPECT_EQ(owner.readies, "II");
      EXPECT_GT(owner.progress, 0);
      EXPECT_FALSE(conn->held());
      conn->detach(exchange);
    }
  });
}

TEST_F(ServerConnTest, owed_answers_stand_at_their_place_however_the_others_are_cut) {
  with_server([&] {
    for (std::size_t size : {1, 3, 1000}) {
      Recorder owner;
      Exchange exchange(owner);
      conn->attach(exchange);
      exchange.expect({.kind = Await::bind});
      exchange.owe(message('1'));
      exchange.expect({.kind = Await::execute});
      exchange.owe(message('3'));
      exchange.expect({.kind = Await::sync});
      say_in_pieces(messages("2DDCZ"), size);
      wait_for([&] { return exchange.settled(); });
      EXPECT_EQ(owner.types(), "21DDC3Z") << size;
      conn->detach(exchange);
    }
  });
}

// Each owner of a slot has rows of its own, so one byte in the wrong place shows.
TEST_F(ServerConnTest, exchanges_in_a_pipeline_each_get_exactly_their_own) {
  with_server([&] {
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
      constexpr int kSlots = 4;
      std::vector<std::unique_ptr<Recorder>> owners;
      std::vector<std::unique_ptr<Exchange>> slots;
      std::string all;
      std::vector<std::string> expected;
      for (int i = 0; i < kSlots; ++i) {
        owners.push_back(std::make_unique<Recorder>());
        slots.push_back(std::make_unique<Exchange>(*owners.back()));
        conn->attach(*slots.back());
        const std::string nonce =
            row("round " + std::to_string(round) + " slot " + std::to_string(i));
        std::string replies;
        if (random() % 2) {
          slots.back()->expect({.kind = Await::query});
          replies = message('T') + nonce + messages("CZ");
        } else {
          for (Await kind : {Await::bind, Await::execute, Await::sync})
            slots.back()->expect({.kind = kind});
          replies = message('2') + nonce + messages("CZ");
        }
        all += replies;
        expected.push_back(replies);
      }
      say_in_pieces(all, 1 + random() % 60);
      wait_for([&] { return slots.back()->settled(); });
      for (int i = 0; i < kSlots; ++i) {
        EXPECT_EQ(owners[i]->text(), expected[i]) << "slot " << i;
        EXPECT_EQ(owners[i]->readies, "I");
        conn->detach(*slots[i]);
      }
    }
  });
}

TEST_F(ServerConnTest, error_in_a_pipeline_stays_with_its_own_statement) {
  with_server([&] {
    Recorder a, b, c;
    Exchange first(a), second(b), third(c);
    for (Exchange* e : {&first, &second, &third}) conn->attach(*e);
    for (Await kind : {Await::parse, Await::bind, Await::execute, Await::sync})
      first.expect({.kind = kind});
    for (Await kind : {Await::bind, Await::execute, Await::sync}) second.expect({.kind = kind});
    third.expect({.kind = Await::query});
    say(message('1') + told_error("42P01", "first") + message('Z') + messages("2DCZ") +
        told_error("22012", "third") + message('Z'));
    wait_for([&] { return third.settled(); });
    EXPECT_EQ(a.types(), "1EZ");
    EXPECT_EQ(b.types(), "2DCZ");
    EXPECT_EQ(c.types(), "EZ");
    EXPECT_THAT(a.errors, ElementsAre("42P01"));
    EXPECT_THAT(b.errors, IsEmpty());
    EXPECT_THAT(c.errors, ElementsAre("22012"));
    for (Exchange* e : {&first, &second, &third}) conn->detach(*e);
  });
}

TEST_F(ServerConnTest, notice_in_a_pipeline_goes_to_who_asked_for_the_statement) {
  with_server([&] {
    Recorder a, b;
    Exchange first(a), second(b);
    conn->attach(first);
    conn->attach(second);
    first.expect({.kind = Await::query});
    second.expect({.kind = Await::query});
    say(messages("NCZNCZ"));
    wait_for([&] { return second.settled(); });
    EXPECT_EQ(a.types(), "NCZ");
    EXPECT_EQ(b.types(), "NCZ");
    conn->detach(first);
    conn->detach(second);
  });
}

TEST_F(ServerConnTest, server_that_is_lost_tells_every_slot) {
  with_server([&] {
    Recorder a, b;
    Exchange first(a), second(b);
    conn->attach(first);
    conn->attach(second);
    first.expect({.kind = Await::query});
    second.expect({.kind = Await::query});
    say(messages("CZT"));
    server.reset();
    wait_for([&] { return !conn->usable(); });
    EXPECT_EQ(a.types(), "CZ");
    EXPECT_EQ(b.types(), "T");
    ASSERT_EQ(b.lost.size(), 1u);
    EXPECT_EQ(b.lost[0].code, Code::connection_lost);
    EXPECT_TRUE(second.settled());
  });
}

TEST_F(ServerConnTest, requests_leave_in_the_order_in_which_they_were_appended) {
  with_server([&] {
    append_query(conn->out(), "select 1");
    append_sync(conn->out());
    conn->flush();
    append_query(conn->out(), "select 2");
    conn->flush();
    EXPECT_EQ(types_of(heard_by_server(3)), "QSQ");
    EXPECT_TRUE(conn->out().empty());
  });
}

// --- frames larger than any buffer, and who reads slowly ---------------------------------------------------

TEST_F(ServerConnTest, row_larger_than_any_buffer_streams_at_the_readers_pace) {
  with_server([&] {
    const std::string replies = message('T') + row(net::testing::pattern(6 << 20)) + messages("CZ");
    Recorder owner;
    owner.bound = 64 * 1024;
    Exchange exchange(owner);
    conn->attach(exchange);
    exchange.expect({.kind = Await::query});
    bool sent = false;
    loop_.spawn([&] {
      EXPECT_TRUE(server->write(replies, soon()));
      sent = true;
    });
    std::string got;
    std::size_t most = 0;
    const Deadline deadline = soon();
    while (got.size() < replies.size() && now() < deadline) {
      most = std::max(most, owner.out.size());
      got += owner.out.view();
      owner.out.clear();
      conn->resume();
      net::yield();
    }
    EXPECT_TRUE(got == replies);
    EXPECT_LE(most, owner.bound + 64 * 1024) << "no more than one read above the bound";
    EXPECT_TRUE(exchange.settled());
    wait_for([&] { return sent; });
    conn->detach(exchange);
  });
}

TEST_F(ServerConnTest, nothing_is_read_for_who_has_no_room) {
  with_server([&] {
    Recorder owner;
    owner.bound = 1;
    Exchange exchange(owner);
    conn->attach(exchange);
    exchange.expect({.kind = Await::query});
    say(messages("TD"));
    wait_for([&] { return !owner.out.empty(); });
    say(messages("CZ"));
    net::sleep_until(now() + 5ms);
    EXPECT_EQ(owner.types(), "TD");
    owner.out.clear();
    conn->resume();
    wait_for([&] { return exchange.settled(); });
    EXPECT_EQ(owner.types(), "CZ");
    conn->detach(exchange);
  });
}

TEST_F(ServerConnTest, large_error_comes_whole) {
  with_server([&] {
    const std::string error = told_error("22000", std::string(300'000, 'e'));
    Recorder owner;
    Exchange exchange(owner);
    conn->attach(exchange);
    exchange.expect({.kind = Await::query});
    say(error + message('Z'));
    wait_for([&] { return exchange.settled(); });
    EXPECT_EQ(owner.text(), error + message('Z'));
    conn->detach(exchange);
  });
}

TEST_F(ServerConnTest, server_that_closes_inside_a_frame_is_lost) {
  for (const std::string& frame :
       {row(std::string(1000, 'x')), told_error("42601"), message('Z')}) {
    with_server([&] {
      Recorder owner;
      Exchange exchange(owner);
      conn->attach(exchange);
      exchange.expect({.kind = Await::query});
      say(message('T') + frame.substr(0, frame.size() - 1));
      wait_for([&] { return !owner.out.empty(); });
      EXPECT_TRUE(conn->held());
      server.reset();
      wait_for([&] { return !conn->usable(); });
      ASSERT_EQ(owner.lost.size(), 1u);
      EXPECT_EQ(owner.lost[0].code, Code::connection_lost);
      EXPECT_EQ(owner.readies, "");
    });
  }
}

TEST_F(ServerConnTest, frames_that_cannot_be_break_the_connection) {
  for (const std::string& bytes :
       {"D\0\0\0\3"s, "C\177\377\377\377"s, "?\0\0\0\4"s, message('1'), message('K')}) {
    with_server([&] {
      Recorder owner;
      Exchange exchange(owner);
      conn->attach(exchange);
      exchange.expect({.kind = Await::query});
      say(bytes);
      wait_for([&] { return !conn->usable(); });
      EXPECT_EQ(conn->last_error().code, Code::protocol_violation);
      EXPECT_EQ(owner.lost.size(), 1u);
    });
  }
}

TEST_F(ServerConnTest, rows_that_nobody_asked_for_reach_nobody) {
  for (const std::string& bytes : {row("secret"), message('d'), message('T')}) {
    with_server([&] {
      Recorder owner;
      Exchange exchange(owner);
      conn->attach(exchange);
      say(bytes);
      wait_for([&] { return !conn->usable(); });
      EXPECT_EQ(owner.types(), "");
    });
  }
}

TEST_F(ServerConnTest, fatal_error_is_passed_on_once_and_stays_the_reason) {
  with_server([&] {
    Recorder owner;
    Exchange exchange(owner);
    conn->attach(exchange);
    exchange.expect({.kind = Await::query});
    say(message('T') + told_error("57P01", "shut down", {}, "FATAL"));
    server.reset();
    wait_for([&] { return !conn->usable(); });
    EXPECT_EQ(owner.types(), "TE");
    EXPECT_TRUE(conn->fatal());
    EXPECT_EQ(conn->last_error().state, "57P01");
    ASSERT_EQ(owner.lost.size(), 1u);
    EXPECT_EQ(owner.lost[0].state, "57P01");
    EXPECT_FALSE(conn->settle(peer));
  });
}

// --- on its own account -----------------------------------------------------------------------------------

TEST_F(ServerConnTest, idle_server_changes_a_parameter_for_all_who_come) {
  with_server([&] {
    const auto before = conn->facts().baseline;
    say(frame_of('S', "TimeZone\0Asia/Tokyo\0"s));
    wait_for([&] { return conn->facts().baseline != before; });
    EXPECT_EQ(conn->facts().baseline->at("TimeZone"), "Asia/Tokyo");
    EXPECT_EQ(baselines->newest()->at("TimeZone"), "Asia/Tokyo");
    EXPECT_EQ(before->at("TimeZone"), "UTC");
    EXPECT_TRUE(conn->usable());

    peer.told = before;
    Script script(loop_, *server, ok);
    ASSERT_TRUE(conn->adopt(peer));
    EXPECT_THAT(peer.heard, ElementsAre("TimeZone=Asia/Tokyo"));
    EXPECT_THAT(script.asked, IsEmpty());
    ASSERT_TRUE(conn->adopt(peer));
    EXPECT_EQ(peer.heard.size(), 1u) << "told once";
  });
}

TEST_F(ServerConnTest, idle_server_may_give_notice) {
  with_server([&] {
    say(messages("NA") + frame_of('S', "in_hot_standby\0on\0"s));
    wait_for([&] { return conn->facts().baseline->contains("in_hot_standby"); });
    EXPECT_TRUE(conn->usable());
    EXPECT_FALSE(conn->held());
  });
}

TEST_F(ServerConnTest, idle_server_that_says_an_error_is_dead) {
  with_server([&] {
    say(told_error("57P05", "idle too long", {}, "FATAL"));
    wait_for([&] { return !conn->usable(); });
    EXPECT_EQ(conn->last_error().state, "57P05");
  });
}

TEST_F(ServerConnTest, idle_server_that_closes_is_dead) {
  with_server([&] {
    server.reset();
    wait_for([&] { return !conn->usable(); });
    EXPECT_EQ(conn->last_error().code, Code::connection_lost);
    EXPECT_EQ(code_of(conn->run("select 1", soon())), Code::connection_lost);
  });
}

TEST_F(ServerConnTest, idle_server_that_answers_is_dead) {
  for (char type : std::string_view("ZDC1")) {
    with_server([&] {
      say(message(type));
      wait_for([&] { return !conn->usable(); });
      EXPECT_EQ(conn->last_error().code, Code::protocol_violation);
    });
  }
}

// --- queries of our own ---------------------------------------------------------------------------------------

TEST_F(ServerConnTest, run_gives_rows) {
  with_server([&] {
    Script script(loop_, *server, [](const std::string&) {
      return message('T') + row("1") + frame_of('D', "\0\2\0\0\0\1x\377\377\377\377"s) +
             messages("CZ");
    });
    auto answer = conn->run("select", soon());
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->rows.size(), 2u);
    EXPECT_THAT(answer->rows[0], ElementsAre("1"));
    EXPECT_THAT(answer->rows[1], ElementsAre("x", std::nullopt));
    EXPECT_THAT(script.asked, ElementsAre("select"));
  });
}

TEST_F(ServerConnTest, run_keeps_the_servers_sqlstate_and_the_connection) {
  with_server([&] {
    Script script(loop_, *server, [](const std::string& q) {
      return q == "bad" ? told_error("42704", "no such thing") + message('Z') : messages("CZ");
    });
    auto answer = conn->run("bad", soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().state, "42704");
    EXPECT_EQ(answer.error().detail, "no such thing");
    EXPECT_TRUE(conn->usable());
    EXPECT_TRUE(conn->run("good", soon()));
  });
}

TEST_F(ServerConnTest, run_without_an_answer_in_time_gives_the_connection_up) {
  with_server([&] {
    EXPECT_EQ(code_of(conn->run("select pg_sleep(60)", now() + 5ms)), Code::timed_out);
    EXPECT_FALSE(conn->usable());
    say(messages("CZ"));  // too late
    EXPECT_FALSE(conn->settle(peer));
  });
}

TEST_F(ServerConnTest, run_on_a_server_that_dies_says_why) {
  with_server([&] {
    loop_.spawn([&] {
      (void)heard_by_server(1);
      say(told_error("57P02", "crash", {}, "FATAL"));
      server.reset();
    });
    auto answer = conn->run("select 1", soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().state, "57P02");
    wait_for([&] { return !conn->usable(); });
  });
}

TEST_F(ServerConnTest, notifications_during_a_query_of_ours_are_the_clients) {
  with_server([&] {
    Recorder owner;
    Exchange exchange(owner);
    conn->attach(exchange);
    Script script(loop_, *server, [](const std::string&) { return messages("ATANDACZA"); });
    auto answer = conn->run("select", soon());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->rows.size(), 1u);
    wait_for([&] { return owner.types().size() == 5; });
    EXPECT_EQ(owner.types(), "AANAA");
    conn->detach(exchange);
  });
}

// --- changing hands -------------------------------------------------------------------------------------------

TEST_F(ServerConnTest, adopt_asks_nothing_when_the_settings_are_the_same) {
  with_server([&] {
    Script script(loop_, *server, ok);
    ASSERT_TRUE(conn->adopt(peer));
    conn->now_has(Settings::with(nullptr, {"timezone", "UTC"}));
    peer.wants = Settings::with(nullptr, {"timezone", "UTC"});
    ASSERT_TRUE(conn->adopt(peer));
    EXPECT_EQ(conn->has(), peer.wants) << "the next comparison is one of pointers";
    EXPECT_THAT(script.asked, IsEmpty());
  });
}

TEST_F(ServerConnTest, adopt_replays_what_differs) {
  with_server([&] {
    conn->now_has(Settings::with(nullptr, {"datestyle", "German"}));
    peer.wants = Settings::with(nullptr, {"timezone", "Asia/Tokyo"});
    Script script(loop_, *server, [](const std::string&) {
      return frame_of('S', "TimeZone\0Asia/Tokyo\0"s) + messages("CTDCZ");
    });
    ASSERT_TRUE(conn->adopt(peer));
    EXPECT_THAT(script.asked,
                ElementsAre("RESET \"datestyle\";"
                            "SELECT pg_catalog.set_config('timezone','Asia/Tokyo',false);"));
    EXPECT_TRUE(Settings::same(conn->has(), peer.wants));
    ASSERT_TRUE(conn->adopt(peer));
    EXPECT_EQ(script.asked.size(), 1u);
    TestPeer next;
    ASSERT_TRUE(conn->adopt(next));
    EXPECT_EQ(script.asked.back(), "RESET \"timezone\";");
    EXPECT_EQ(conn->has(), nullptr);
  });
}

TEST_F(ServerConnTest, adopt_that_fails_leaves_the_settings_and_the_connection) {
  with_server([&] {
    const auto had = Settings::with(nullptr, {"timezone", "UTC"});
    conn->now_has(had);
    peer.wants = Settings::with(nullptr, {"search_path", "x"});
    Script script(loop_, *server,
                  [](const std::string&) { return told_error("22023") + message('Z'); });
    auto adopted = conn->adopt(peer);
    ASSERT_FALSE(adopted);
    EXPECT_EQ(adopted.error().state, "22023");
    EXPECT_TRUE(conn->usable());
    EXPECT_EQ(conn->has(), had);
    EXPECT_TRUE(conn->settle(peer));
  });
}

TEST_F(ServerConnTest, settings_that_the_server_reports_are_known) {
  with_server([&] {
    Recorder owner;
    Exchange exchange(owner);
    conn->attach(exchange);
    exchange.expect({.kind = Await::query});
    say(message('C') + frame_of('S', "TimeZone\0Asia/Tokyo\0"s) + message('Z'));
    wait_for([&] { return exchange.settled(); });
    ASSERT_NE(conn->has(), nullptr);
    EXPECT_EQ(conn->has()->find("timezone")->value, "Asia/Tokyo");
    EXPECT_THAT(owner.parameters, ElementsAre("TimeZone=Asia/Tokyo"));
    EXPECT_EQ(conn->facts().baseline->at("TimeZone"), "UTC") << "this session's own doing";
    exchange.expect({.kind = Await::query});
    say(message('C') + frame_of('S', "TimeZone\0UTC\0"s) + message('Z'));
    wait_for([&] { return exchange.settled(); });
    EXPECT_EQ(conn->has(), nullptr);
    conn->detach(exchange);
  });
}

TEST_F(ServerConnTest, settle_without_traces_costs_nothing) {
  with_server([&] {
    Script script(loop_, *server, ok);
    conn->statements().add(testing::statement("select 1"));
    EXPECT_TRUE(conn->settle(peer));
    EXPECT_THAT(script.asked, IsEmpty());
    EXPECT_EQ(conn->statements().size(), 1u);
  });
}

TEST_F(ServerConnTest, settle_wipes_traces) {
  with_server([&] {
    Script script(loop_, *server, ok);
    conn->statements().add(testing::statement("select 1"));
    conn->unnamed = {3, 4};
    conn->now_has(Settings::with(nullptr, {"timezone", "UTC"}));
    peer.traces = true;
    EXPECT_TRUE(conn->settle(peer));
    EXPECT_THAT(script.asked, ElementsAre("DISCARD ALL"));
    EXPECT_EQ(conn->statements().size(), 0u);
    EXPECT_EQ(conn->has(), nullptr);
    EXPECT_EQ(conn->unnamed, ServerConn::Unnamed{});
  });
}

TEST_F(ServerConnTest, settle_that_cannot_wipe_gives_the_connection_up) {
  with_server([&] {
    Script script(loop_, *server,
                  [](const std::string&) { return told_error("25001") + message('Z'); });
    peer.traces = true;
    EXPECT_FALSE(conn->settle(peer));
    EXPECT_FALSE(conn->usable());
  });
}

TEST_F(ServerConnTest, settle_refuses_what_is_unanswered_unsent_or_in_a_transaction) {
  with_server([&] {
    Recorder owner;
    Exchange exchange(owner);
    conn->attach(exchange);
    exchange.expect({.kind = Await::query});
    EXPECT_TRUE(conn->held());
    EXPECT_FALSE(conn->settle(peer));
  });
  with_server([&] {
    append_query(conn->out(), "unsent");
    EXPECT_FALSE(conn->settle(peer));
  });
  for (const char* status : {"T", "E"}) {
    with_server([&] {
      Recorder owner;
      Exchange exchange(owner);
      conn->attach(exchange);
      exchange.expect({.kind = Await::query});
      say(frame_of('Z', status));
      wait_for([&] { return exchange.settled(); });
      EXPECT_TRUE(conn->held());
      EXPECT_FALSE(conn->settle(peer));
    });
  }
}

// A COPY that failed with a Sync in it: the answer to that Sync may still come, and would be taken for
// the next client's.
TEST_F(ServerConnTest, settle_refuses_a_connection_on_which_an_answer_may_still_come) {
  with_server([&] {
    Recorder owner;
    Exchange exchange(owner);
    conn->attach(exchange);
    for (Await kind : {Await::bind, Await::execute, Await::sync}) exchange.expect({.kind = kind});
    exchange.copy_ended();
    exchange.expect({.kind = Await::sync});
    say(messages("2GEZ"));
    wait_for([&] { return exchange.settled(); });
    EXPECT_FALSE(conn->held());
    EXPECT_FALSE(conn->settle(peer));
  });
}

TEST_F(ServerConnTest, settle_waits_until_a_cancel_has_hit_its_mark) {
  net::testing::TempDir dir;
  endpoint = {{}, 0, dir.file("s")};
  with_server([&] {
    auto socket = net::ListenSocket::open(endpoint, {});
    ASSERT_TRUE(socket);
    std::unique_ptr<net::Stream> carried;
    net::Acceptor acceptor(loop_, **socket, [&](int fd, net::Endpoint from) {
      carried = std::make_unique<net::Stream>(loop_, fd, std::move(from));
    });
    bool cancelled = false, settled = false, reusable = false;
    loop_.spawn([&] {
      conn->cancel(soon());
      cancelled = true;
    });
    loop_.spawn([&] {
      reusable = conn->settle(peer);
      settled = true;
    });
    wait_for([&] { return carried != nullptr; });
    Buffer packet;
    while (packet.size() < 16) ASSERT_TRUE(carried->read(packet, soon()));
    EXPECT_EQ(packet.view(), "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07key4"s);
    net::sleep_until(now() + 2ms);
    EXPECT_FALSE(cancelled);
    EXPECT_FALSE(settled) << "the server hasn't sent the signal yet";
    carried.reset();
    wait_for([&] { return cancelled && settled; });
    EXPECT_TRUE(reusable);
  });
}

TEST_F(ServerConnTest, validate_is_a_round_trip) {
  with_server([&] {
    Script script(loop_, *server, [](const std::string&) { return messages("IZ"); });
    EXPECT_TRUE(conn->validate(soon()));
    EXPECT_EQ(script.asked.size(), 1u);
  });
  with_server([&] {
    EXPECT_EQ(code_of(conn->validate(now() + 5ms)), Code::timed_out);
    EXPECT_FALSE(conn->usable());
  });
}

TEST_F(ServerConnTest, end_is_said_to_the_server) {
  with_server([&] {
    conn.reset();
    EXPECT_EQ(types_of(heard_by_server(1)), "X");
  });
}

// --- several clients' requests in a line ------------------------------------------------------------------

// One of those who share: takes back what is lost, leaves when it is held up.
class Sharer final : public Recorder {
 public:
  Sharer(ServerConn& conn, bool movable = true) : movable_(movable), conn_(conn) {}
  bool on_held_up() override {
    ++held_up;
    if (movable_) conn_.orphan(exchange);
    return movable_;
  }
  void on_progress() override {
    ++progress;
    settled_when_told |= exchange.settled();
  }
  Exchange exchange{*this};
  int held_up = 0;
  bool settled_when_told = false;

 private:
  const bool movable_;
  ServerConn& conn_;
};

class SharedServerTest : public ServerConnTest {
 protected:
  void with_line(const std::function<void()>& body) {
    with_server([&] {
      conn->share(true);
      body();
      line.clear();
    });
  }
  // A simple query at the end of the line.
  Sharer& ask(std::string_view text = "select 1", bool movable = true) {
    line.push_back(std::make_unique<Sharer>(*conn, movable));
    conn->join(line.back()->exchange);
    append_query(conn->out(), text);
    line.back()->exchange.expect({.kind = Await::query});
    conn->flush_later();
    return *line.back();
  }
  // Cancels that reach the server while `body` runs.
  int cancels(const std::function<void()>& body) {
    net::testing::TempDir dir;
    endpoint = {{}, 0, dir.file("s")};
    int count = 0;
    with_line([&] {
      auto socket = net::ListenSocket::open(endpoint, {});
      ASSERT_TRUE(socket);
      net::Acceptor acceptor(loop_, **socket, [&](int fd, net::Endpoint from) {
        ++count;
        net::Stream carried(loop_, fd, std::move(from));
      });
      body();
      wait_for([&] { return conn->at_rest(); });
    });
    return count;
  }

  std::vector<std::unique_ptr<Sharer>> line;
};

TEST_F(SharedServerTest, requests_of_one_turn_leave_together_and_each_gets_its_own_answer) {
  with_line([&] {
    for (const char* text : {"one", "two", "three"}) ask(text);
    EXPECT_EQ(conn->written(), 0u) << "the turn isn't over";
    Buffer in;
    ASSERT_TRUE(server->read(in, soon()));
    EXPECT_EQ(types_of(in.view()), "QQQ") << "in one piece";
    for (const char* value : {"1", "2", "3"}) say(message('T') + row(value) + messages("CZ"));
    wait_for([&] { return line[2]->exchange.settled(); });
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(line[i]->text(), message('T') + row(std::to_string(i + 1)) + messages("CZ"));
    EXPECT_TRUE(conn->at_rest());
    EXPECT_EQ(conn->written(), in.size());
  });
}

TEST_F(SharedServerTest, answers_may_be_cut_anywhere) {
  const std::string replies = message('T') + row(std::string(300, 'x')) + messages("CZ") +
                              told_error("22012") + message('Z') + message('T') + row("3") +
                              messages("CZ");
  for (std::size_t size : {1, 2, 3, 5, 7, 64, 333, 1000})
    with_line([&] {
      for (int i = 0; i < 3; ++i) ask();
      say_in_pieces(replies, size);
      wait_for([&] { return line[2]->exchange.settled(); });
      EXPECT_EQ(line[0]->types(), "TDCZ") << size;
      EXPECT_EQ(line[1]->types(), "EZ") << size;
      EXPECT_EQ(line[2]->types(), "TDCZ") << size;
      EXPECT_TRUE(line[1]->settled_when_told) << size;
    });
}

TEST_F(SharedServerTest, an_orphans_answer_reaches_nobody) {
  for (std::size_t size : {1, 4, 1000})
    with_line([&] {
      for (int i = 0; i < 3; ++i) ask();
      conn->orphan(line[1]->exchange);
      EXPECT_TRUE(line[1]->exchange.settled());
      say_in_pieces(messages("TDCZ") + message('T') + row(std::string(500, 'x')) + messages("NCZ") +
                        messages("TDCZ"),
                    size);
      wait_for([&] { return line[2]->exchange.settled(); });
      EXPECT_EQ(line[0]->types(), "TDCZ");
      EXPECT_EQ(line[1]->types(), "");
      EXPECT_EQ(line[2]->types(), "TDCZ");
      EXPECT_TRUE(conn->at_rest());
    });
}

TEST_F(SharedServerTest, who_leaves_in_the_middle_of_its_answer_gets_no_more_of_it) {
  with_line([&] {
    Sharer& leaves = ask();
    Sharer& stays = ask();
    const std::string large = row(std::string(1000, 'x'));
    say(message('T') + large.substr(0, 500));
    wait_for([&] { return leaves.out.size() > 400; });
    EXPECT_TRUE(conn->torn(leaves.exchange));
    EXPECT_FALSE(conn->torn(stays.exchange));
    const std::size_t seen = leaves.out.size();
    conn->orphan(leaves.exchange);
    say(large.substr(500) + messages("CZ") + messages("TDCZ"));
    wait_for([&] { return stays.exchange.settled(); });
    EXPECT_EQ(leaves.out.size(), seen);
    EXPECT_EQ(stays.types(), "TDCZ");
  });
}

TEST_F(SharedServerTest, notices_are_for_the_one_whose_turn_it_is) {
  with_line([&] {
    Sharer &one = ask(), &other = ask();
    say(messages("NTDCZ") + messages("TDNCZ"));
    wait_for([&] { return other.exchange.settled(); });
    EXPECT_EQ(one.types(), "NTDCZ");
    EXPECT_EQ(other.types(), "TDNCZ");
  });
}

// A parameter that changes isn't what this client asked for: whoever comes next hears of it.
TEST_F(SharedServerTest, changed_parameters_are_nobodys_own) {
  with_line([&] {
    Sharer& one = ask();
    say(message('S', "TimeZone\0Europe/Berlin\0"s) + messages("CZ"));
    wait_for([&] { return one.exchange.settled(); });
    EXPECT_EQ(one.types(), "CZ");
    EXPECT_THAT(one.parameters, IsEmpty());
    EXPECT_EQ(conn->facts().baseline->find("TimeZone")->second, "Europe/Berlin");
  });
}

TEST_F(SharedServerTest, a_lost_connection_tells_all_in_line) {
  with_line([&] {
    for (int i = 0; i < 3; ++i) ask();
    conn->orphan(line[1]->exchange);
    say(messages("TDCZ"));
    wait_for([&] { return line[0]->exchange.settled(); });
    server.reset();
    wait_for([&] { return !conn->usable(); });
    EXPECT_THAT(line[0]->lost, IsEmpty()) << "it has its answer";
    EXPECT_THAT(line[1]->lost, IsEmpty()) << "it has left";
    ASSERT_EQ(line[2]->lost.size(), 1u);
    EXPECT_TRUE(line[2]->exchange.settled());
    EXPECT_TRUE(conn->at_rest());
  });
}

TEST_F(SharedServerTest, first_bytes_tell_what_never_left) {
  with_line([&] {
    Sharer& one = ask("select 1");
    EXPECT_EQ(one.exchange.first_byte(), 0u);
    const std::size_t size = conn->out().size();
    Sharer& other = ask("select 2");
    EXPECT_EQ(other.exchange.first_byte(), size);
    heard_by_server(2);
    EXPECT_EQ(conn->written(), 2 * size);
    EXPECT_EQ(ask().exchange.first_byte(), 2 * size);
  });
}

TEST_F(SharedServerTest, its_turn_begins_when_the_one_before_it_is_answered) {
  with_line([&] {
    EXPECT_EQ(conn->busy_since(), std::nullopt);
    Sharer& one = ask();
    const auto began = conn->busy_since();
    ASSERT_TRUE(began);
    Sharer& other = ask();
    EXPECT_EQ(conn->busy_since(), began);
    net::sleep_until(now() + 2ms);
    say(messages("CZ"));
    wait_for([&] { return one.exchange.settled(); });
    EXPECT_GT(*conn->busy_since(), *began);
    EXPECT_GE(one.exchange.served, 2ms);
    say(messages("CZ"));
    wait_for([&] { return other.exchange.settled(); });
    EXPECT_EQ(conn->busy_since(), std::nullopt);
    EXPECT_LT(other.exchange.served, one.exchange.served + 1s);
  });
}

TEST_F(SharedServerTest, rescue_sends_away_all_but_the_one_whose_turn_it_is) {
  with_line([&] {
    Sharer &head = ask(), &goes = ask(), &stays = ask("insert", false), &last = ask();
    conn->rescue();
    EXPECT_EQ(head.held_up, 0);
    EXPECT_TRUE(goes.exchange.settled());
    EXPECT_FALSE(stays.exchange.settled());
    EXPECT_TRUE(last.exchange.settled());
    say(messages("CZTDCZ") + messages("ICZ") + messages("TDCZ"));
    wait_for([&] { return conn->at_rest(); });
    EXPECT_EQ(head.types(), "CZ");
    EXPECT_EQ(stays.types(), "ICZ");
    EXPECT_EQ(goes.types() + last.types(), "");
  });
}

TEST_F(SharedServerTest, a_cancel_goes_out_when_nobody_else_can_be_hit) {
  EXPECT_EQ(cancels([&] {
              Sharer& head = ask();
              Sharer& writes = ask("insert", false);
              Sharer& behind = ask();
              heard_by_server(3);
              conn->cancel_alone(writes.exchange, soon());
              EXPECT_EQ(behind.held_up, 1);
              EXPECT_TRUE(head.exchange.settled()) << "it has been sent away too";
              EXPECT_FALSE(conn->had_cancel()) << "the server runs what isn't meant";
              say(messages("TDCZ"));  // of the head, for nobody
              wait_for([&] { return conn->had_cancel(); });
              say(told_error("57014") + message('Z') + messages("TDCZ"));
              wait_for([&] { return writes.exchange.settled(); });
              EXPECT_EQ(writes.types(), "EZ");
              EXPECT_EQ(head.types() + behind.types(), "");
            }),
            1);
}

TEST_F(SharedServerTest, a_cancel_waits_for_its_turn_whoever_stands_behind) {
  EXPECT_EQ(cancels([&] {
              Sharer& head = ask("insert", false);
              Sharer& writes = ask("insert", false);
              Sharer& behind = ask("insert", false);
              heard_by_server(3);
              conn->cancel_alone(writes.exchange, soon());
              net::sleep_until(now() + 5ms);
              EXPECT_FALSE(conn->had_cancel()) << "it would hit the one in front";
              say(messages("CZ"));
              wait_for([&] { return head.exchange.settled(); });
              wait_for([&] { return conn->had_cancel(); });
              say(told_error("57014") + message('Z') + messages("CZ"));
              wait_for([&] { return behind.exchange.settled(); });
              EXPECT_EQ(writes.types() + behind.types(), "EZCZ");
            }),
            1);
}

TEST_F(SharedServerTest, what_runs_for_nobody_is_cancelled_only_if_all_have_left) {
  EXPECT_EQ(cancels([&] {
              Sharer &one = ask(), &other = ask();
              heard_by_server(2);
              conn->orphan(one.exchange);
              conn->end_orphans();
              EXPECT_FALSE(conn->had_cancel());
              conn->orphan(other.exchange);
              conn->end_orphans();
              EXPECT_TRUE(conn->had_cancel());
              EXPECT_FALSE(conn->at_rest());
              say(told_error("57014") + message('Z') + messages("CZ"));
            }),
            1);
}

TEST_F(SharedServerTest, a_connection_forgets_its_cancels_when_it_is_shared_anew) {
  cancels([&] {
    conn->orphan(ask().exchange);
    conn->end_orphans();
    say(told_error("57014") + message('Z'));
    wait_for([&] { return conn->at_rest(); });
    EXPECT_TRUE(conn->had_cancel());
    conn->share(false);
    conn->share(true);
    EXPECT_FALSE(conn->had_cancel());
  });
}

TEST_F(SharedServerTest, plain_tables_are_what_the_server_says) {
  with_server([&] {
    std::string answer = "t";
    Script script(loop_, *server,
                  [&](const std::string&) { return message('T') + row(answer) + messages("CZ"); });
    const std::string names[] = {"t", "s.Odd 'name"};
    EXPECT_TRUE(conn->plain_tables(names));
    EXPECT_NE(script.asked[0].find("'\"t\"'"), std::string::npos) << script.asked[0];
    answer = "f";
    EXPECT_FALSE(conn->plain_tables(names));
  });
  with_server([&] {
    Script script(loop_, *server,
                  [](const std::string&) { return told_error("42501") + message('Z'); });
    const std::string names[] = {"t"};
    EXPECT_FALSE(conn->plain_tables(names));
    EXPECT_TRUE(conn->usable());
  });
}

}  // namespace
}  // namespace sluice::postgres
