// Lanes with connections that only note what is done to them, and statements whose cost the test says.
// Long because seats, stalls, verdicts and the walk past them share one rig.
#include "flow/lanes.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flow/pipeline.h"
#include "net/testing.h"
#include "sluice/query/examiner.h"

namespace sluice::flow {
namespace {

using namespace std::chrono_literals;
using batch::Alone;
using net::testing::code_of;
using net::testing::run_on_fiber;
using net::testing::soon;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeConn;

// What the connections of a test share.
struct World {
  std::vector<std::string> log;
  std::vector<FakeConn*> conns;  // by number, from 1; null: closed
  std::function<Result<void>(int conn)> connect = [](int) { return Result<void>{}; };
  std::function<bool(int conn, std::uint64_t client)> suits = [](int, std::uint64_t) {
    return true;
  };
};

class FakeConn final : public session::UpstreamConn {
 public:
  FakeConn(World& world, int which) : number(which), world_(world) { note("connect"); }
  ~FakeConn() override {
    note("close");
    world_.conns[static_cast<std::size_t>(number)] = nullptr;
  }
  bool usable() const override { return !dead; }
  Result<void> adopt(session::Client&) override { return {}; }
  bool held() const override { return false; }
  bool settle(session::Client&) override { return true; }
  void share(bool on) override { note(on ? "share" : "unshare"); }
  bool suits(const session::Client& client) const override {
    return world_.suits(number, client.id);
  }
  std::optional<Time> busy_since() const override { return busy; }
  void rescue() override { ++rescues; }
  void end_orphans() override { ++orphans_ended; }
  bool at_rest() const override { return rests; }
  void note(const std::string& what) { world_.log.push_back(what + " " + std::to_string(number)); }

  const int number;
  bool dead = false, rests = true;
  std::optional<Time> busy;
  int rescues = 0, orphans_ended = 0;

 private:
  World& world_;
};

class FakeClient final : public session::Client {
 public:
  bool keeps_lease() const override { return pinned; }
  bool pinned = false;
};

class FakeRequest final : public session::Request {
 public:
  explicit FakeRequest(std::string_view text) { statement = text; }
  Result<void> exchange(session::UpstreamConn& conn) override {
    return run ? run(static_cast<FakeConn&>(conn)) : Result<void>{};
  }
  void answer(std::string_view) override {}
  bool unsent() const override { return false; }
  bool may_share() override { return sharable; }
  bool vouch(session::UpstreamConn&, std::span<const std::string> relations) override {
    asked_about.assign(relations.begin(), relations.end());
    return plain_tables;
  }

  std::function<Result<void>(FakeConn&)> run;
  bool sharable = true, plain_tables = true;
  std::vector<std::string> asked_about;
};

class LanesTest : public ::testing::Test {
 protected:
  void SetUp() override { use_pool({.max = 4}); }

  void use_pool(PoolOptions options) {
    world.conns.assign(1, nullptr);
    pool = PoolCore::make(options, [this](unsigned, Deadline) -> Result<std::unique_ptr<Poolable>> {
      const int number = static_cast<int>(world.conns.size());
      world.conns.push_back(nullptr);
      if (auto connected = world.connect(number); !connected)
        return std::unexpected(connected.error());
      auto conn = std::make_unique<FakeConn>(world, number);
      world.conns[static_cast<std::size_t>(number)] = conn.get();
      return conn;
    });
    use_lanes({});
  }
  void use_lanes(LaneOptions options) { lanes = std::make_shared<Lanes>(pool, 0, options); }

