#include "cmd/report.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/parse.h"
#include "cmd/exit_code.h"
#include "cmd/report_page.h"

namespace sluice::cmd {
namespace {

// Of these, the time of all statements is the sum.
constexpr unsigned kSummed = 1000;

// The answers as they came.
struct Answers {
  std::string health, pools, queries, slow, loops, advice;
};

Result<Answers> ask_all(const RunningGateway& gateway, unsigned top, unsigned statements) {
  Answers out;
  const std::pair<std::string*, std::string> questions[] = {
      {&out.health, "/health"},
      {&out.pools, "/performance/pools"},
      {&out.queries, fmt::format("/performance/queries?sort=total&limit={}", statements)},
      {&out.slow, fmt::format("/performance/queries/slow?limit={}", top)},
      {&out.loops, fmt::format("/performance/n1?limit={}", top)},
      {&out.advice, fmt::format("/performance/recommendations?limit={}", top)},
  };
  for (const auto& [answer, path] : questions) {
    auto got = gateway.ask(path);
    if (!got) return std::unexpected(got.error());
    *answer = std::move(*got);
  }
  return out;
}

std::string when_text(const char* format) {
  char text[64];
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string as_json(const Answers& a) {
  return fmt::format(
      "{{\"generated\":\"{}\",\"health\":{},\"pools\":{},\"queries\":{},\"slow\":{},\"n1\":{},"
      "\"recommendations\":{}}}\n",
      when_text("%Y-%m-%dT%H:%M:%SZ"), trim(a.health), trim(a.pools), trim(a.queries), trim(a.slow),
      trim(a.loops), trim(a.advice));
}

template <class View>
bool take(Result<View> read, View& into, Error& error) {
  if (read) {
    into = std::move(*read);
  } else {
    error = read.error();
  }
  return read.has_value();
}

Result<ReportPage> page_of(const Answers& a, const RunningGateway& gateway, unsigned top) {
  ReportPage page;
  page.address = gateway.address();
  page.when = when_text("%Y-%m-%d %H:%M:%S UTC");
  Error error;
  const bool good = take(read_health(a.health), page.health, error) &&
                    take(read_pools(a.pools), page.pools, error) &&
                    take(read_statements(a.queries), page.statements, error) &&
                    take(read_slow(a.slow), page.slow, error) &&
                    take(read_loops(a.loops), page.loops, error) &&
                    take(read_advice(a.advice), page.advice, error);
  if (!good) return std::unexpected(error);
  auto& statements = page.statements.items;
  for (const StatementRow& row : statements) page.statements_ms += row.total_ms;
  if (statements.size() > top) statements.resize(top);
  return page;
}

std::string format_of(const ReportOptions& options) {
  if (!options.format.empty()) return options.format;
  if (options.output.ends_with(".html") || options.output.ends_with(".htm")) return "html";
  return options.output.ends_with(".json") ? "json" : "markdown";
}

int write(const std::string& text, const std::string& path) {
  if (path.empty()) {
    std::fputs(text.c_str(), stdout);
    return std::fflush(stdout) == 0 ? kOk : kFailure;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return kOk;
  return complain({.code = Code::permission_denied, .os = errno, .detail = "write " + path});
}

}  // namespace

int report(const ReportOptions& options) {
  const auto gateway = RunningGateway::find(options.gateway);
  if (!gateway) return complain(gateway.error());
  const std::string format = format_of(options);
  const auto answers = ask_all(*gateway, options.top, format == "json" ? options.top : kSummed);
  if (!answers) return complain(answers.error());
  if (format == "json") return write(as_json(*answers), options.output);
  const auto page = page_of(*answers, *gateway, options.top);
  if (!page) return complain(page.error());
  return write(format == "html" ? report_html(*page) : report_markdown(*page), options.output);
}

}  // namespace sluice::cmd
