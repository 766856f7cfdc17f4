// Reports from fixed answers, with statements that mean harm; and how the answers are fetched.
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/http_get.h"
#include "cmd/report_page.h"
#include "cmd/running_gateway.h"

namespace sluice::cmd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// ---- answers --------------------------------------------------------------------------------------------

constexpr const char* kStatements = R"({"count": 3, "items": [
  {"fingerprint": "0123", "query": "select * from users", "verb": "select", "calls": 10, "errors": 1,
   "rows": 400, "total_ms": 75.5, "mean_ms": 7.55, "p95_ms": 9, "p99_ms": 12.5,
   "time_ms": {"queue": 0, "pool_wait": 10, "server": 60, "transfer": 5.5}, "unanalysed": null},
  {"query": "select 2", "calls": "many", "total_ms": null}, 5],
  "totals": {"calls": 12, "errors": 1, "forgotten": 0}, "next_offset": null})";

TEST(ApiViewsTest, reads_what_is_there_and_forgives_what_is_not) {
  const auto read = read_statements(kStatements);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->items.size(), 3u);
  EXPECT_EQ(read->count, 3u);
  EXPECT_EQ(read->calls, 12u);
  EXPECT_EQ(read->items[0].calls, 10u);
  EXPECT_DOUBLE_EQ(read->items[0].p99_ms, 12.5);
  EXPECT_DOUBLE_EQ(read->items[0].time.server, 60);
  EXPECT_EQ(read->items[1].calls, 0u);
  EXPECT_EQ(read->items[2].query, "");
}

TEST(ApiViewsTest, what_is_not_json_is_an_error) {
  for (const char* text : {"", "[]", "{", "<html>", "null"}) {
    EXPECT_FALSE(read_statements(text)) << text;
    EXPECT_FALSE(read_pools(text)) << text;
    EXPECT_FALSE(read_slow(text)) << text;
    EXPECT_FALSE(read_loops(text)) << text;
    EXPECT_FALSE(read_advice(text)) << text;
    EXPECT_FALSE(read_health(text)) << text;
  }
}

TEST(ApiViewsTest, loops_slow_ones_and_advice_are_read) {
  const auto loops = read_loops(
      R"({"count":1,"wasted_ms":2.5,"items":[{"kind":"proven","statement":{"query":"b"},
      "source":{"query":"a","column":"id"},"n":{"p50":3,"p95":4,"max":5},"callers":[
      {"application":"web","tags":"x=y"}]}]})");
  ASSERT_TRUE(loops);
  EXPECT_EQ(loops->items[0].source, "a");
  EXPECT_EQ(loops->items[0].max, 5u);
  EXPECT_EQ(loops->items[0].callers[0], "web (x=y)");
  EXPECT_DOUBLE_EQ(loops->wasted_ms, 2.5);
  const auto slow =
      read_slow(R"({"threshold_ms":1000,"items":[{"values":["1",null],"source":null}]})");
  ASSERT_TRUE(slow);
  EXPECT_EQ(slow->items[0].values.size(), 2u);
  const auto advice = read_advice(R"({"items":[{"evidence":{"calls":"5","n":7}}]})");
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->items[0].evidence[1].second, "7");
}

// ---- pages ----------------------------------------------------------------------------------------------

constexpr const char* kHostile =
    "select '</code><script>alert(1)</script>' | `x` ``` \n| \"a\" & <img src=x onerror=alert(2)>";