  void on_fiber(const std::function<void()>& body) {
    net::Loop loop;
    run_on_fiber(loop, [&] {
      body();
      lanes->close(soon());
      lanes.reset();
      clients.clear();
      pool->close();
    });
  }
  FakeClient& client() {
    clients.push_back(std::make_unique<FakeClient>());
    clients.back()->id = clients.size();
    return *clients.back();
  }
  Lanes::Lane* sit(FakeClient& who, Deadline deadline = soon()) {
    auto lane = lanes->take(who, deadline);
    EXPECT_TRUE(lane) << lane.error().detail;
    return lane ? *lane : nullptr;
  }
  Lanes::Lane* sit() { return sit(client()); }
  static FakeConn& conn_of(const Lanes::Lane& lane) { return static_cast<FakeConn&>(*lane.conn); }
  void leave(Lanes::Lane* lane) { lanes->leave(*lane, 100us); }
  // The loop goes on until `what` holds.
  static bool wait_for(const std::function<bool()>& what, Duration longest = 5s) {
    const Deadline end = now() + longest;
    while (!what() && now() < end) net::sleep_until(now() + 1ms);
    return what();
  }
  // Time passes, timers run.
  static void pass(Duration time) { net::sleep_until(now() + time); }
  // The turn ends.
  static void turn() {
    net::yield();
    net::yield();
  }
  unsigned leased() const { return pool->stats(now()).leased; }
  std::vector<std::string> take_log() { return std::exchange(world.log, {}); }

  World world;
  std::shared_ptr<PoolCore> pool;
  std::shared_ptr<Lanes> lanes;
  std::vector<std::unique_ptr<FakeClient>> clients;
};

// ---- seats

TEST_F(LanesTest, lone_request_has_a_lease_for_one_turn) {
  on_fiber([&] {
    for (int i = 0; i < 3; ++i) {
      Lanes::Lane* lane = sit();
      EXPECT_EQ(leased(), 1u);
      leave(lane);
      turn();
      EXPECT_EQ(leased(), 0u);
    }
    EXPECT_THAT(take_log(), ElementsAre("connect 1", "share 1", "unshare 1", "share 1", "unshare 1",
                                        "share 1", "unshare 1"));
    EXPECT_EQ(lanes->figures().statements, 3u);
    EXPECT_EQ(lanes->figures().lanes, 0);
    EXPECT_EQ(lanes->figures().depth, 16u) << "what it begins with";
  });
}

TEST_F(LanesTest, requests_of_one_turn_share_a_connection) {
  on_fiber([&] {
    Lanes::Lane* one = sit();
    Lanes::Lane* other = sit();
    EXPECT_EQ(one, other);
    leave(one);
    turn();
    EXPECT_EQ(leased(), 1u) << "somebody sits there still";
    leave(other);
    turn();
    EXPECT_EQ(leased(), 0u);
  });
}

TEST_F(LanesTest, more_than_go_on_one_connection_open_another) {
  on_fiber([&] {
    std::vector<Lanes::Lane*> seats;
    for (int i = 0; i < 16; ++i) seats.push_back(sit());  // the depth to begin with
    EXPECT_EQ(leased(), 1u);
    seats.push_back(sit());
    EXPECT_EQ(leased(), 2u);
    EXPECT_NE(seats.back(), seats.front());
    for (int i = 0; i < 15; ++i) seats.push_back(sit());
    EXPECT_EQ(seats.front()->seats, 16u) << "who comes sits where the fewest sit";
    EXPECT_EQ(seats[16]->seats, 16u);
    for (Lanes::Lane* lane : seats) leave(lane);
  });
}

TEST_F(LanesTest, where_the_pool_has_no_more_all_sit_on_what_there_is) {
  use_pool({.max = 1});
  on_fiber([&] {
    std::vector<Lanes::Lane*> seats;
    for (int i = 0; i < 40; ++i) seats.push_back(sit());
    EXPECT_EQ(seats.front()->seats, 40u);
    for (Lanes::Lane* lane : seats) leave(lane);
  });
}

TEST_F(LanesTest, a_full_lane_makes_wait_for_the_pool) {
  use_pool({.max = 1});
  on_fiber([&] {
    std::vector<Lanes::Lane*> seats;
    for (unsigned i = 0; i < batch::DepthControl::kDeepest; ++i) seats.push_back(sit());
    EXPECT_EQ(code_of(lanes->take(client(), now() + 5ms)), Code::timed_out);
    for (Lanes::Lane* lane : seats) leave(lane);
  });
}

TEST_F(LanesTest, settings_that_do_not_suit_open_another_lane) {
  world.suits = [](int conn, std::uint64_t client) {
    return conn % 2 == static_cast<int>(client) % 2;
  };
  on_fiber([&] {
    FakeClient &one = client(), &other = client();
    Lanes::Lane* first = sit(one);
    Lanes::Lane* second = sit(other);
    EXPECT_NE(first, second);
    EXPECT_EQ(sit(one), first);
    EXPECT_EQ(sit(other), second);
    for (int i = 0; i < 2; ++i) leave(first), leave(second);
  });
}

TEST_F(LanesTest, a_dead_connection_gets_nobody_and_is_closed) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    conn_of(*lane).dead = true;
    Lanes::Lane* other = sit();
    EXPECT_NE(lane, other);
    leave(lane);
    turn();
    EXPECT_EQ(world.conns[1], nullptr);
    EXPECT_NE(world.conns[2], nullptr);
    leave(other);
    turn();
    EXPECT_THAT(take_log(), ElementsAre("connect 1", "share 1", "connect 2", "share 2", "unshare 1",
                                        "close 1", "unshare 2"));
  });
}

