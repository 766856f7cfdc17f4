// Logins: how many at once, what their failures teach, generations.
#include <latch>
#include <semaphore>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pool/fake_connection.h"
#include "pool/login_state.h"

namespace sluice {
namespace {

TEST(LoginStateTest, back_off_doubles_by_rounds_up_to_its_bound_and_ends_with_success) {
  LoginState state;
  Time at = now();
  Duration longest{};
  for (Duration delay : {100ms, 200ms, 400ms, 500ms, 500ms}) {
    const std::uint64_t round = state.round();
    state.failed({Code::unavailable, 0, "first"}, round, at, 0.0);
    EXPECT_EQ(state.next_try(0), at + delay / 2);
    state.failed({Code::unavailable, 0, "beside it"}, round, at, 0.9);
    EXPECT_EQ(state.next_try(0), at + delay / 2) << "one round, one step";
    EXPECT_EQ(state.error().detail, "beside it");
    longest = delay;
    at += delay;
  }
  EXPECT_EQ(longest, LoginState::kLongestDelay);
  EXPECT_TRUE(state.failing());
  state.succeeded();
  EXPECT_FALSE(state.failing());
  EXPECT_FALSE(state.backing_off(at));
  state.failed({}, state.round(), at, 0.999999);
  EXPECT_GT(state.next_try(0), at + 99ms);
  EXPECT_LE(state.next_try(0), at + 100ms);
}

TEST(LoginStateTest, late_failure_of_an_older_round_does_not_undo_a_success) {
  LoginState state;
  const Time at = now();
  state.failed({}, state.round(), at, 0.5);
  const std::uint64_t old = state.round();
  state.succeeded();
  state.failed({}, old, at, 0.5);
  EXPECT_FALSE(state.backing_off(at));
}

TEST(LoginStateTest, ceiling_binds_for_a_while_and_only_above_it) {
  LoginState state;
  const Time at = now();
  state.full(3, at);
  EXPECT_LE(state.next_try(2), at);
  EXPECT_EQ(state.next_try(3), at + 5s);
  EXPECT_FALSE(state.backing_off(at));
}

TEST(PoolLoginTest, no_more_logins_at_once_than_allowed) {
  Rig rig({.max = 8, .max_connecting = 2});
  std::counting_semaphore<> gate(0);
  rig.server.login = [&](int) -> Result<void> { return gate.acquire(), Result<void>(); };
  std::latch all(8);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto lease = rig.acquire();
      ASSERT_TRUE(lease);
      all.arrive_and_wait();  // held, so each needs a login of its own
    });
  }
  ASSERT_TRUE(rig.queued(6));
  EXPECT_EQ(stats_of(*rig.pool).connecting, 2u);
  gate.release(8);
  threads.clear();
  EXPECT_EQ(rig.server.logins, 8);
  EXPECT_EQ(rig.server.most_in_login, 2);
}

TEST(PoolLoginTest, failed_login_tells_the_servers_own_words) {
  Rig rig;
  rig.server.login = [](int) { return fail(Code::unauthenticated, "28P01 no such password"); };
  auto refused = rig.acquire();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unauthenticated);
  EXPECT_EQ(refused.error().detail, "28P01 no such password");
  EXPECT_EQ(stats_of(*rig.pool).connect_failures, 1u);
  EXPECT_EQ(stats_of(*rig.pool).total, 0u);
}

TEST(PoolLoginTest, back_off_fails_fast_with_the_last_error_until_it_has_passed) {
  Rig rig;
  rig.server.login = [](int n) -> Result<void> {
    if (n == 1) return fail(Code::not_found, "3D000 no such database");
    return {};
  };
  EXPECT_FALSE(rig.acquire());
  auto fast = rig.acquire();
  ASSERT_FALSE(fast);
  EXPECT_EQ(fast.error().detail, "3D000 no such database");
  EXPECT_EQ(rig.server.logins, 1) << "the server wasn't asked again";
  EXPECT_TRUE(reached([&] { return rig.acquire().has_value(); }));
  EXPECT_EQ(rig.server.logins, 2);
}

TEST(PoolLoginTest, hurried_caller_does_not_start_a_back_off) {
  Rig rig;
  rig.server.login = [](int n) -> Result<void> {
    if (n == 1) return fail(Code::timed_out, "login");
    return {};
  };
  EXPECT_EQ(rig.acquire({.deadline = now() - 1s}).error().code, Code::timed_out);
  EXPECT_EQ(rig.server.logins, 0);
  EXPECT_EQ(stats_of(*rig.pool).connect_failures, 0u);
  EXPECT_FALSE(rig.acquire()) << "timed out long before the deadline: the server's fault";
  EXPECT_EQ(stats_of(*rig.pool).connect_failures, 1u);
}

