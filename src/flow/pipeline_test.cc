// The walk with a client, a request and connections that only write down what is done to them.
#include "flow/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/testing.h"

namespace sluice::flow {
namespace {

using namespace std::chrono_literals;
using net::testing::code_of;
using net::testing::run_on_fiber;
using net::testing::soon;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What the connections of a test share.
struct World {
  std::vector<std::string> log;
  int connects = 0;
  std::function<Result<void>(int conn)> adopt = [](int) { return Result<void>{}; };
  std::optional<Error> refusal;  // of the next login
};

class FakeConn final : public session::UpstreamConn {
 public:
  FakeConn(World& world, int which) : world_(world), number(which) { note("connect"); }
  ~FakeConn() override { note("close"); }
  bool usable() const override { return !dead; }
  Result<void> adopt(session::Client&) override {
    note("adopt");
    return world_.adopt(number);
  }
  bool held() const override { return in_transaction; }
  bool settle(session::Client&) override {
    note("settle");
    return reusable;
  }
  void note(const std::string& what) { world_.log.push_back(what + " " + std::to_string(number)); }

 private:
  World& world_;

 public:
  const int number;
  bool dead = false, in_transaction = false, reusable = true;
};

class FakeClient final : public session::Client {
 public:
  bool keeps_lease() const override { return pinned; }
  FakeConn& conn() { return static_cast<FakeConn&>(lease.get()); }
  bool pinned = false;
};

class FakeRequest final : public session::Request {
 public:
  explicit FakeRequest(std::string_view text) { statement = text; }
  Result<void> exchange(session::UpstreamConn& conn) override {
    auto& fake = static_cast<FakeConn&>(conn);
    fake.note("exchange");
    return run ? run(fake) : Result<void>{};
  }
  void answer(std::string_view reply) override { answered = reply; }
  bool unsent() const override { return !sent; }

  std::function<Result<void>(FakeConn&)> run;
  bool sent = false;
  std::string answered;
};

class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override { use_pool({.max = 4}); }
  void TearDown() override { pool->close(); }

  void use_pool(PoolOptions options) {
    pool = PoolCore::make(options, [this](unsigned, Deadline) -> Result<std::unique_ptr<Poolable>> {
      if (auto refused = std::exchange(world.refusal, std::nullopt))
        return std::unexpected(*refused);
      return std::make_unique<FakeConn>(world, ++world.connects);
    });
    upstream = std::make_shared<Upstream>(std::vector<Replica>{{"db1", pool}},
                                          std::vector<Target>{{.primary = true}});
  }
  FakeClient& client() {
    clients.push_back(std::make_unique<FakeClient>());
    clients.back()->id = clients.size();
    clients.back()->destination = upstream;
    return *clients.back();
  }
  void on_fiber(const std::function<void()>& body) {
    net::Loop loop;
    run_on_fiber(loop, [&] {
      body();
      clients.clear();
      pool->close();
    });
  }
  Result<void> ask(FakeClient& who, std::string_view text = "select 1") {
    FakeRequest request(text);
    return pipeline.ask(who, request);
  }
  // Fails as a connection does that turns out dead.
  static Result<void> die(FakeConn& conn) {
    conn.dead = true;
    return fail(Code::connection_lost, "gone");
  }
  std::vector<std::string> take_log() { return std::exchange(world.log, {}); }