// ---- lanes that are held up, or held for long

TEST_F(LanesTest, a_head_that_stalls_closes_its_lane_and_the_others_are_rescued) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    FakeConn& held_up = conn_of(*lane);
    held_up.busy = now() - 10s;
    ASSERT_TRUE(wait_for([&] { return held_up.rescues > 0; }));
    EXPECT_EQ(lanes->figures().stalls, 1u);
    Lanes::Lane* other = sit();
    EXPECT_NE(other, lane);
    const int rescues = held_up.rescues;
    ASSERT_TRUE(wait_for([&] { return held_up.rescues > rescues; })) << "who came in between too";
    EXPECT_EQ(lanes->figures().stalls, 1u) << "it is one stall";
    EXPECT_EQ(held_up.orphans_ended, 0) << "somebody waits for it";
    leave(lane);
    leave(other);
  });
}

TEST_F(LanesTest, a_head_that_is_just_busy_is_left_alone) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    FakeConn& conn = conn_of(*lane);
    for (int i = 0; i < 20; ++i) {
      conn.busy = now() + 1s;
      pass(1ms);
    }
    EXPECT_EQ(conn.rescues, 0);
    EXPECT_EQ(sit(), lane);
    leave(lane);
    leave(lane);
  });
}

TEST_F(LanesTest, what_runs_for_nobody_is_ended_once) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    FakeConn& conn = conn_of(*lane);
    conn.busy = now() - 10s;
    conn.rests = false;
    leave(lane);
    ASSERT_TRUE(wait_for([&] { return conn.orphans_ended > 0; }));
    pass(20ms);
    EXPECT_EQ(conn.orphans_ended, 1);
    EXPECT_EQ(leased(), 1u);
    conn.busy.reset();
    conn.rests = true;
    EXPECT_TRUE(wait_for([&] { return leased() == 0; }));
  });
}

TEST_F(LanesTest, lanes_close_while_somebody_waits_for_the_pool) {
  use_pool({.max = 1});
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    bool served = false;
    net::Loop::current()->spawn([&] {
      auto lease = pool->acquire({.deadline = soon()});
      served = lease.has_value();
    });
    ASSERT_TRUE(wait_for([&] { return pool->waited_for(); }));
    // Always somebody sits there: one comes before the other leaves.
    const bool closed = wait_for([&] {
      auto next = lanes->take(client(), now() + 1ms);
      if (!next) return true;
      leave(lane);
      lane = *next;
      return false;
    });
    EXPECT_TRUE(closed);
    leave(lane);
    EXPECT_TRUE(wait_for([&] { return served; }));
  });
}

TEST_F(LanesTest, of_several_connections_one_stays_a_lane_while_it_is_used) {
  use_pool({.max = Lanes::kSeveral});
  on_fiber([&] {
    std::vector<PoolLease> others;
    while (others.size() < Lanes::kSeveral - 1)
      others.push_back(*pool->acquire({.deadline = soon()}));
    Lanes::Lane* lane = sit();
    bool served = false;
    net::Loop::current()->spawn([&] {
      auto lease = pool->acquire({.deadline = soon()});
      served = lease.has_value();
    });
    ASSERT_TRUE(wait_for([&] { return pool->waited_for(); }));
    for (int turn = 0; turn < 10; ++turn) {  // longer than a lane is held as a rule
      leave(lane);
      net::sleep_until(now() + Lanes::kHeld / 8);
      lane = sit();
    }
    EXPECT_FALSE(served) << "it waits for one of those that aren't a lane";
    leave(lane);
    EXPECT_TRUE(wait_for([&] { return served; })) << "nobody sat in the lane any more";
  });
}

