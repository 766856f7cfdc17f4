// The listener as a client meets it: real sockets, a gateway without PostgreSQL listeners.
#include "admin/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"

namespace sluice::admin {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ServerTest : public testing::Test {
 protected:
  ServerTest() { config_.listen = "127.0.0.1:0"; }
  void start() { ASSERT_TRUE(server_.start(config_)); }

  int connect() {
    const std::string address = server_.address();
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<std::uint16_t>(*parse_u64(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    timeval patience{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
  }
  static void send(int fd, std::string_view text) {
    (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  }
  // Until the server closes.
  static std::string rest(int fd) {
    std::string out;
    char part[4096];
    ssize_t n;
    while ((n = ::recv(fd, part, sizeof part, 0)) > 0)
      out.append(part, static_cast<std::size_t>(n));
    ::close(fd);
    return out;
  }
  std::string ask(std::string_view request) {
    const int fd = connect();
    send(fd, request);
    return rest(fd);
  }
  std::string get(const std::string& path, const std::string& header = "") {
    return ask("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + header +
               "\r\n");
  }

  Log log_{{.level = LogLevel::error}};
  monitor::Registry registry_;
  gateway::Gateway gateway_{gateway::Config{}, log_, registry_};
  gateway::Config::Admin config_;
  AdminServer server_{gateway_};
};

TEST_F(ServerTest, resources_are_served) {
  start();
  EXPECT_THAT(get("/health"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(get("/health/live"), HasSubstr("{\"status\":\"ok\"}"));
  EXPECT_THAT(get("/health/ready"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get("/performance/pools"), HasSubstr("\"pools\":[]"));
  EXPECT_THAT(get("/"), HasSubstr("<html"));
  EXPECT_THAT(get("/metrics"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(get("/nothing"), StartsWith("HTTP/1.1 404"));
}

TEST_F(ServerTest, one_connection_takes_many_requests) {
  start();
  const std::string request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string last =
      "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const std::string all = ask(request + request + last);
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = all.find("HTTP/1.1 200", at)) != all.npos; ++at) ++answers;
  EXPECT_EQ(answers, 3u);
}

TEST_F(ServerTest, head_has_no_body) {
  start();
  const std::string answer = ask("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: "));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, a_header_beyond_its_bound_and_nonsense_are_refused) {
  start();
  EXPECT_THAT(get("/", "X: " + std::string(20000, 'x') + "\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(get("/health/live"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, more_connections_than_the_bound_wait_their_turn) {
  start();
  std::vector<int> idle;
  for (int i = 0; i < 64; ++i) idle.push_back(connect());
  const int one_more = connect();
  send(one_more, "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  char c;
  timeval briefly{0, 200'000};
  ::setsockopt(one_more, SOL_SOCKET, SO_RCVTIMEO, &briefly, sizeof briefly);
  EXPECT_LT(::recv(one_more, &c, 1, MSG_PEEK), 0);
  for (const int fd : idle) ::close(fd);
  timeval patience{10, 0};
  ::setsockopt(one_more, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_THAT(rest(one_more), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, a_new_token_applies_to_the_next_request) {
  start();
  config_.token = "secret";
  const std::string before = server_.address();
  ASSERT_TRUE(server_.reload(config_));
  EXPECT_EQ(server_.address(), before);
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(get("/metrics", "Authorization: Bearer secret\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, a_busy_port_is_named_and_the_old_listener_stays) {
  start();
  AdminServer second(gateway_);
  gateway::Config::Admin busy = config_;
  busy.listen = server_.address();
  const auto refused = second.start(busy);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), HasSubstr(server_.address()));
  gateway::Config::Admin wrong = config_;
  wrong.listen = "0.0.0.0:0";
  EXPECT_FALSE(server_.reload(wrong));
  EXPECT_THAT(get("/health/live"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, other_machines_are_listened_to_only_with_a_token) {
  config_.listen = "0.0.0.0:0";
  EXPECT_THAT(server_.start(config_).error().detail, HasSubstr("admin.token"));
  config_.token = "secret";
  EXPECT_TRUE(server_.start(config_));
}

TEST_F(ServerTest, it_may_be_switched_off_and_stops_with_connections_open) {
  start();
  const int fd = connect();
  config_.enabled = false;
  ASSERT_TRUE(server_.reload(config_));
  EXPECT_EQ(server_.address(), "");
  EXPECT_EQ(rest(fd), "");
}

}  // namespace
}  // namespace sluice::admin
