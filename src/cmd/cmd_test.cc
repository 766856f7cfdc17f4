// The command line and its small parts.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/child.h"
#include "cmd/command_line.h"
#include "cmd/completions.h"
#include "cmd/configuration.h"
#include "cmd/control.h"
#include "cmd/demo_load.h"
#include "cmd/doctor.h"
#include "cmd/exit_code.h"
#include "cmd/notify.h"
#include "cmd/ready_line.h"

namespace sluice::cmd {
namespace {

using testing::HasSubstr;
using testing::Not;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/sluice-cmd-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// What run() returns and prints.
struct Ran {
  int status;
  std::string out, err;
};
Ran ran(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "sluice");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Ran result{};
  result.status = run(static_cast<int>(arguments.size()), arguments.data());
  std::fflush(stdout);
  result.out = testing::internal::GetCapturedStdout();
  result.err = testing::internal::GetCapturedStderr();
  return result;
}

constexpr const char* kGood =
    "[[postgres]]\nlisten = \"127.0.0.1:0\"\nprimary = \"postgres://u:hush@127.0.0.1:1/d\"\n";
constexpr const char* kBad =
    "[[postgres]]\nprimary = \"postgres://127.0.0.1:1/d\"\npool = { mdoe = \"session\" }\n";

// ---- the command line -----------------------------------------------------------------------------------

TEST(CommandLineTest, version_and_help_succeed) {
  EXPECT_EQ(ran({"--version"}).status, kOk);
  EXPECT_THAT(ran({"--version"}).out, HasSubstr(SLUICE_VERSION));
  EXPECT_EQ(ran({"--help"}).status, kOk);
  EXPECT_EQ(ran({"serve", "--help"}).status, kOk);
}

TEST(CommandLineTest, wrong_usage_is_status_2) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{},
                                             {"nonsense"},
                                             {"serve", "--nonsense"},
                                             {"config"},
                                             {"config", "import-pgbouncer"},
                                             {"completions", "tcsh"},
                                             {"serve", "-c", "a", "--pgbouncer-ini", "b"},
                                             {"demo", "--workers", "0"}})
    EXPECT_EQ(ran(arguments).status, kUsage);
}

TEST(CommandLineTest, check_names_place_key_and_mend) {
  const Folder folder;
  const std::string bad = folder.file("bad.toml", kBad);
  const Ran result = ran({"check", "-c", bad.c_str()});
  EXPECT_EQ(result.status, kUsage);
  EXPECT_THAT(result.err, HasSubstr(bad + ":3:"));
  EXPECT_THAT(result.err, HasSubstr("mdoe"));
  const auto json = nlohmann::json::parse(ran({"check", "--json", "-c", bad.c_str()}).out);
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["problems"][0]["line"], 3);
}

TEST(CommandLineTest, check_of_a_good_file_succeeds) {
  const Folder folder;
  const std::string good = folder.file("good.toml", kGood);
  EXPECT_EQ(ran({"check", "-c", good.c_str()}).status, kOk);
  EXPECT_EQ(nlohmann::json::parse(ran({"check", "--json", "-c", good.c_str()}).out)["ok"], true);
  EXPECT_EQ(ran({"check", "-c", (folder / "missing.toml").c_str()}).status, kUsage);
}

TEST(CommandLineTest, show_hides_secrets) {
  const Folder folder;
  const std::string good = folder.file("good.toml", kGood);
  const Ran text = ran({"config", "show", "-c", good.c_str()});
  EXPECT_THAT(text.out, HasSubstr("postgres[0].pool.max = 20"));
  EXPECT_THAT(text.out, Not(HasSubstr("hush")));
  EXPECT_EQ(nlohmann::json::parse(
                ran({"config", "show", "--json", "-c", good.c_str()}).out)["postgres[0].pool.max"],
            "20");
}