TEST_F(LanesTest, a_lane_that_stays_is_given_up_for_a_pause) {
  use_pool({.max = Lanes::kSeveral});
  on_fiber([&] {
    std::vector<PoolLease> others;
    while (others.size() < Lanes::kSeveral - 1)
      others.push_back(*pool->acquire({.deadline = soon()}));
    Lanes::Lane* lane = sit();
    net::Loop::current()->spawn([&] { (void)pool->acquire({.deadline = now() + 2s}); });
    ASSERT_TRUE(wait_for([&] { return pool->waited_for(); }));
    pool->pause();
    leave(lane);
    EXPECT_TRUE(wait_for([&] { return leased() == others.size(); }));
    pool->resume();
  });
}

TEST_F(LanesTest, lanes_are_held_for_a_while_at_most) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    const Time opened = now();
    ASSERT_TRUE(wait_for([&] {
      Lanes::Lane* next = sit();
      leave(next);
      return next != lane;
    }));
    EXPECT_GE(now() - opened, Lanes::kHeld - 10ms);
    leave(lane);
  });
}

// ---- waiting for a lane that is being opened

class OpeningTest : public LanesTest {
 protected:
  void SetUp() override {
    LanesTest::SetUp();
    world.connect = [this](int) -> Result<void> {
      ++logins;
      while (!gate_open) net::sleep_until(now() + 1ms);
      if (refused-- > 0) return fail(Code::unavailable, "no");
      return {};
    };
  }
  // Takes a seat on a fiber of its own; `done` tells what came of it.
  struct Seat {
    FakeClient* who;
    std::optional<Code> failed;
    Lanes::Lane* lane = nullptr;
    bool done = false;
  };
  Seat& ask(Deadline deadline = soon(), std::function<void()> then = {}) {
    seats.push_back(std::make_unique<Seat>());
    Seat& seat = *seats.back();
    seat.who = &client();
    net::Loop::current()->spawn([this, &seat, deadline, then] {
      auto lane = lanes->take(*seat.who, deadline);
      if (lane)
        seat.lane = *lane;
      else
        seat.failed = lane.error().code;
      seat.done = true;
      if (then) then();
    });
    turn();
    return seat;
  }
  bool all_done() {
    return wait_for([&] { return std::ranges::all_of(seats, [](auto& s) { return s->done; }); });
  }
  void leave_all() {
    for (auto& seat : seats)
      if (seat->lane) leave(seat->lane);
  }

  int logins = 0, refused = 0;
  bool gate_open = false;
  std::vector<std::unique_ptr<Seat>> seats;
};

TEST_F(OpeningTest, those_who_come_meanwhile_share_what_is_being_opened) {
  on_fiber([&] {
    for (int i = 0; i < 5; ++i) ask();
    EXPECT_EQ(lanes->figures().waiting, 4);
    gate_open = true;
    ASSERT_TRUE(all_done());
    EXPECT_EQ(logins, 1);
    EXPECT_EQ(lanes->figures().waiting, 0);
    for (auto& seat : seats) EXPECT_EQ(seat->lane, seats[0]->lane);
    leave_all();
  });
}

TEST_F(OpeningTest, a_wait_ends_at_its_deadline) {
  on_fiber([&] {
    ask();
    Seat& late = ask(now() + 5ms);
    ASSERT_TRUE(wait_for([&] { return late.done; }));
    EXPECT_EQ(late.failed, Code::timed_out);
    gate_open = true;
    ASSERT_TRUE(all_done());
    leave_all();
  });
}

