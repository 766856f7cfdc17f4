#include "net/tls.h"

#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/stream.h"
#include "net/testing.h"
#include "net/testing_certificates.h"

namespace sluice::net {
namespace {

using namespace testing;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    ca_.write(file("ca.crt"), file("ca.key"));
    server_.write(file("server.crt"), file("server.key"));
    client_.write(file("client.crt"), file("client.key"));
  }
  // No failure on this thread may be read by the next connection.
  ~TlsTest() override { EXPECT_EQ(ERR_peek_error(), 0ul); }

  std::string file(const std::string& name) { return dir_.file(name); }
  TlsServerOptions server_options() {
    return {file("server.crt"), file("server.key"), "", false, ""};
  }
  TlsClientOptions client_options(TlsVerify verify) { return {verify, file("ca.crt"), "", "", ""}; }

  struct Outcome {
    Streams streams;
    Result<void> client, server;
  };
  // Both handshakes at once; both ends' outcome.
  Outcome shake(const TlsServerOptions& server_options, const TlsClientOptions& client_options,
                const std::string& host = "db.example", Kind kind = Kind::tcp) {
    auto server = TlsServer::make(server_options);
    auto client = TlsClient::make(client_options);
    if (!server || !client) throw std::runtime_error("making a TLS context");
    Outcome outcome{connected(loop_, kind), {}, {}};
    Event done;
    loop_.spawn([&] {
      outcome.server = outcome.streams.server->start_tls(**server, soon());
      done.signal();
    });
    outcome.client = outcome.streams.client->start_tls(**client, host, soon());
    if (!outcome.client) outcome.streams.client->close_gracefully(soon());
    EXPECT_TRUE(done.wait(soon()));
    return outcome;
  }
  void on_fiber(std::function<void()> body) { run_on_fiber(loop_, std::move(body)); }

  TempDir dir_;
  Certificate ca_{"Test CA", "", nullptr};
  Certificate server_{"db", "DNS:db.example,IP:127.0.0.1", &ca_};
  Certificate client_{"alice", "", &ca_};
  Loop loop_;
};

void expect_echo(Stream& a, Stream& b) {
  Buffer in;
  ASSERT_TRUE(a.write("question", soon()));
  while (in.size() < 8) ASSERT_TRUE(b.read(in, soon()));
  EXPECT_EQ(in.view(), "question");
  in.clear();
  ASSERT_TRUE(b.write("answer", soon()));
  while (in.size() < 6) ASSERT_TRUE(a.read(in, soon()));
  EXPECT_EQ(in.view(), "answer");
}

// One read's outcome. A record without application data makes a stream readable too.
Result<std::size_t> read_when_ready(Stream& stream) {
  char into[64];
  for (;;) {
    EXPECT_TRUE(stream.wait_readable(soon()));
    auto got = stream.read_some(into);
    if (got || got.error().code != Code::would_block) return got;
  }
}

TEST_F(TlsTest, bytes_go_both_ways_encrypted) {
  on_fiber([&] {
    for (const Kind kind : {Kind::tcp, Kind::unix_path, Kind::pair}) {
      auto o = shake(server_options(), client_options(TlsVerify::none), "", kind);
      ASSERT_TRUE(o.client) << o.client.error().text();
      ASSERT_TRUE(o.server) << o.server.error().text();
      EXPECT_TRUE(o.streams.client->encrypted());
      EXPECT_TRUE(o.streams.client->tls_description().starts_with("TLSv1.3 "));
      EXPECT_EQ(o.streams.server->tls_description(), o.streams.client->tls_description());
      EXPECT_EQ(o.streams.server->peer_common_name(), "");
      expect_echo(*o.streams.client, *o.streams.server);
    }
  });
}

TEST_F(TlsTest, verify_ca_ignores_the_name_and_verify_full_does_not) {
  on_fiber([&] {
    EXPECT_TRUE(shake(server_options(), client_options(TlsVerify::ca), "other.example").client);
    EXPECT_TRUE(shake(server_options(), client_options(TlsVerify::full), "db.example").client);
    EXPECT_TRUE(shake(server_options(), client_options(TlsVerify::full), "127.0.0.1").client);
    for (const char* wrong : {"other.example", "127.0.0.2", "x.db.example"}) {
      auto o = shake(server_options(), client_options(TlsVerify::full), wrong);
      EXPECT_EQ(code_of(o.client), Code::unauthenticated) << wrong;
      EXPECT_NE(o.client.error().detail.find("mismatch"), std::string::npos)
          << o.client.error().detail;
    }
    auto nameless = shake(server_options(), client_options(TlsVerify::full), "");
    EXPECT_EQ(code_of(nameless.client), Code::invalid_argument);
  });
}