TEST(CommandLineTest, an_imported_configuration_is_one_that_loads) {
  const Folder folder;
  const std::string ini =
      folder.file("pgbouncer.ini",
                  "[databases]\napp = host=127.0.0.1 port=1\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                  "auth_type = trust\nlisten_port = 7001\npool_mode = transaction\n");
  const Ran imported = ran({"config", "import-pgbouncer", ini.c_str()});
  ASSERT_EQ(imported.status, kOk) << imported.err;
  const std::string toml = folder.file("sluice.toml", imported.out);
  EXPECT_EQ(ran({"check", "-c", toml.c_str()}).status, kOk);
  EXPECT_EQ(ran({"check", "--pgbouncer-ini", ini.c_str()}).status, kOk);
}

TEST(ConfigurationTest, the_command_line_wins_over_pgbouncers_file) {
  const Folder folder;
  const std::string ini = folder.file("pgbouncer.ini",
                                      "[databases]\napp = host=127.0.0.1 port=1\n"
                                      "[pgbouncer]\nlisten_addr = 127.0.0.1\nauth_type = trust\n");
  Source source;
  source.pgbouncer_ini = ini;
  source.listen = {"127.0.0.1:7002"};
  source.admin = "127.0.0.1:7003";
  const auto loaded = load(source);
  ASSERT_TRUE(loaded) << gateway::text_of(loaded.error());
  EXPECT_EQ(loaded->config.postgres.at(0).listen, std::vector<std::string>{"127.0.0.1:7002"});
  EXPECT_EQ(loaded->config.admin.listen, "127.0.0.1:7003");
}

TEST(CommandLineTest, serve_refuses_a_wrong_configuration_with_status_2) {
  const Folder folder;
  const std::string bad = folder.file("bad.toml", kBad);
  EXPECT_EQ(ran({"serve", "-c", bad.c_str()}).status, kUsage);
  restore_signals();
}

TEST(CompletionsTest, every_command_and_option_is_offered) {
  const Ran bash = ran({"completions", "bash"});
  ASSERT_EQ(bash.status, kOk);
  for (const char* word : {"serve", "import-pgbouncer", "--pgbouncer-ini", "--json", "doctor"})
    EXPECT_THAT(bash.out, HasSubstr(word));
  EXPECT_THAT(ran({"completions", "zsh"}).out, HasSubstr("#compdef sluice"));
  EXPECT_THAT(ran({"completions", "fish"}).out, HasSubstr("-a serve -d 'run the gateway"));
}

TEST(CompletionsTest, bash_understands_its_script) {
  const Folder folder;
  const std::string script = folder.file("completion", ran({"completions", "bash"}).out);
  const std::string test =
      "source " + script +
      "; COMP_WORDS=(sluice config ''); COMP_CWORD=2; _sluice; echo ${COMPREPLY[@]}";
  const auto out = run_command({"/bin/bash", "-c", test}, {.as = {}, .environment = {}, .log = {}});
  ASSERT_TRUE(out);
  EXPECT_THAT(*out, HasSubstr("show import-pgbouncer"));
  EXPECT_THAT(*out, Not(HasSubstr("serve")));
}

TEST(ReadyLineTest, kinds_are_named_once_and_unix_sockets_come_last) {
  EXPECT_EQ(ready_line({"postgres /run/.s.PGSQL.1", "postgres 127.0.0.1:1", "admin 127.0.0.1:2"}),
            "sluice " SLUICE_VERSION
            " ready: postgres 127.0.0.1:1, /run/.s.PGSQL.1, admin 127.0.0.1:2");
}

// ---- systemd --------------------------------------------------------------------------------------------

// A socket that hears what is told.
class Ear {
 public:
  explicit Ear(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), at.sun_path);
    if (name[0] == '@') at.sun_path[0] = '\0';
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
              0);
  }
  ~Ear() { ::close(fd_); }
  std::string hear() {
    char text[512];
    const auto n = ::recv(fd_, text, sizeof text, MSG_DONTWAIT);
    return n < 0 ? "" : std::string(text, static_cast<std::size_t>(n));
  }

 private:
  int fd_;
};

TEST(NotifyTest, a_path_and_an_abstract_name_are_told) {
  const Folder folder;
  for (const std::string& name :
       {folder / "notify", "@sluice-test-" + std::to_string(::getpid())}) {
    Ear ear(name);
    ASSERT_TRUE(notify(name, "READY=1")) << name;
    EXPECT_EQ(ear.hear(), "READY=1");
  }
}

TEST(NotifyTest, nobody_to_tell_is_no_error_and_a_wrong_name_is) {
  EXPECT_TRUE(notify("", "READY=1"));
  EXPECT_FALSE(notify("relative", "READY=1"));
  EXPECT_FALSE(notify("/" + std::string(200, 'x'), "READY=1"));
  EXPECT_FALSE(notify("/nonexistent/socket", "READY=1"));
}