TEST_F(OpeningTest, a_cancelled_wait_is_over_and_nobody_elses) {
  on_fiber([&] {
    Seat& opens = ask();
    Seat& one = ask();
    Seat& other = ask();
    EXPECT_FALSE(lanes->cancel(opens.who->id)) << "it waits for the pool";
    EXPECT_TRUE(lanes->cancel(one.who->id));
    ASSERT_TRUE(wait_for([&] { return one.done; }));
    EXPECT_EQ(one.failed, Code::cancelled);
    EXPECT_FALSE(lanes->cancel(one.who->id));
    EXPECT_FALSE(other.done);
    gate_open = true;
    ASSERT_TRUE(all_done());
    EXPECT_NE(other.lane, nullptr);
    leave_all();
  });
}

TEST_F(OpeningTest, when_opening_fails_the_next_one_tries) {
  refused = 1;
  on_fiber([&] {
    Seat& first = ask();
    Seat& second = ask();
    gate_open = true;
    ASSERT_TRUE(all_done());
    EXPECT_EQ(first.failed, Code::unavailable);
    // The pool backs off after a refusal: it tells at once or opens, but the wait is over.
    EXPECT_TRUE(second.lane || second.failed == Code::unavailable);
    leave_all();
  });
}

TEST_F(OpeningTest, one_who_is_called_and_cancelled_passes_its_turn_on) {
  refused = 1;
  on_fiber([&] {
    Seat* called = nullptr;
    ask(soon(), [&] { EXPECT_TRUE(lanes->cancel(called->who->id)); });  // when it has failed
    called = &ask();
    Seat& last = ask(now() + 10s);
    gate_open = true;
    const Time began = now();
    ASSERT_TRUE(all_done());
    EXPECT_EQ(called->failed, Code::cancelled);
    EXPECT_TRUE(last.lane || last.failed == Code::unavailable);
    EXPECT_LT(now() - began, 5s) << "not by its deadline";
    leave_all();
  });
}

// ---- the end

TEST_F(LanesTest, close_waits_for_what_runs_for_nobody) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    FakeConn& conn = conn_of(*lane);
    conn.rests = false;
    leave(lane);
    turn();
    ASSERT_EQ(leased(), 1u);
    net::Loop::current()->spawn([&] {
      pass(20ms);
      conn.rests = true;
    });
    lanes->close(soon());
    EXPECT_EQ(conn.orphans_ended, 1);
    EXPECT_EQ(leased(), 0u);
  });
}

TEST_F(LanesTest, after_close_the_loop_knows_nothing_of_them) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    FakeConn* conn = &conn_of(*lane);
    conn->rests = false;
    leave(lane);
    turn();
    net::Loop::current()->spawn([conn] {  // their tick and the end of close() come in the same turn
      std::this_thread::sleep_for(20ms);
      conn->rests = true;
    });
    lanes->close(soon());
    EXPECT_EQ(leased(), 0u);
    lanes.reset();
    turn();
    use_lanes({});
  });
}

TEST_F(LanesTest, close_waits_no_longer_than_it_may) {
  on_fiber([&] {
    Lanes::Lane* lane = sit();
    FakeConn& conn = conn_of(*lane);
    conn.rests = false;
    leave(lane);
    lanes->close(now() + 20ms);
    EXPECT_EQ(leased(), 1u);
    conn.rests = true;
  });
}

// ---- who may share

class JudgeTest : public LanesTest {
 protected:
  query::TemplateRef template_of(std::string_view text) {
    const query::Seen seen = examiner.examine(text);
    analysis = seen.analysis;
    templates.parse_queued();
    return seen.statement ? *seen.statement : nullptr;
  }
  // What is decided about the statement's next execution.
  Alone judged(std::string_view text, std::uint64_t context = 0, bool sharable = true) {
    FakeRequest q(text);
    const query::TemplateRef known = template_of(text);
    q.analysis = analysis;
    q.known_as = known.get();
    q.context = context;
    q.sharable = sharable;
    return lanes->judge(who, q, Lanes::sign_of(q));
  }
  // It ran alone so often. Known before, as every statement that comes is.
  void ran(std::string_view text, int times, Duration took = 100us, std::size_t bytes = 100,
           std::uint64_t context = 0) {
    for (int i = 0; i < times; ++i) {
      judged(text, context);
      FakeRequest q(text);
      const query::TemplateRef known = template_of(text);
      q.known_as = known.get();
      q.context = context;
      q.took = took;
      q.reply_bytes = bytes;
      const Lanes::Sign sign = Lanes::sign_of(q);
      lanes->note(sign, q, false);
      asked_about = lanes->unvouched(sign);
      if (asked_about) {
        ++questions;
        lanes->vouched(sign, plain_tables);
      }
    }
  }
  // Whether it shares once it has proven short.
  Alone proven(std::string_view text) {
    ran(text, 30);
    return judged(text);
  }
  std::optional<Alone> verdict(std::string_view text) {
    return lanes->verdict(template_of(text)->fingerprint());
  }