TEST_F(TlsTest, unknown_ca_is_refused_and_the_server_hears_why) {
  const Certificate other("Other CA", "", nullptr);
  other.write(file("other.crt"), file("other.key"));
  on_fiber([&] {
    auto options = client_options(TlsVerify::ca);
    options.ca_file = file("other.crt");
    auto o = shake(server_options(), options);
    EXPECT_EQ(code_of(o.client), Code::unauthenticated);
    EXPECT_NE(o.client.error().detail.find("certificate"), std::string::npos);
    EXPECT_EQ(code_of(o.server), Code::unauthenticated);
    EXPECT_NE(o.server.error().detail.find("unknown ca"), std::string::npos);
  });
}

TEST_F(TlsTest, client_certificate_gives_its_common_name) {
  on_fiber([&] {
    auto server = server_options();
    server.ca_file = file("ca.crt");
    server.require_client_cert = true;
    auto client = client_options(TlsVerify::ca);
    client.cert_file = file("client.crt");
    client.key_file = file("client.key");
    auto o = shake(server, client);
    ASSERT_TRUE(o.server) << o.server.error().text();
    EXPECT_EQ(o.streams.server->peer_common_name(), "alice");
    EXPECT_EQ(o.streams.client->peer_common_name(), "db");
    expect_echo(*o.streams.client, *o.streams.server);
  });
}

// With TLS 1.3 the client's handshake is over before the server has looked for the certificate.
TEST_F(TlsTest, missing_client_certificate_is_told_to_both) {
  on_fiber([&] {
    auto server = server_options();
    server.ca_file = file("ca.crt");
    server.require_client_cert = true;
    auto o = shake(server, client_options(TlsVerify::ca));
    EXPECT_EQ(code_of(o.server), Code::unauthenticated);
    ASSERT_TRUE(o.client);
    Buffer in;
    auto read = o.streams.client->read(in, soon());
    EXPECT_EQ(code_of(read), Code::unauthenticated);
    EXPECT_EQ(code_of(o.streams.client->read(in, soon())),
              Code::unauthenticated);  // again the same
  });
}

TEST_F(TlsTest, client_certificate_may_be_left_out_where_it_is_optional) {
  on_fiber([&] {
    auto server = server_options();
    server.ca_file = file("ca.crt");
    auto o = shake(server, client_options(TlsVerify::ca));
    ASSERT_TRUE(o.server);
    EXPECT_EQ(o.streams.server->peer_common_name(), "");
  });
}

TEST_F(TlsTest, alpn_is_taken_if_offered) {
  on_fiber([&] {
    auto server = server_options();
    server.alpn = "postgresql";
    for (const char* offered : {"postgresql", "h2", ""}) {
      auto client = client_options(TlsVerify::none);
      client.alpn = offered;
      auto o = shake(server, client);
      ASSERT_TRUE(o.client && o.server);
      const std::string expected = offered == server.alpn ? offered : "";
      EXPECT_EQ(o.streams.server->alpn(), expected);
      EXPECT_EQ(o.streams.client->alpn(), expected);
    }
  });
}

TEST_F(TlsTest, endpoint_hash_is_the_same_at_both_ends) {
  for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha1()}) {
    const EVP_MD* expected = digest == EVP_sha1() ? EVP_sha256() : digest;  // RFC 5929, 4.1
    // Only a self-signed certificate may still have SHA-1.
    const Certificate certificate("db", "", digest == EVP_sha1() ? nullptr : &ca_, digest);
    certificate.write(file("server.crt"), file("server.key"));
    on_fiber([&] {
      auto o = shake(server_options(), client_options(TlsVerify::none));
      ASSERT_TRUE(o.client && o.server);
      EXPECT_EQ(o.streams.client->tls_endpoint_hash(), certificate.hash(expected));
      EXPECT_EQ(o.streams.server->tls_endpoint_hash(), certificate.hash(expected));
    });
  }
}