  World world;
  std::shared_ptr<PoolCore> pool;
  std::shared_ptr<Upstream> upstream;
  std::vector<std::unique_ptr<FakeClient>> clients;
  Limiter limiter;
  std::vector<std::unique_ptr<query::Examiner>> examiners = [] {
    std::vector<std::unique_ptr<query::Examiner>> made;
    made.push_back(std::make_unique<query::Examiner>());
    return made;
  }();
  struct : Elsewhere {
    void run(const std::function<void()>& work) override {
      ++runs;
      work();
    }
    int runs = 0;
  } elsewhere;
  Cache cache;
  Flights flights;
  Balancer balancer;
  Pipeline pipeline{{limiter, examiners, elsewhere, cache, flights, balancer}};
};

TEST_F(PipelineTest, walk_finds_a_connection_asks_it_and_gives_it_back) {
  on_fiber([&] {
    FakeClient& a = client();
    EXPECT_TRUE(ask(a));
    EXPECT_THAT(take_log(), ElementsAre("connect 1", "adopt 1", "exchange 1", "settle 1"));
    EXPECT_FALSE(a.lease);
    EXPECT_TRUE(ask(client(), "insert into t values (1)"));
    EXPECT_THAT(take_log(), ElementsAre("adopt 1", "exchange 1", "settle 1"));
  });
}

TEST_F(PipelineTest, request_is_examined_once) {
  on_fiber([&] {
    FakeClient& a = client();
    FakeRequest request("set timezone to 'UTC'");
    EXPECT_TRUE(pipeline.ask(a, request));
    ASSERT_TRUE(request.analysis);
    EXPECT_EQ(request.analysis->settings.size(), 1u);
    FakeRequest known("whatever");
    known.analysis = query::Analysis{.verb = query::Verb::select};
    EXPECT_TRUE(pipeline.ask(a, known));
    EXPECT_EQ(known.analysis->verb, query::Verb::select);
  });
}

TEST_F(PipelineTest, statement_that_rides_along_needs_no_connection) {
  on_fiber([&] {
    auto analysis = pipeline.follow(client(), "deallocate \"x\"");
    ASSERT_TRUE(analysis);
    EXPECT_EQ(analysis->analysis.deallocates, "\"x\"");
    EXPECT_THAT(take_log(), IsEmpty());
  });
}

TEST_F(PipelineTest, texts_in_two_byte_encodings_are_read_as_such) {
  on_fiber([&] {
    FakeClient& a = client();
    a.encoding = session::Client::Encoding::two_bytes;
    const std::string_view text = "select '\x81\x5c'; deallocate s";
    a.backslash_escapes = true;  // else the backslash would only be a character
    auto analysis = pipeline.follow(a, text);
    ASSERT_TRUE(analysis);
    EXPECT_EQ(analysis->analysis.statements, 2u);
    EXPECT_EQ(analysis->analysis.deallocates, "s");
    EXPECT_EQ(analysis->analysis.deallocates.data(), text.data() + text.size() - 1)
        << "a view into the text itself";
    analysis = pipeline.follow(a, "set application_name to '\x81\x5c'");
    ASSERT_TRUE(analysis);
    EXPECT_TRUE(analysis->analysis.pinned_by(query::PinCause::setting))
        << "a veiled value can't be replayed";
  });
}

TEST_F(PipelineTest, long_text_is_read_elsewhere_and_has_no_fingerprint) {
  on_fiber([&] {
    const std::string text = "deallocate s /*" + std::string(200 * 1024, 'x') + "*/";
    auto seen = pipeline.follow(client(), text);
    ASSERT_TRUE(seen);
    EXPECT_EQ(elsewhere.runs, 1);
    EXPECT_EQ(seen->statement, nullptr);
    EXPECT_STREQ(seen->fault, "too long");
    EXPECT_EQ(seen->analysis.deallocates, "s");
    EXPECT_EQ(seen->analysis.deallocates.data(), text.data() + 11) << "a view into the text itself";
    EXPECT_TRUE(pipeline.follow(client(), "select 1"));
    EXPECT_EQ(elsewhere.runs, 1) << "others are read where they come";
  });
}

TEST_F(PipelineTest, connection_stays_with_a_transaction) {
  on_fiber([&] {
    FakeClient& a = client();
    FakeRequest begin("begin"), work("select 1"), end("commit");
    begin.run = [](FakeConn& c) { return c.in_transaction = true, Result<void>{}; };
    end.run = [](FakeConn& c) { return c.in_transaction = false, Result<void>{}; };
    EXPECT_TRUE(pipeline.ask(a, begin));
    EXPECT_TRUE(a.lease);
    EXPECT_TRUE(pipeline.ask(a, work));
    EXPECT_TRUE(ask(client())) << "others get another one";
    EXPECT_TRUE(pipeline.ask(a, end));
    EXPECT_FALSE(a.lease);
    EXPECT_THAT(take_log(),
                ElementsAre("connect 1", "adopt 1", "exchange 1", "exchange 1", "connect 2",
                            "adopt 2", "exchange 2", "settle 2", "exchange 1", "settle 1"));
  });
}

TEST_F(PipelineTest, connection_stays_with_a_pinned_client_until_it_needs_it_no_more) {
  on_fiber([&] {
    FakeClient& a = client();
    a.pinned = true;
    EXPECT_TRUE(ask(a));
    EXPECT_TRUE(a.lease);
    EXPECT_TRUE(ask(a));
    a.pinned = false;
    EXPECT_TRUE(ask(a));
    EXPECT_FALSE(a.lease);
    EXPECT_THAT(take_log(), ElementsAre("connect 1", "adopt 1", "exchange 1", "exchange 1",
                                        "exchange 1", "settle 1"));
  });
}

TEST_F(PipelineTest, connection_that_cannot_be_reused_is_closed) {
  on_fiber([&] {
    FakeRequest request("select 1");
    request.run = [](FakeConn& c) { return c.reusable = false, Result<void>{}; };
    EXPECT_TRUE(pipeline.ask(client(), request));
    EXPECT_THAT(take_log(),
                ElementsAre("connect 1", "adopt 1", "exchange 1", "settle 1", "close 1"));
  });
}

TEST_F(PipelineTest, answered_client_whose_connection_died_keeps_nothing) {
  on_fiber([&] {
    FakeClient& a = client();
    a.pinned = true;
    FakeRequest request("select 1");
    request.run = [](FakeConn& c) { return c.dead = true, c.reusable = false, Result<void>{}; };
    EXPECT_TRUE(pipeline.ask(a, request));
    EXPECT_FALSE(a.lease);
    EXPECT_EQ(take_log().back(), "close 1");
  });
}

// --- connections that die -----------------------------------------------------------------------------------

TEST_F(PipelineTest, connection_that_dies_before_anything_was_sent_is_replaced_silently) {
  on_fiber([&] {
    EXPECT_TRUE(ask(client()));  // leaves an idle connection
    take_log();
    FakeRequest request("insert into t values (1)");
    request.run = [](FakeConn& c) { return c.number == 1 ? die(c) : Result<void>{}; };
    EXPECT_TRUE(pipeline.ask(client(), request));
    EXPECT_THAT(take_log(), ElementsAre("adopt 1", "exchange 1", "settle 1", "close 1", "connect 2",
                                        "adopt 2", "exchange 2", "settle 2"));
  });
}

TEST_F(PipelineTest, connection_that_dies_after_bytes_were_sent_is_not) {
  on_fiber([&] {
    EXPECT_TRUE(ask(client()));
    take_log();
    FakeRequest request("select 1");
    request.run = [&](FakeConn& c) { return request.sent = true, die(c); };
    EXPECT_EQ(code_of(pipeline.ask(client(), request)), Code::connection_lost);
    EXPECT_THAT(take_log(), ElementsAre("adopt 1", "exchange 1", "settle 1", "close 1"));
  });
}

TEST_F(PipelineTest, fresh_connection_that_dies_is_told) {
  on_fiber([&] {
    FakeRequest request("select 1");
    request.run = die;
    EXPECT_EQ(code_of(pipeline.ask(client(), request)), Code::connection_lost);
    EXPECT_THAT(take_log(),
                ElementsAre("connect 1", "adopt 1", "exchange 1", "settle 1", "close 1"));
  });
}

TEST_F(PipelineTest, tries_end) {
  on_fiber([&] {
    std::vector<FakeClient*> busy;
    for (int i = 0; i < 4; ++i) {
      busy.push_back(&client());
      busy.back()->pinned = true;
      EXPECT_TRUE(ask(*busy.back()));
    }
    for (FakeClient* one : busy) {
      one->pinned = false;
      EXPECT_TRUE(ask(*one));
    }
    int tries = 0;
    FakeRequest request("select 1");
    request.run = [&](FakeConn& c) { return ++tries, die(c); };
    EXPECT_EQ(code_of(pipeline.ask(client(), request)), Code::connection_lost);
    EXPECT_EQ(tries, 3);
  });
}

// Its temporary tables and settings have died with the connection: going on elsewhere would be a lie.
TEST_F(PipelineTest, kept_connection_that_dies_is_told_though_nothing_was_sent) {
  on_fiber([&] {
    EXPECT_TRUE(ask(client()));  // so that the kept one isn't fresh
    FakeClient& a = client();
    a.pinned = true;
    EXPECT_TRUE(ask(a));
    take_log();
    FakeRequest request("select 1");
    request.run = die;
    EXPECT_EQ(code_of(pipeline.ask(a, request)), Code::connection_lost);
    EXPECT_FALSE(a.lease);
    EXPECT_THAT(take_log(), ElementsAre("exchange 1", "settle 1", "close 1"));
  });
}

// --- adopting -----------------------------------------------------------------------------------------------

TEST_F(PipelineTest, settings_that_are_refused_are_the_clients_error_and_cost_no_connection) {
  on_fiber([&] {
    for (bool keeps : {false, true}) {
      FakeClient& a = client();
      a.pinned = keeps;
      world.adopt = [](int) -> Result<void> {
        return std::unexpected(Error{Code::invalid_argument, 0, "no", "22023"});
      };
      auto asked = ask(a);
      ASSERT_FALSE(asked);
      EXPECT_EQ(asked.error().state, "22023");
      EXPECT_FALSE(a.lease) << "it would be kept without the client's settings";
      EXPECT_EQ(pool->stats(now()).idle, 1u);
      world.adopt = [](int) { return Result<void>{}; };
      EXPECT_TRUE(ask(a));
      EXPECT_EQ(world.connects, 1);
      a.pinned = false;
      EXPECT_TRUE(ask(a));
    }
  });
}

TEST_F(PipelineTest, old_connection_that_dies_while_adopting_is_replaced) {
  on_fiber([&] {
    FakeClient& first = client();
    first.pinned = true;
    EXPECT_TRUE(ask(first));
    FakeConn& old = first.conn();
    first.pinned = false;
    EXPECT_TRUE(ask(first));
    take_log();
    world.adopt = [&](int number) { return number == 1 ? die(old) : Result<void>{}; };
    EXPECT_TRUE(ask(client()));
    EXPECT_THAT(take_log(), ElementsAre("adopt 1", "settle 1", "close 1", "connect 2", "adopt 2",
                                        "exchange 2", "settle 2"));
  });
}

// --- no connection ------------------------------------------------------------------------------------------

TEST_F(PipelineTest, full_pool_is_the_callers_error) {
  use_pool({.max = 1});
  on_fiber([&] {
    FakeClient& a = client();
    a.pinned = true;
    EXPECT_TRUE(ask(a));
    take_log();
    FakeRequest request("select 1");
    request.deadline = now() + 5ms;
    FakeClient& b = client();
    EXPECT_EQ(code_of(pipeline.ask(b, request)), Code::timed_out);
    EXPECT_FALSE(b.lease);
    EXPECT_THAT(take_log(), IsEmpty());
  });
}

TEST_F(PipelineTest, wait_for_a_connection_can_be_cancelled) {
  use_pool({.max = 1});
  on_fiber([&] {
    FakeClient &a = client(), &b = client();
    a.pinned = true;
    EXPECT_TRUE(ask(a));
    net::Loop::current()->spawn([&] {
      while (pool->stats(now()).waiting == 0) net::yield();
      pipeline.cancel_wait(b);
    });
    FakeRequest request("select 1");
    request.deadline = soon();
    EXPECT_EQ(code_of(pipeline.ask(b, request)), Code::cancelled);
    EXPECT_FALSE(b.lease);
  });
}

TEST_F(PipelineTest, servers_own_refusal_reaches_the_caller) {
  on_fiber([&] {
    world.refusal = Error{Code::unauthenticated, 0, "password authentication failed", "28P01"};
    auto asked = ask(client());
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().state, "28P01");
  });
}

TEST_F(PipelineTest, upstream_without_a_primary_is_unavailable) {
  on_fiber([&] {
    upstream = std::make_shared<Upstream>(std::vector<Replica>{{"db1", pool}},
                                          std::vector<Target>{{.primary = false}});
    EXPECT_EQ(code_of(ask(client(), "insert into t values (1)")), Code::unavailable);
    EXPECT_THAT(take_log(), IsEmpty());
  });
}

TEST_F(PipelineTest, who_asks_for_its_last_sequence_value_gets_its_last_connection) {
  on_fiber([&] {
    FakeClient &a = client(), &b = client();
    a.pinned = b.pinned = true;
    EXPECT_TRUE(ask(a));
    EXPECT_TRUE(ask(b));
    a.pinned = b.pinned = false;
    EXPECT_TRUE(ask(a));
    EXPECT_TRUE(ask(b));  // 2 is the one used last
    take_log();
    EXPECT_TRUE(ask(a, "select currval('s')"));
    EXPECT_EQ(take_log()[0], "adopt 1");
    EXPECT_TRUE(ask(b, "select lastval()"));
    EXPECT_EQ(take_log()[0], "adopt 2");
  });
}

}  // namespace
}  // namespace sluice::flow