  query::Templates templates;
  query::Examiner examiner{&templates};
  query::Analysis analysis;
  FakeClient who;
  bool plain_tables = true;
  int questions = 0;
  std::shared_ptr<const std::vector<std::string>> asked_about;
};

TEST_F(JudgeTest, short_plain_reads_share_once_they_have_proven_it) {
  on_fiber([&] {
    const auto text = "select a from t where b = 1";
    EXPECT_EQ(judged(text), Alone::unproven);
    ran(text, 19);
    EXPECT_EQ(judged(text), Alone::unproven);
    ran(text, 2);
    EXPECT_EQ(judged(text), Alone::no);
    EXPECT_EQ(judged("select a from t where b = 2"), Alone::no);
    EXPECT_EQ(questions, 1);
    EXPECT_EQ(judged("select a, b from t where b = 1"), Alone::unproven);
  });
}

TEST_F(JudgeTest, tables_are_asked_about_once_and_views_are_alone) {
  plain_tables = false;
  on_fiber([&] {
    EXPECT_EQ(proven("select a from v"), Alone::relations);
    ran("select a from v", 100);
    EXPECT_EQ(questions, 1);
    EXPECT_EQ(judged("select a from v"), Alone::relations);
    EXPECT_EQ(proven("select 1"), Alone::no) << "it reads nothing";
  });
}

TEST_F(JudgeTest, slow_and_large_ones_are_alone) {
  on_fiber([&] {
    ran("select 1", 30, 3ms);
    EXPECT_EQ(judged("select 1"), Alone::slow);
    ran("select 2, 2", 30, 100us, 20 * 1024);
    EXPECT_EQ(judged("select 2, 2"), Alone::large);
  });
}

TEST_F(JudgeTest, what_does_more_than_read_is_alone) {
  on_fiber([&] {
    EXPECT_EQ(proven("insert into t values (1)"), Alone::writes);
    EXPECT_EQ(proven("select a from t for update"), Alone::locks_rows);
    EXPECT_EQ(proven("select random()"), Alone::functions);
    EXPECT_EQ(proven("select my_function(1)"), Alone::functions);
    EXPECT_EQ(proven("with w as (delete from t returning 1) select * from w"), Alone::writes);
    EXPECT_EQ(proven("set application_name = 'x'"), Alone::effects);
    EXPECT_EQ(proven("begin"), Alone::effects);
    EXPECT_EQ(proven("select nextval('s')"), Alone::sequences);
    EXPECT_EQ(proven("select 1; select 2"), Alone::shape);
    EXPECT_EQ(proven("create table u (a int)"), Alone::effects);
  });
}

TEST_F(JudgeTest, single_writes_share_where_all_may) {
  use_lanes({.sharing = batch::Sharing::all});
  on_fiber([&] {
    EXPECT_EQ(proven("update t set a = 1"), Alone::no);
    EXPECT_EQ(proven("delete from t where a = 1"), Alone::no);
    EXPECT_EQ(proven("insert into t values (1)"), Alone::no);
    EXPECT_EQ(proven("create table u (a int)"), Alone::effects);
  });
}