TEST_F(TlsTest, close_notify_is_an_end_of_file_and_its_absence_a_loss) {
  on_fiber([&] {
    auto o = shake(server_options(), client_options(TlsVerify::none));
    ASSERT_TRUE(o.streams.client->write("bye", soon()));
    o.streams.client->close_gracefully(soon());
    Buffer in;
    ASSERT_TRUE(o.streams.server->read(in, soon()));
    EXPECT_EQ(in.view(), "bye");
    EXPECT_EQ(read_when_ready(*o.streams.server).value(), 0u);
    ASSERT_TRUE(o.streams.server->write("still here", soon()));
    while (in.size() < 10) ASSERT_TRUE(o.streams.client->read(in, soon()));

    auto torn = shake(server_options(), client_options(TlsVerify::none));
    ::shutdown(torn.streams.client->fd(), SHUT_WR);
    EXPECT_EQ(code_of(read_when_ready(*torn.streams.server)), Code::connection_lost);
  });
}

TEST_F(TlsTest, destroyed_stream_says_goodbye) {
  on_fiber([&] {
    auto o = shake(server_options(), client_options(TlsVerify::none));
    o.streams.client.reset();
    EXPECT_EQ(read_when_ready(*o.streams.server).value(), 0u);
  });
}

TEST_F(TlsTest, big_transfers_both_ways_at_once_under_back_pressure) {
  on_fiber([&] {
    auto o = shake(server_options(), client_options(TlsVerify::none));
    const std::string up = pattern(6'000'000, 1), down = pattern(5'000'000, 2);
    int running = 4;
    Fiber* main = current_fiber();
    const auto side = [&](auto body) {
      loop_.spawn([&, body] {
        body();
        if (--running == 0) wake(*main);
      });
    };
    const auto expect = [](Stream& stream, const std::string& bytes) {
      Buffer in;
      while (in.size() < bytes.size())
        if (!stream.read(in, now() + 60s)) return ADD_FAILURE(), void();
      EXPECT_TRUE(in.view() == bytes);
    };
    side([&] { EXPECT_TRUE(o.streams.client->write(up, now() + 60s)); });
    side([&] { EXPECT_TRUE(o.streams.server->write(down, now() + 60s)); });
    side([&] { expect(*o.streams.server, up); });
    side([&] { expect(*o.streams.client, down); });
    while (running) park();
  });
}

TEST_F(TlsTest, decrypted_bytes_that_wait_are_readable) {
  on_fiber([&] {
    auto o = shake(server_options(), client_options(TlsVerify::none));
    ASSERT_TRUE(o.streams.client->write("one", soon()));
    ASSERT_TRUE(o.streams.client->write("two", soon()));
    sleep_until(now() + 10ms);
    std::string got;
    char byte;
    while (got.size() < 6) {
      ASSERT_TRUE(o.streams.server->maybe_readable());
      EXPECT_EQ(o.streams.server->peek({&byte, 1}).value(), 1u);
      ASSERT_EQ(o.streams.server->read_some({&byte, 1}).value(), 1u);
      got += byte;
    }
    EXPECT_EQ(got, "onetwo");
    EXPECT_EQ(code_of(o.streams.server->read_some({&byte, 1})), Code::would_block);
    EXPECT_FALSE(o.streams.server->maybe_readable());
  });
}

TEST_F(TlsTest, first_byte_can_be_looked_at_before_the_handshake) {
  on_fiber([&] {
    auto server = TlsServer::make(server_options());
    auto client = TlsClient::make(client_options(TlsVerify::none));
    ASSERT_TRUE(server && client);
    Streams s = connected(loop_, Kind::tcp);
    Event done;
    loop_.spawn([&] {
      EXPECT_TRUE(s.client->start_tls(**client, "", soon()));
      done.signal();
    });
    char first = 0;
    ASSERT_TRUE(s.server->wait_readable(soon()));
    ASSERT_EQ(s.server->peek({&first, 1}).value(), 1u);
    EXPECT_EQ(first, 0x16);
    EXPECT_TRUE(s.server->start_tls(**server, soon()));
    ASSERT_TRUE(done.wait(soon()));
    expect_echo(*s.client, *s.server);
  });
}

TEST_F(TlsTest, plain_text_is_no_tls) {
  on_fiber([&] {
    auto server = TlsServer::make(server_options());
    Streams s = connected(loop_, Kind::tcp);
    ASSERT_TRUE(s.client->write("SELECT 1; this is no handshake\n", soon()));
    auto shaken = s.server->start_tls(**server, soon());
    EXPECT_EQ(code_of(shaken), Code::protocol_violation);
    EXPECT_NE(shaken.error().detail.find("doesn't speak TLS"), std::string::npos);
  });
}

TEST_F(TlsTest, silent_and_vanished_peers_end_the_handshake) {
  on_fiber([&] {
    auto server = TlsServer::make(server_options());
    auto client = TlsClient::make(client_options(TlsVerify::none));
    Streams s = connected(loop_, Kind::tcp);
    EXPECT_EQ(code_of(s.server->start_tls(**server, now() + 20ms)), Code::timed_out);
    Streams t = connected(loop_, Kind::tcp);
    t.server.reset();
    EXPECT_EQ(code_of(t.client->start_tls(**client, "", soon())), Code::connection_lost);
  });
}

