#include "admin/router.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "admin/api.h"
#include "admin/health.h"
#include "admin/page.h"

namespace sluice::admin {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

Router router() {
  auto say = [](std::string text) {
    return [text](const Request&) { return Answer{.body = text}; };
  };
  return Router({{"GET", "/open", Access::open, say("open"), "for all"},
                 {"GET", "/data", Access::token, say("data"), "read"},
                 {"POST", "/data", Access::token, say("posted"), "write"}});
}

Answer ask(std::string method, std::string target, std::string_view token = "",
           std::string authorization = "", std::string host = "127.0.0.1:8001") {
  return router().answer({.method = std::move(method),
                          .target = std::move(target),
                          .host = std::move(host),
                          .authorization = std::move(authorization)},
                         token);
}

TEST(RouterTest, method_and_path_choose_the_handler) {
  EXPECT_EQ(ask("GET", "/data").body, "data");
  EXPECT_EQ(ask("POST", "/data").body, "posted");
  EXPECT_EQ(ask("GET", "/data?since=1").body, "data");
  EXPECT_EQ(ask("HEAD", "/data").status, 200u);
}

TEST(RouterTest, what_isnt_there_is_a_problem_document) {
  for (const char* target : {"/nothing", "/../etc/passwd", "/%00", "", "*", "/data/", "//data"}) {
    const Answer answer = ask("GET", target);
    EXPECT_EQ(answer.status, 404u) << target;
    EXPECT_EQ(answer.content_type, "application/problem+json");
    const auto body = nlohmann::json::parse(answer.body);
    EXPECT_EQ(body["status"], 404);
    EXPECT_EQ(body["title"], "Not Found");
  }
}

TEST(RouterTest, another_method_names_those_that_are_allowed) {
  const Answer answer = ask("DELETE", "/data");
  EXPECT_EQ(answer.status, 405u);
  EXPECT_THAT(answer.headers, Contains(Pair("Allow", "GET, HEAD, POST")));
}

TEST(RouterTest, data_needs_the_token_if_one_is_set) {
  EXPECT_EQ(ask("GET", "/data", "secret").status, 401u);
  EXPECT_THAT(ask("GET", "/data", "secret").headers, Contains(Pair("WWW-Authenticate", "Bearer")));
  for (const char* wrong :
       {"Bearer secre", "Bearer secret2", "Bearer", "Basic secret", "secret", "Bearer SECRET"})
    EXPECT_EQ(ask("GET", "/data", "secret", wrong).status, 401u) << wrong;
  EXPECT_EQ(ask("GET", "/data", "secret", "Bearer secret").body, "data");
  EXPECT_EQ(ask("GET", "/data", "secret", "bearer  secret").body, "data");
  EXPECT_EQ(ask("GET", "/open", "secret").body, "open");
  EXPECT_EQ(ask("DELETE", "/data", "secret").status, 401u);
}

TEST(RouterTest, a_star_stands_for_one_segment_and_for_no_path_that_has_a_name) {
  const Router router({{"GET", "/things/*", Access::open,
                        [](const Request& r) { return Answer{.body = r.rest}; }, ""},
                       {"POST", "/things/reset", Access::open,
                        [](const Request&) { return Answer{.body = "reset"}; }, ""}});
  const auto get = [&](std::string method, std::string target) {
    return router.answer({.method = std::move(method), .target = std::move(target)}, "");
  };
  EXPECT_EQ(get("GET", "/things/seven?x=1").body, "seven");
  EXPECT_EQ(get("GET", "/things/").status, 404u);
  EXPECT_EQ(get("GET", "/things/a/b").status, 404u);
  EXPECT_EQ(get("POST", "/things/reset").body, "reset");
  EXPECT_EQ(get("GET", "/things/reset").status, 405u);
}

TEST(RouterTest, a_foreign_name_for_our_address_gets_nothing_without_a_token) {
  EXPECT_EQ(ask("GET", "/data", "", "", "evil.example:8001").status, 421u);
  EXPECT_EQ(ask("GET", "/open", "", "", "127.0.0.1.evil.example").status, 421u);
  for (const char* host : {"localhost", "LOCALHOST:8001", "[::1]:8001", "10.0.0.1", ""})
    EXPECT_EQ(ask("GET", "/data", "", "", host).status, 200u) << host;
  EXPECT_EQ(ask("GET", "/data", "secret", "Bearer secret", "sluice.internal:8001").status, 200u);
}

TEST(RouterTest, every_answer_carries_the_security_headers) {
  for (const Answer& answer :
       {ask("GET", "/open"), ask("GET", "/nothing"), ask("GET", "/data", "secret")}) {
    EXPECT_THAT(answer.headers, Contains(Pair("X-Content-Type-Options", "nosniff")));
    EXPECT_THAT(answer.headers,
                Contains(Pair("Content-Security-Policy", HasSubstr("default-src 'none'"))));
    EXPECT_THAT(answer.headers, Contains(Pair("Cache-Control", "no-store")));
  }
}

TEST(PageTest, nothing_is_loaded_from_elsewhere_and_no_script_is_inline) {
  for (const Answer& file : {page(), page_style(), page_script()}) {
    EXPECT_THAT(file.body, Not(HasSubstr("http:")));
    EXPECT_THAT(file.body, Not(HasSubstr("https:")));
    EXPECT_THAT(file.body, Not(HasSubstr("@import")));
  }
  EXPECT_THAT(page().body, HasSubstr("<script src=\"/page.js\"></script>"));
  EXPECT_THAT(page().body, Not(HasSubstr("<style")));
  EXPECT_THAT(page().body, Not(HasSubstr(" style=")));
  EXPECT_THAT(page_script().body, Not(HasSubstr("innerHTML")));
}

// ---- health -------------------------------------------------------------------------------------------

gateway::Component component(std::string name, bool ready) {
  return {std::move(name), ready, "why"};
}

TEST(HealthTest, one_upstream_is_enough_to_serve) {
  using C = std::vector<gateway::Component>;
  EXPECT_EQ(health_of(C{component("upstream a", true), component("pool x", true)}, false),
            Health::ok);
  EXPECT_EQ(health_of(C{component("upstream a", true), component("upstream b", false)}, false),
            Health::degraded);
  EXPECT_EQ(health_of(C{component("upstream a", true), component("pool x", false)}, false),
            Health::degraded);
  EXPECT_EQ(health_of(C{component("upstream a", false), component("upstream b", false)}, false),
            Health::unavailable);
  EXPECT_EQ(health_of(C{}, false), Health::ok);
  EXPECT_EQ(health_of(C{component("upstream a", true)}, true), Health::draining);
}

TEST(HealthTest, details_are_for_those_who_know_the_token) {
  const std::vector<gateway::Component> components = {component("upstream a", false),
                                                      component("pool app/bot", false)};
  const auto open = health_json(Health::unavailable, components, std::chrono::seconds(5), false);
  EXPECT_THAT(open, Not(HasSubstr("why")));
  EXPECT_THAT(open, Not(HasSubstr("bot")));
  const auto all = nlohmann::json::parse(
      health_json(Health::unavailable, components, std::chrono::seconds(5), true));
  EXPECT_EQ(all["status"], "unavailable");
  EXPECT_EQ(all["uptime_seconds"], 5);
  EXPECT_EQ(all["components"][1]["detail"], "why");
}

TEST(HealthTest, a_server_is_named_once) {
  gateway::Config config;
  config.postgres.emplace_back();
  config.postgres[0].primary = *parse_dsn("postgres://db1:5432,db2:5433/app");
  config.postgres[0].replicas = {*parse_dsn("postgres://db1:5432/app")};
  config.postgres[0].databases["x"].dsn = *parse_dsn("host=/run/pg port=5432 dbname=x");
  std::vector<std::string> texts;
  for (const auto& endpoint : upstreams_of(config)) texts.push_back(endpoint.text());
  EXPECT_THAT(texts, testing::ElementsAre("db1:5432", "db2:5433", "/run/pg/.s.PGSQL.5432"));
}

TEST(PoolsJsonTest, pools_carry_their_pins_and_text_that_isnt_utf8_does_no_harm) {
  gateway::PoolView pool{.listener = "l", .database = "app", .user = "bot"};
  pool.last_error = "caf\xe9";
  gateway::ClientView client{.listener = "l", .snapshot = {}};
  client.snapshot.database = "app";
  client.snapshot.user = "bot";
  client.snapshot.pins = query::bit(query::PinCause::listen);
  gateway::ClientView other = client;
  other.listener = "another";
  const auto body = nlohmann::json::parse(pools_json({pool}, {client, other}, {}, {}));
  EXPECT_EQ(body["clients"], 2);
  EXPECT_EQ(body["pools"][0]["database"], "app");
  EXPECT_EQ(body["pools"][0]["pins"][std::string(name_of(query::PinCause::listen))], 1);
}

}  // namespace
}  // namespace sluice::admin