TEST(PoolLoginTest, failed_login_answers_those_who_waited_for_it) {
  Rig rig({.max = 1});
  std::binary_semaphore gate(0);
  rig.server.login = [&](int) -> Result<void> {
    gate.acquire();
    return fail(Code::unavailable, "refused");
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(rig.acquire().error().detail, "refused"); });
  }
  ASSERT_TRUE(rig.queued(3));
  gate.release();
  threads.clear();
  EXPECT_EQ(rig.server.logins, 1);
}

TEST(PoolLoginTest, waiter_tries_again_by_itself_after_the_back_off) {
  Rig rig({.max = 2});
  auto held = rig.acquire();  // never comes back
  rig.server.login = [](int n) -> Result<void> {
    if (n == 2) return fail(Code::unavailable, "refused");
    return {};
  };
  EXPECT_FALSE(rig.acquire());
  const Time start = now();
  auto lease = rig.acquire();
  ASSERT_TRUE(lease) << lease.error().text();
  EXPECT_TRUE(lease->fresh());
  EXPECT_LT(now() - start, 5s);
  EXPECT_EQ(stats_of(*rig.pool).waited, 1u);
}

TEST(PoolLoginTest, sleeping_waiter_learns_of_a_later_back_off) {
  Rig rig({.max = 3, .max_connecting = 1});
  auto held = rig.acquire();
  std::binary_semaphore gate(0);
  rig.server.login = [&](int n) -> Result<void> {
    if (n > 2) return {};
    gate.acquire();
    return fail(Code::unavailable, "refused");
  };
  std::jthread first([&] { EXPECT_FALSE(rig.acquire()); });
  ASSERT_TRUE(reached([&] { return rig.server.in_login == 1; }));
  std::jthread second([&] { EXPECT_TRUE(rig.acquire()); });  // sleeps: a login is under way
  ASSERT_TRUE(rig.queued(1));
  gate.release();
}

TEST(PoolLoginTest, full_server_makes_the_acquirer_wait_for_a_return) {
  Rig rig({.max = 10});
  auto held = rig.acquire();
  const std::uint64_t id = held->id();
  rig.server.login = [](int) { return fail(Code::exhausted, "53300 too many clients"); };
  std::jthread waiter([&] { EXPECT_EQ(rig.acquire()->id(), id); });
  ASSERT_TRUE(rig.queued(1));
  EXPECT_EQ(rig.server.logins, 2);
  EXPECT_EQ(rig.acquire({.deadline = now() + 5ms}).error().code, Code::timed_out);
  EXPECT_EQ(rig.server.logins, 2) << "the ceiling is remembered";
  held->give_back();
  waiter.join();
}

TEST(PoolLoginTest, full_server_without_any_connection_of_ours_is_an_error) {
  Rig rig;
  rig.server.login = [](int) { return fail(Code::exhausted, "53300 too many clients"); };
  EXPECT_EQ(rig.acquire().error().detail, "53300 too many clients");
}

TEST(PoolLoginTest, returned_connection_saves_who_failed_to_open_one) {
  Rig rig({.max = 2});
  auto held = rig.acquire();
  rig.server.login = [&](int) -> Result<void> {
    held->give_back();
    return fail(Code::unavailable, "refused");
  };
  auto lease = rig.acquire();
  ASSERT_TRUE(lease);
  EXPECT_FALSE(lease->fresh());
}

TEST(PoolLoginTest, clear_closes_idle_now_and_leased_at_their_return) {
  Rig rig;
  auto a = rig.acquire();
  rig.acquire()->give_back();
  rig.pool->clear();
  EXPECT_EQ(rig.server.open, 1);
  EXPECT_EQ(stats_of(*rig.pool).generation, 1u);
  a->give_back();
  EXPECT_EQ(rig.server.open, 0);
  auto fresh = rig.acquire();
  const std::uint64_t id = fresh->id();
  fresh->give_back();
  EXPECT_EQ(rig.acquire()->id(), id) << "the new generation is kept";
}

TEST(PoolLoginTest, login_that_began_before_clear_is_never_leased) {
  Rig rig({.max = 1});
  rig.server.login = [&](int n) -> Result<void> {
    if (n == 1) rig.pool->clear();
    return {};
  };
  auto lease = rig.acquire();
  ASSERT_TRUE(lease);
  EXPECT_EQ(rig.server.logins, 2);
  EXPECT_EQ(rig.server.most_open, 1);
}

TEST(PoolLoginTest, login_that_ends_after_close_is_closed) {
  Rig rig;
  rig.server.login = [&](int) -> Result<void> { return rig.pool->close(), Result<void>(); };
  EXPECT_EQ(rig.acquire().error().code, Code::unavailable);
  EXPECT_EQ(rig.server.open, 0);
  EXPECT_EQ(stats_of(*rig.pool).total, 0u);
}

}  // namespace
}  // namespace sluice