ReportPage hostile_page() {
  ReportPage page;
  page.address = "127.0.0.1:8001";
  page.when = "2026-01-01 00:00:00 UTC";
  page.health.status = "ok";
  page.health.components = {{.name = kHostile, .detail = kHostile}};
  StatementRow statement;
  statement.query = kHostile;
  statement.calls = 10;
  statement.total_ms = 100;
  page.statements.items = {statement};
  page.statements_ms = 200;
  SlowRow slow;
  slow.query = slow.application = slow.tags = slow.user = kHostile;
  slow.values = {kHostile};
  page.slow.items = {slow};
  LoopRow loop;
  loop.query = loop.source = loop.column = loop.sentence = loop.sql = loop.orm = loop.kind =
      kHostile;
  loop.callers = {kHostile};
  page.loops.items = {loop};
  AdviceRow advice;
  advice.title = advice.sentence = advice.action = advice.sql = advice.orm = kHostile;
  advice.severity = advice.kind = advice.fingerprint = kHostile;
  advice.evidence = {{kHostile, kHostile}};
  page.advice.items = {advice};
  PoolRow pool;
  pool.database = pool.user = pool.server = pool.mode = pool.last_error = kHostile;
  page.pools.items = {pool};
  return page;
}

TEST(ReportHtmlTest, nothing_from_outside_becomes_markup) {
  const std::string html = report_html(hostile_page());
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(html, HasSubstr("&lt;img src=x onerror=alert(2)&gt;"));
  EXPECT_THAT(html, HasSubstr("class=\"info\""));  // not the severity that was sent
}

TEST(ReportTest, both_forms_tell_what_was_shared) {
  ReportPage page = hostile_page();
  constexpr const char* kWords = "statements 75 % shared a connection";
  EXPECT_THAT(report_html(page), Not(HasSubstr("shared a connection")));  // nothing was counted
  page.pools.items[0].shared = 300;
  page.pools.items[0].alone = 100;
  page.pools.items[0].stalls = 1;
  EXPECT_THAT(report_html(page), HasSubstr(kWords));
  EXPECT_THAT(report_html(page), HasSubstr("held others up once."));
  EXPECT_THAT(report_markdown(page), HasSubstr(kWords));
}

TEST(ReportHtmlTest, loads_nothing_and_closes_what_it_opens) {
  const std::string html = report_html(hostile_page());
  EXPECT_THAT(html, StartsWith("<!doctype html>"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(html, Not(HasSubstr("http://")));
  EXPECT_THAT(html, Not(HasSubstr("https://")));
  const auto count = [&](std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = html.find(what); at != html.npos; at = html.find(what, at + 1)) ++n;
    return n;
  };
  for (const std::string tag :
       {"section", "article", "table", "tbody", "tr", "td", "ul", "pre", "p"})
    EXPECT_EQ(count("<" + tag + ">") + count("<" + tag + " "), count("</" + tag + ">")) << tag;
}

TEST(ReportMarkdownTest, rows_of_tables_keep_their_cells) {
  const std::string text = report_markdown(hostile_page());
  EXPECT_THAT(text, HasSubstr("| 50.0 % | 10 |"));
  std::size_t columns = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('|')) {
      columns = 0;
      continue;
    }
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i)
      if (line[i] == '|' && (i == 0 || line[i - 1] != '\\')) ++bars;
    if (columns == 0) columns = bars;
    EXPECT_EQ(bars, columns) << line;
  }
}

TEST(ReportMarkdownTest, code_cannot_leave_its_fence) {
  EXPECT_EQ(markdown_code("select 1"), "`select 1`");
  EXPECT_EQ(markdown_code("a `b` c"), "``a `b` c``");
  EXPECT_EQ(markdown_code("`b`"), "`` `b` ``");
  EXPECT_EQ(markdown_code("a|b\nc"), "`a|b c`");
  EXPECT_EQ(markdown_code(""), "-");
  EXPECT_EQ(markdown_block("a\n```\nb", "sql"), "````sql\na\n```\nb\n````\n");
  EXPECT_EQ(markdown_text("*a* <b> [c](d) | `e`\n# f"),
            "\\*a\\* \\<b\\> \\[c\\](d) \\| \\`e\\` \\# f");
}

