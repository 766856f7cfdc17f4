#include "cmd/demo_server.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/random.h"
#include "net/listener.h"

namespace sluice::cmd {
namespace {

namespace fs = std::filesystem;

// Debian keeps them out of PATH; the newest version first.
std::vector<std::string> program_folders() {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored))
    out.push_back(entry.path().string() + "/bin");
  std::sort(out.rbegin(), out.rend());
  const char* path = std::getenv("PATH");
  for (const std::string_view part : split(path ? path : "", ':')) out.emplace_back(part);
  return out;
}

std::string read_first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Result<void> write_secret(const std::string& path, const std::string& text,
                          const std::optional<Identity>& owner) {
  std::ofstream(path) << text;
  if (::chmod(path.c_str(), 0600) != 0 ||
      (owner && ::chown(path.c_str(), owner->user, owner->group) != 0))
    return fail(Code::permission_denied, "write " + path, errno);
  return {};
}

}  // namespace

Result<std::uint16_t> free_port_near(std::uint16_t preferred) {
  Error last;
  for (const std::uint16_t port : {preferred, std::uint16_t{0}}) {
    net::Endpoint at;
    at.host = "127.0.0.1";
    at.port = port;
    auto socket = net::ListenSocket::open(at, {.reuse_port = false});
    if (socket) return (*socket)->local().port;
    last = socket.error();
  }
  return std::unexpected(last);
}

Result<void> DemoServer::start() {
  if (auto found = find_programs(); !found) return found;
  if (auto ready = prepare(); !ready) return ready;
  if (auto up = launch(); !up) return up;
  return fill();
}

Result<void> DemoServer::find_programs() {
  for (const std::string& folder : program_folders())
    if (::access((folder + "/initdb").c_str(), X_OK) == 0 &&
        ::access((folder + "/postgres").c_str(), X_OK) == 0 &&
        ::access((folder + "/psql").c_str(), X_OK) == 0) {
      programs_ = folder;
      return {};
    }
  return fail(Code::not_found,
              "no PostgreSQL server here: apt install postgresql, or put initdb, postgres and psql "
              "into PATH");
}

// A data directory that was left half made is made anew.
Result<void> DemoServer::prepare() {
  auto who = unprivileged();
  if (!who) return std::unexpected(who.error());
  as_ = *who;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return fail(Code::permission_denied, "make " + folder_ + ": " + error.message());
  if (as_ && ::chmod(folder_.c_str(), 0755) != 0)
    return fail(Code::permission_denied, "open " + folder_, errno);
  const std::string home = folder_ + "/postgres", secret = home + "/password";
  if (fs::exists(home + "/data/PG_VERSION") && fs::exists(secret)) {
    password_ = read_first_line(secret);
    return {};
  }
  fs::remove_all(home, error);
  fs::create_directory(home, error);
  if (error || ::chmod(home.c_str(), 0700) != 0 ||
      (as_ && ::chown(home.c_str(), as_->user, as_->group) != 0))
    return fail(Code::permission_denied, "make " + home, errno);
  password_ = fmt::format("{:016x}{:016x}", random_u64(), random_u64());
  if (auto written = write_secret(secret, password_, as_); !written) return written;
  auto made =
      run_command({program("initdb"), "-D", home + "/data", "-U", "postgres", "-A", "scram-sha-256",
                   "--pwfile", secret, "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8"},
                  {.as = as_, .environment = {}, .log = folder_ + "/postgres.log"});
  if (!made)
    return fail(made.error().code, made.error().detail + ", see " + folder_ + "/postgres.log");
  return {};
}

Result<void> DemoServer::launch() {
  const auto port = free_port_near(54320);
  if (!port) return std::unexpected(port.error());
  port_ = *port;
  const std::string log = folder_ + "/postgres.log";
  auto child = Child::start(
      {program("postgres"), "-D", folder_ + "/postgres/data", "-p", std::to_string(port_), "-c",
       "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
       "-c", "fsync=off", "-c", "logging_collector=off"},
      {.as = as_, .environment = {}, .log = log, .end_signal = SIGINT});
  if (!child) return std::unexpected(child.error());
  process_ = std::make_unique<Child>(std::move(*child));
  for (const Deadline until = now() + std::chrono::seconds(30);
       now() < until && process_->running();) {
    if (psql("postgres", "postgres", {"-c", "SELECT 1"})) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return fail(Code::unavailable, "PostgreSQL didn't start, see " + log);
}

Result<std::string> DemoServer::psql(const std::string& user, const std::string& database,
                                     std::vector<std::string> arguments) {
  std::vector<std::string> argv{program("psql"),
                                "-X",
                                "-q",
                                "-A",
                                "-t",
                                "-w",
                                "-v",
                                "ON_ERROR_STOP=1",
                                "-h",
                                "127.0.0.1",
                                "-p",
                                std::to_string(port_),
                                "-U",
                                user,
                                "-d",
                                database};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  auto out = run_command(argv, {.as = std::nullopt,
                                .environment = {{"PGPASSWORD", user == "bot" ? "bot" : password_}},
                                .log = folder_ + "/psql.log"});
  if (out) out = std::string(trim(*out));
  return out;
}

// Each step only if it wasn't done; data.sql loads whole or not at all.
Result<void> DemoServer::fill() {
  const std::pair<const char*, const char*> steps[] = {
      {"SELECT 1 FROM pg_roles WHERE rolname = 'bot'",
       "CREATE ROLE bot LOGIN PASSWORD 'bot' IN ROLE pg_monitor"},
      {"SELECT 1 FROM pg_database WHERE datname = 'bot'", "CREATE DATABASE bot OWNER bot"}};
  for (const auto& [done, make] : steps) {
    auto there = psql("postgres", "postgres", {"-c", done});
    if (there && there->empty()) there = psql("postgres", "postgres", {"-c", make});
    if (!there)
      return fail(there.error().code, there.error().detail + ", see " + folder_ + "/psql.log");
  }
  const auto loaded = psql("bot", "bot", {"-c", "SELECT to_regclass('loaded')"});
  if (loaded && !loaded->empty()) return {};
  fmt::print("loading the sample data\n");
  auto done =
      psql("bot", "bot", {"-1", "-f", samples_ + "/schema.sql", "-f", samples_ + "/data.sql"});
  if (done) done = psql("bot", "bot", {"-c", "VACUUM ANALYZE"});
  if (!done) return fail(done.error().code, done.error().detail + ", see " + folder_ + "/psql.log");
  return {};
}

}  // namespace sluice::cmd