TEST(NotifyTest, a_reload_carries_the_clock) {
  EXPECT_THAT(reloading_state(), HasSubstr("RELOADING=1\nMONOTONIC_USEC="));
}

// ---- orders ---------------------------------------------------------------------------------------------

TEST(ControlTest, signals_become_orders) {
  Control control;
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(control.wait(std::chrono::seconds(5)), Control::Order::reload);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(control.wait(std::chrono::seconds(5)), Control::Order::stop);
  EXPECT_EQ(control.wait(std::chrono::milliseconds(1)), Control::Order::none);
  restore_signals();
}

TEST(ControlTest, work_runs_on_the_main_thread_and_its_result_comes_back) {
  Control control;
  std::thread::id ran_on;
  Result<void> first, second;
  std::thread asker([&] {
    first = control.run([&]() -> Result<void> {
      ran_on = std::this_thread::get_id();
      return fail(Code::not_found, "no");
    });
    control.order(Control::Order::stopped);
  });
  EXPECT_EQ(control.wait(std::chrono::seconds(10)), Control::Order::stopped);
  asker.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(first.error().detail, "no");
  control.refuse();
  second = control.run([]() -> Result<void> { return {}; });
  EXPECT_EQ(second.error().code, Code::unavailable);
  restore_signals();
}

// ---- doctor ---------------------------------------------------------------------------------------------

TEST(DoctorTest, too_few_descriptors_come_with_the_number_that_is_needed) {
  gateway::Config config;
  config.postgres.emplace_back();
  EXPECT_EQ(examine_descriptors(config, {1024, 1 << 20}).grade, Grade::ok);
  const Finding few = examine_descriptors(config, {1024, 4096});
  EXPECT_EQ(few.grade, Grade::warn);
  EXPECT_THAT(few.mend, HasSubstr("LimitNOFILE=10120"));
}

TEST(DoctorTest, a_server_that_isnt_there_fails_with_a_mend) {
  gateway::PostgresListener listener;
  listener.name = "postgres";
  listener.primary = *parse_dsn("postgres://u:p@127.0.0.1:1/d");
  const Findings findings = examine_servers(listener);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].grade, Grade::fail);
  EXPECT_THAT(findings[0].mend, HasSubstr("start the server"));
  EXPECT_TRUE(any_failed(findings));
  EXPECT_THAT(text_of(findings), HasSubstr("FAIL  postgres: server 127.0.0.1:1"));
  EXPECT_EQ(nlohmann::json::parse(json_of(findings))["ok"], false);
}

// ---- the demo's parts -----------------------------------------------------------------------------------

TEST(ChildTest, output_status_and_environment) {
  ::setenv("PGPASSWORD", "not for children", 1);
  const auto out = run_command({"/bin/sh", "-c", "echo $GIVEN$PGPASSWORD"},
                               {.as = {}, .environment = {{"GIVEN", "x"}}, .log = {}});
  ::unsetenv("PGPASSWORD");
  ASSERT_TRUE(out);
  EXPECT_EQ(*out, "x\n");
  EXPECT_THAT(run_command({"/bin/sh", "-c", "exit 3"}, {.as = {}, .environment = {}, .log = {}})
                  .error()
                  .detail,
              HasSubstr("status 3"));
  EXPECT_FALSE(run_command({"/nonexistent"}, {.as = {}, .environment = {}, .log = {}}));
}

TEST(ChildTest, it_is_stopped_even_if_it_doesnt_want_to) {
  auto child = Child::start({"/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"},
                            {.as = {}, .environment = {}, .log = {}});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->read_line(now() + std::chrono::seconds(10)), "up");
  EXPECT_TRUE(child->running());
  child->stop(std::chrono::milliseconds(50));
  EXPECT_FALSE(child->running());
  EXPECT_EQ(child->status(), 128 + SIGKILL);
}

TEST(LoadResultTest, quantiles_of_sorted_latencies) {
  LoadResult result;
  EXPECT_EQ(result.quantile(0.5), 0);
  result.latencies = {1, 2, 3, 4, 100};
  EXPECT_EQ(result.quantile(0.5), 3);
  EXPECT_EQ(result.quantile(0.99), 100);
}

}  // namespace
}  // namespace sluice::cmd