TEST(ReportMarkdownTest, a_gateway_that_knows_nothing_has_a_report_too) {
  ReportPage page;
  page.slow.threshold_ms = 1000;
  const std::string text = report_markdown(page);
  EXPECT_THAT(text, HasSubstr("Nothing to recommend"));
  EXPECT_THAT(text, HasSubstr("Slow ones, from 1.0 s on"));
  EXPECT_THAT(report_html(page), HasSubstr("No statement has been counted yet"));
}

// ---- fetching -------------------------------------------------------------------------------------------

TEST(HttpAnswerTest, status_and_body) {
  const auto answer = parse_http_answer("HTTP/1.1 200 OK\r\nContent-LENGTH: 2\r\n\r\n{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200u);
  EXPECT_EQ(answer->body, "{}");
  EXPECT_EQ(parse_http_answer("HTTP/1.0 404 No\r\n\r\nrest")->body, "rest");
}

TEST(HttpAnswerTest, what_is_not_an_answer_is_refused) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 xyz OK\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"}) {
    const auto answer = parse_http_answer(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().code, Code::protocol_violation) << bytes;
  }
  EXPECT_EQ(parse_http_answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}").error().code,
            Code::connection_lost);
}

// Takes one connection, answers, closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(fd_, 1);
    socklen_t length = sizeof at;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] {
      const int client = ::accept(fd_, nullptr, nullptr);
      char block[4096];
      while (!request.contains("\r\n\r\n")) {
        const auto n = ::recv(client, block, sizeof block, 0);
        if (n <= 0) break;
        request.append(block, static_cast<std::size_t>(n));
      }
      ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::close(client);
    });
  }
  ~OneAnswer() {
    join();
    ::close(fd_);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }

  std::uint16_t port = 0;
  std::string request;  // after join()

 private:
  int fd_;
  std::thread thread_;
};

TEST(RunningGatewayTest, asks_with_its_token) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  const auto gateway = RunningGateway::find({.admin = server.address(), .token = "slu_t"});
  ASSERT_TRUE(gateway);
  EXPECT_EQ(gateway->ask("/performance/pools").value(), "{}");
  server.join();
  EXPECT_THAT(server.request, StartsWith("GET /performance/pools HTTP/1.1\r\n"));
  EXPECT_THAT(server.request, HasSubstr("Authorization: Bearer slu_t\r\n"));
  EXPECT_THAT(server.request, HasSubstr("Host: 127.0.0.1:"));
}

TEST(RunningGatewayTest, a_wrong_token_is_told_as_such) {
  OneAnswer server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
  const auto gateway = RunningGateway::find({.admin = server.address()});
  const auto answer = gateway->ask("/performance/pools");
  ASSERT_FALSE(answer);
  EXPECT_THAT(complaint(answer.error()), HasSubstr("token"));
}

TEST(RunningGatewayTest, bad_health_is_an_answer_too) {
  OneAnswer server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_TRUE(RunningGateway::find({.admin = server.address()})->ask("/health"));
}

TEST(RunningGatewayTest, nobody_there_is_told_with_what_to_do) {
  std::uint16_t port = 0;
  {
    OneAnswer server("");
    port = server.port;
    const auto gateway = RunningGateway::find({.admin = server.address()});
    EXPECT_FALSE(gateway->ask("/"));
  }
  const auto gateway = RunningGateway::find({.admin = "127.0.0.1:" + std::to_string(port)});
  const auto answer = gateway->ask("/health");
  ASSERT_FALSE(answer);
  EXPECT_THAT(complaint(answer.error()), HasSubstr("sluice serve"));
}

TEST(RunningGatewayTest, wrong_options_are_found_before_anybody_is_asked) {
  EXPECT_EQ(RunningGateway::find({.admin = "nowhere:port"}).error().code, Code::invalid_argument);
  EXPECT_EQ(RunningGateway::find({.token_file = "/nowhere/token"}).error().code,
            Code::invalid_argument);
  EXPECT_EQ(RunningGateway::find({.token = "a\r\nX: y"}).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace sluice::cmd