TEST_F(JudgeTest, only_reads_may_be_sent_again) {
  use_lanes({.sharing = batch::Sharing::all});
  on_fiber([&] {
    for (const auto& [text, again] :
         {std::pair{"select 1", true},
          {"delete from t", false},
          {"with w as (delete from t returning 1) select * from w", false}}) {
      ASSERT_EQ(proven(text), Alone::no);
      FakeRequest q(text);
      const query::TemplateRef known = template_of(text);
      q.analysis = analysis;
      q.known_as = known.get();
      EXPECT_EQ(lanes->judge(who, q, Lanes::sign_of(q)), Alone::no);
      EXPECT_EQ(q.repeatable, again) << text;
    }
  });
}

TEST_F(JudgeTest, who_keeps_a_connection_is_alone) {
  on_fiber([&] {
    ASSERT_EQ(proven("select 1"), Alone::no);
    who.pinned = true;
    EXPECT_EQ(judged("select 1"), Alone::session);
    who.pinned = false;
    EXPECT_EQ(judged("select 1"), Alone::no);
    EXPECT_EQ(judged("select 1", 0, false), Alone::shape);
  });
}

TEST_F(JudgeTest, a_text_under_other_settings_is_another_statement) {
  on_fiber([&] {
    ASSERT_EQ(proven("select 1"), Alone::no);
    EXPECT_EQ(judged("select 1", 7), Alone::unproven);
    ran("select 1", 30, 3ms, 100, 7);
    EXPECT_EQ(judged("select 1", 7), Alone::slow);
    EXPECT_EQ(judged("select 1"), Alone::no);
  });
}

TEST_F(JudgeTest, without_a_fingerprint_nothing_is_known) {
  on_fiber([&] {
    FakeRequest q("select 1");
    q.analysis = examiner.examine(q.statement).analysis;
    EXPECT_EQ(lanes->judge(who, q, Lanes::sign_of(q)), Alone::unanalysed);
  });
}

TEST_F(JudgeTest, every_statement_alone_is_counted_by_its_reason) {
  on_fiber([&] {
    for (int i = 0; i < 3; ++i) judged("begin");
    judged("select 1");
    const auto& alone = lanes->figures().alone;
    EXPECT_EQ(alone[static_cast<std::size_t>(Alone::effects)], 3u);
    EXPECT_EQ(alone[static_cast<std::size_t>(Alone::unproven)], 1u);
    EXPECT_EQ(alone[static_cast<std::size_t>(Alone::no)], 0u);
  });
}

TEST_F(JudgeTest, verdicts_can_be_asked_for_by_fingerprint) {
  on_fiber([&] {
    EXPECT_EQ(verdict("select 1"), std::nullopt);
    judged("select 1");
    EXPECT_EQ(verdict("select 1"), Alone::unproven);
    ASSERT_EQ(proven("select 1"), Alone::no);
    EXPECT_EQ(verdict("select 1"), Alone::no);
    judged("insert into t values (1)");
    EXPECT_EQ(verdict("insert into t values (1)"), Alone::writes);
  });
}

TEST_F(JudgeTest, one_execution_in_another_shape_changes_no_verdict) {
  on_fiber([&] {
    ASSERT_EQ(proven("select 1"), Alone::no);
    judged("select 1", 0, false);
    EXPECT_EQ(verdict("select 1"), Alone::no);
    ran("select 2, 2", 30);
    judged("select 2, 2", 0, false);
    EXPECT_EQ(verdict("select 2, 2"), Alone::no) << "it has shared before";
  });
}

TEST_F(JudgeTest, what_never_comes_in_a_shape_that_shares_says_so) {
  on_fiber([&] {
    ran("select 1", 20);
    judged("select 1", 0, false);
    EXPECT_EQ(verdict("select 1"), Alone::shape);
  });
}

// ---- on the walk

class SharedWalkTest : public JudgeTest {
 protected:
  SharedWalkTest() { examiners.push_back(std::make_unique<query::Examiner>(&templates)); }

  Result<void> ask(FakeRequest& request) {
    FakeClient& one = client();
    one.destination = std::make_shared<Upstream>(std::vector<Replica>{{"db1", pool, {lanes}}},
                                                 std::vector<Target>{{.primary = true}});
    request.deadline = soon();
    return pipeline.ask(one, request);
  }
  // "select 1" shares from here on.
  void warm() {
    FakeRequest first("select 1");
    ASSERT_TRUE(ask(first));  // so that it is parsed
    ASSERT_EQ(proven("select 1"), Alone::no);
  }

