#include "gateway/server_socket.h"

#include <filesystem>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::gateway {
namespace {

TEST(ServerSocketTest, only_this_machines_addresses_are_loopback) {
  for (auto host : {"localhost", "127.0.0.1", "127.9.8.7", "::1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (auto host : {"", "db1", "10.0.0.1", "128.0.0.1", "::", "127.0.0.1.example.com",
                    "localhost.example.com", "/run/postgresql", "0.0.0.0"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

bool allowed(const std::string& dsn, TlsMode mode = TlsMode::prefer) {
  PostgresListener listener;
  listener.server_tls.mode = mode;
  return may_use_sockets(listener, *parse_dsn(dsn));
}

TEST(ServerSocketTest, who_asks_for_tls_is_not_led_around_it) {
  EXPECT_TRUE(allowed("postgres://localhost/app"));
  EXPECT_TRUE(allowed("postgres://localhost/app?sslmode=prefer"));
  EXPECT_TRUE(allowed("postgres://localhost/app?sslmode=disable"));
  EXPECT_TRUE(allowed("postgres://localhost/app?sslmode=allow", TlsMode::require));
  for (auto option : {"sslmode=require", "sslmode=verify-ca", "sslmode=verify-full",
                      "sslrootcert=/x", "sslcert=/x", "sslkey=/x", "channel_binding=require"})
    EXPECT_FALSE(allowed(std::string("postgres://localhost/app?") + option)) << option;
  EXPECT_FALSE(allowed("postgres://localhost/app", TlsMode::require));
  EXPECT_FALSE(allowed("postgres://localhost/app", TlsMode::verify_full));
}

TEST(ServerSocketTest, off_is_off) {
  PostgresListener listener;
  listener.server_socket = ServerSocket::off;
  EXPECT_FALSE(may_use_sockets(listener, *parse_dsn("postgres://localhost/app")));
}

// A folder with a socket of port 5432 in it.
class Place {
 public:
  explicit Place(mode_t mode) {
    char name[] = "/tmp/sluice-socket-XXXXXX";
    folder_ = ::mkdtemp(name);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path().copy(at.sun_path, sizeof at.sun_path - 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::chmod(folder_.c_str(), mode), 0);
  }
  ~Place() {
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const std::string& folder() const { return folder_; }
  std::string path() const { return folder_ + "/.s.PGSQL.5432"; }

 private:
  std::string folder_;
  int fd_ = -1;
};

std::string beside(const net::Endpoint& tcp, const std::string& folder) {
  const std::string_view folders[] = {"/nonexistent", folder};
  const auto found = socket_beside(tcp, folders);
  return found ? found->path : "";
}

TEST(ServerSocketTest, socket_with_the_ports_number_is_found) {
  Place place(0755);
  EXPECT_EQ(beside({"localhost", 5432, {}}, place.folder()), place.path());
  EXPECT_EQ(beside({"::1", 5432, {}}, place.folder()), place.path());
  EXPECT_EQ(beside({"127.0.0.1", 5433, {}}, place.folder()), "");
  EXPECT_EQ(beside({"db1", 5432, {}}, place.folder()), "");
  EXPECT_EQ(beside({{}, 0, place.path()}, place.folder()), "");
}

TEST(ServerSocketTest, anybodys_socket_is_not_taken) {
  Place sticky(01777);
  EXPECT_EQ(beside({"localhost", 5432, {}}, sticky.folder()), sticky.path());  // it is our own
  Place loose(0777);
  EXPECT_EQ(beside({"localhost", 5432, {}}, loose.folder()), "");
  if (::geteuid() != 0) return;  // only root gives files away
  ASSERT_EQ(::chown(sticky.path().c_str(), 65534, 65534), 0);
  EXPECT_EQ(beside({"localhost", 5432, {}}, sticky.folder()), "");
}

TEST(ServerSocketTest, file_that_is_no_socket_is_not_taken) {
  Place place(0755);
  std::filesystem::rename(place.path(), place.folder() + "/.s.PGSQL.1");
  std::filesystem::create_symlink(place.folder() + "/.s.PGSQL.1", place.path());
  EXPECT_EQ(beside({"localhost", 5432, {}}, place.folder()), "");
}

}  // namespace
}  // namespace sluice::gateway