TEST_F(TlsTest, moves_to_another_worker) {
  Worker worker(0);
  worker.start();
  on_fiber([&] {
    auto o = shake(server_options(), client_options(TlsVerify::none));
    expect_echo(*o.streams.client, *o.streams.server);
    o.streams.server->detach();
    std::string got;
    Event finished;
    worker.loop().post([&] {
      worker.loop().spawn([&] {
        Buffer in;
        if (o.streams.server->attach(worker.loop()) && o.streams.server->read(in, soon()))
          got = in.view();
        EXPECT_TRUE(o.streams.server->write("back", soon()));
        o.streams.server.reset();
        finished.signal();
      });
    });
    ASSERT_TRUE(o.streams.client->write("over", soon()));
    ASSERT_TRUE(finished.wait(soon()));
    EXPECT_EQ(got, "over");
    Buffer in;
    ASSERT_TRUE(o.streams.client->read(in, soon()));
    EXPECT_EQ(in.view(), "back");
  });
  worker.stop_and_join();
}

// The peer is OpenSSL itself, blocking, which asks for new keys in the middle.
TEST_F(TlsTest, key_update_of_the_peer_is_answered) {
  auto socket = ListenSocket::open({"127.0.0.1", 0, {}}, {});
  ASSERT_TRUE(socket);
  std::string answer(6, '\0');
  std::thread peer([&, at = (*socket)->local()] {
    auto address = resolve(at, soon());
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(address->front().sockaddr.data()),
                        sizeof(sockaddr_in)),
              0);
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    EXPECT_EQ(SSL_connect(ssl), 1);
    EXPECT_EQ(SSL_write(ssl, "a", 1), 1);
    EXPECT_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(SSL_write(ssl, "b", 1), 1);
    for (int got = 0; got < 6;) {
      const int n = SSL_read(ssl, answer.data() + got, 6 - got);
      if (n <= 0) break;
      got += n;
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(fd);
  });
  on_fiber([&] {
    auto server = TlsServer::make(server_options());
    std::unique_ptr<Stream> stream;
    Fiber* waiter = current_fiber();
    Acceptor acceptor(loop_, **socket, [&](int fd, Endpoint from) {
      stream = std::make_unique<Stream>(loop_, fd, from);
      wake(*waiter);
    });
    while (!stream) park();
    ASSERT_TRUE(stream->start_tls(**server, soon()));
    Buffer in;
    while (in.size() < 2) ASSERT_TRUE(stream->read(in, soon()));
    EXPECT_EQ(in.view(), "ab");
    ASSERT_TRUE(stream->write("answer", soon()));
    (void)stream->read(in, soon());
  });
  peer.join();
  EXPECT_EQ(answer, "answer");
}

TEST_F(TlsTest, wrong_files_are_named) {
  const auto detail_of = [](const TlsServerOptions& options) {
    auto made = TlsServer::make(options);
    EXPECT_EQ(code_of(made), Code::invalid_argument);
    return made ? std::string() : made.error().detail;
  };
  auto missing = server_options();
  missing.cert_file = "/nowhere/server.crt";
  EXPECT_EQ(detail_of(missing), "certificate file /nowhere/server.crt: No such file or directory");
  auto mismatch = server_options();
  mismatch.key_file = file("client.key");
  EXPECT_NE(detail_of(mismatch).find("client.key"), std::string::npos);
  auto no_key = server_options();
  no_key.key_file = file("server.crt");
  EXPECT_NE(detail_of(no_key).find("key file"), std::string::npos);
  server_.write(file("server.crt"), file("locked.key"), EVP_aes_128_cbc());
  auto locked = server_options();
  locked.key_file = file("locked.key");
  EXPECT_NE(detail_of(locked).find("locked.key"), std::string::npos);
  auto no_ca = server_options();
  no_ca.require_client_cert = true;
  EXPECT_FALSE(detail_of(no_ca).empty());
  auto client = client_options(TlsVerify::ca);
  client.ca_file = "/nowhere/ca.crt";
  auto made = TlsClient::make(client);
  EXPECT_EQ(code_of(made), Code::invalid_argument);
  EXPECT_EQ(made.error().detail, "CA file /nowhere/ca.crt: No such file or directory");
}

}  // namespace
}  // namespace sluice::net