  Limiter limiter;
  std::vector<std::unique_ptr<query::Examiner>> examiners;
  struct : Elsewhere {
    void run(const std::function<void()>& work) override { work(); }
  } elsewhere;
  Cache cache;
  Flights flights;
  Balancer balancer;
  Pipeline pipeline{{limiter, examiners, elsewhere, cache, flights, balancer}};
};

TEST_F(SharedWalkTest, what_was_measured_lets_a_statement_share) {
  on_fiber([&] {
    int shared = 0;
    for (int i = 0; i < 40; ++i) {
      FakeRequest request("select a from t");
      request.run = [&](FakeConn&) {
        shared += clients.back()->seat != nullptr;
        request.took = 100us;
        return Result<void>{};
      };
      ASSERT_TRUE(ask(request));
      templates.parse_queued();
      EXPECT_EQ(clients.back()->seat, nullptr);
      if (!request.asked_about.empty()) {
        EXPECT_THAT(request.asked_about, ElementsAre("t"));
      }
    }
    EXPECT_GE(shared, 15);
    EXPECT_LE(shared, 20);
    EXPECT_EQ(lanes->figures().statements, static_cast<unsigned>(shared));
  });
}

TEST_F(SharedWalkTest, what_has_to_be_asked_again_is_asked_elsewhere_and_counted) {
  using Ending = session::Request::Ending;
  on_fiber([&] {
    warm();
    const auto& figures = lanes->figures();
    for (const auto& [ending, count] : {std::pair{Ending::held_up, &figures.rescues},
                                        std::pair{Ending::refused, &figures.reruns}}) {
      int tries = 0;
      FakeRequest request("select 1");
      request.run = [&](FakeConn&) -> Result<void> {
        if (++tries > 1) return {};
        request.again = true;
        request.ending = ending;
        request.left_behind = ending == Ending::held_up;
        return fail(Code::unavailable, "again");
      };
      EXPECT_TRUE(ask(request));
      EXPECT_EQ(tries, 2);
      EXPECT_EQ(*count, 1u);
    }
    EXPECT_EQ(figures.orphans, 1u);
    EXPECT_EQ(figures.cancelled, 0u);
  });
}

TEST_F(SharedWalkTest, what_shared_in_vain_is_asked_alone_in_the_end) {
  on_fiber([&] {
    warm();
    int shared = 0, alone = 0;
    FakeRequest request("select 1");
    request.run = [&](FakeConn&) -> Result<void> {
      if (!clients.back()->seat) return ++alone, Result<void>{};
      ++shared;
      request.again = true;
      request.ending = session::Request::Ending::refused;
      return fail(Code::unavailable, "again");
    };
    EXPECT_TRUE(ask(request));
    EXPECT_EQ(shared, 3);
    EXPECT_EQ(alone, 1);
    EXPECT_EQ(lanes->figures().reruns, 3u);
  });
}

TEST_F(SharedWalkTest, one_that_was_cancelled_here_is_counted_and_over) {
  on_fiber([&] {
    warm();
    int tries = 0;
    FakeRequest request("select 1");
    request.run = [&](FakeConn&) {
      ++tries;
      request.ending = session::Request::Ending::cancelled;
      request.left_behind = true;
      return Result<void>{};
    };
    EXPECT_TRUE(ask(request));
    EXPECT_EQ(tries, 1);
    EXPECT_EQ(lanes->figures().cancelled, 1u);
    EXPECT_EQ(lanes->figures().orphans, 1u);
  });
}

TEST_F(SharedWalkTest, a_failure_that_is_its_own_is_told) {
  on_fiber([&] {
    warm();
    FakeRequest request("select 1");
    request.run = [](FakeConn&) { return fail(Code::connection_lost, "gone"); };
    EXPECT_EQ(code_of(ask(request)), Code::connection_lost);
    EXPECT_EQ(lanes->figures().reruns, 0u);
  });
}

}  // namespace
}  // namespace sluice::flow
