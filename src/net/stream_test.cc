#include "net/stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/testing.h"

namespace sluice::net {
namespace {

using namespace testing;

class StreamTest : public ::testing::TestWithParam<Kind> {
 protected:
  // Gives both ends to body, on a fiber.
  void with_streams(const std::function<void(Stream& client, Stream& server)>& body) {
    run_on_fiber(loop_, [&] {
      Streams streams = connected(loop_, GetParam());
      body(*streams.client, *streams.server);
    });
  }
  // Lets events arrive that are on their way.
  static void settle() { sleep_until(now() + 10ms); }

  Loop loop_;
};

std::string name_of_kind(const ::testing::TestParamInfo<Kind>& kind) {
  return kind.param == Kind::pair ? "pair" : kind.param == Kind::tcp ? "tcp" : "unix";
}

INSTANTIATE_TEST_SUITE_P(Kinds, StreamTest,
                         ::testing::Values(Kind::pair, Kind::tcp, Kind::unix_path), name_of_kind);

TEST_P(StreamTest, bytes_go_both_ways) {
  with_streams([](Stream& client, Stream& server) {
    Buffer in;
    ASSERT_TRUE(client.write("question", soon()));
    while (in.size() < 8) ASSERT_TRUE(server.read(in, soon()));
    EXPECT_EQ(in.view(), "question");
    in.clear();
    ASSERT_TRUE(server.write("answer", soon()));
    while (in.size() < 6) ASSERT_TRUE(client.read(in, soon()));
    EXPECT_EQ(in.view(), "answer");
  });
}

TEST_P(StreamTest, nothing_to_read_would_block_and_is_known_without_asking) {
  with_streams([](Stream& client, Stream& server) {
    char byte;
    EXPECT_EQ(code_of(server.read_some({&byte, 1})), Code::would_block);
    EXPECT_FALSE(server.maybe_readable());
    ASSERT_TRUE(client.write("x", soon()));
    ASSERT_TRUE(server.wait_readable(soon()));
    EXPECT_TRUE(server.maybe_readable());
    EXPECT_EQ(server.read_some({&byte, 1}).value(), 1u);
  });
}

TEST_P(StreamTest, short_read_means_empty) {
  with_streams([](Stream& client, Stream& server) {
    ASSERT_TRUE(client.write("abc", soon()));
    ASSERT_TRUE(server.wait_readable(soon()));
    settle();
    char into[100];
    EXPECT_EQ(server.read_some(into).value(), 3u);
    EXPECT_FALSE(server.maybe_readable());
  });
}

TEST_P(StreamTest, read_that_fills_its_room_goes_on_later) {
  with_streams([](Stream& client, Stream& server) {
    ASSERT_TRUE(client.write("abcdef", soon()));
    settle();
    char into[3];
    EXPECT_EQ(server.read_some(into).value(), 3u);
    EXPECT_TRUE(server.maybe_readable());
    EXPECT_EQ(server.read_some(into).value(), 3u);
    EXPECT_EQ(std::string_view(into, 3), "def");
    EXPECT_EQ(code_of(server.read_some(into)), Code::would_block);
  });
}

TEST_P(StreamTest, end_of_file_is_zero_again_and_again) {
  with_streams([&](Stream&, Stream& server) {
    Streams other = connected(loop_, GetParam());
    other.client.reset();
    ASSERT_TRUE(other.server->wait_readable(soon()));
    char byte;
    EXPECT_EQ(other.server->read_some({&byte, 1}).value(), 0u);
    EXPECT_EQ(other.server->read_some({&byte, 1}).value(), 0u);
    EXPECT_TRUE(other.server->maybe_readable());
    Buffer in;
    EXPECT_EQ(code_of(other.server->read(in, soon())), Code::connection_lost);
    EXPECT_EQ(code_of(server.read_some({&byte, 1})), Code::would_block);
  });
}

// FIN and data are in one event: after a short read the end of file must still be seen.
TEST_P(StreamTest, end_of_file_that_came_with_data_is_seen) {
  run_on_fiber(loop_, [&] {
    for (const bool settled : {true, false}) {
      Streams s = connected(loop_, GetParam());
      ASSERT_TRUE(s.client->write("last words", soon()));
      s.client.reset();
      if (settled) settle();
      Buffer in;
      while (in.size() < 10) ASSERT_TRUE(s.server->read(in, soon()));
      EXPECT_EQ(in.view(), "last words");
      EXPECT_EQ(code_of(s.server->read(in, soon())), Code::connection_lost);
    }
  });
}

// FIN arrives between the event that announced the data and the read.
TEST_P(StreamTest, end_of_file_that_came_before_the_read_is_seen) {
  run_on_fiber(loop_, [&] {
    Streams s = connected(loop_, GetParam());
    ASSERT_TRUE(s.client->write("abc", soon()));
    ASSERT_TRUE(s.server->wait_readable(soon()));
    s.client.reset();  // no turn of the loop between this and the read
    Buffer in;
    ASSERT_TRUE(s.server->read(in, soon()));
    EXPECT_EQ(in.view(), "abc");
    EXPECT_EQ(code_of(s.server->read(in, soon())), Code::connection_lost);
  });
}

TEST_P(StreamTest, half_closed_peer_still_gets_the_answer) {
  with_streams([](Stream& client, Stream& server) {
    ASSERT_TRUE(client.write("question", soon()));
    client.close_gracefully(soon());
    Buffer in;
    while (true) {
      auto got = server.read(in, soon());
      if (got) continue;
      EXPECT_EQ(got.error().code, Code::connection_lost);
      break;
    }
    EXPECT_EQ(in.view(), "question");
    const std::string answer = pattern(3'000'000);
    server.loop().spawn([&] { ASSERT_TRUE(server.write(answer, soon())); });
    Buffer back;
    while (back.size() < answer.size()) ASSERT_TRUE(client.read(back, soon()));
    EXPECT_TRUE(back.view() == answer);
  });
}

TEST_P(StreamTest, writing_to_a_closed_peer_is_an_error_and_no_signal) {
  with_streams([&](Stream&, Stream&) {
    Streams s = connected(loop_, GetParam());
    s.client.reset();
    Result<void> written;
    for (int i = 0; i < 100 && written; ++i) {
      written = s.server->write("x", soon());
      settle();
    }
    EXPECT_EQ(code_of(written), Code::connection_lost);
  });
}

TEST_P(StreamTest, big_transfers_both_ways_at_once_under_back_pressure) {
  with_streams([&](Stream& client, Stream& server) {
    const std::string up = pattern(20'000'000, 1), down = pattern(15'000'000, 2);
    int running = 4;
    Fiber* main = current_fiber();
    const auto side = [&](auto body) {
      loop_.spawn([&, body] {
        body();
        if (--running == 0) wake(*main);
      });
    };
    const auto send = [](Stream& stream, const std::string& bytes) {
      EXPECT_TRUE(stream.write(bytes, now() + 60s));
    };
    const auto expect = [](Stream& stream, const std::string& bytes) {
      Buffer in;
      while (in.size() < bytes.size()) {
        if (auto got = stream.read(in, now() + 60s); !got) return ADD_FAILURE(), void();
        if (in.size() % 7 == 0) yield();
      }
      EXPECT_TRUE(in.view() == bytes);
    };
    side([&] { send(client, up); });
    side([&] { send(server, down); });
    side([&] { expect(server, up); });
    side([&] { expect(client, down); });
    while (running) park();
  });
}

TEST_P(StreamTest, flush_stops_where_there_is_no_room_and_goes_on) {
  with_streams([](Stream& client, Stream& server) {
    struct Counter final : Stream::Handler {
      void on_ready() override { ++count; }
      int count = 0;
    } handler;
    const std::string bytes = pattern(8'000'000);
    Buffer out;
    out.append(bytes);
    EXPECT_FALSE(client.flush(out).value());
    EXPECT_FALSE(out.empty());
    EXPECT_EQ(code_of(client.write_some("more")), Code::would_block);
    settle();
    client.set_handler(&handler);
    Buffer in;
    while (in.size() < bytes.size()) {
      if (handler.count) {
        handler.count = 0;
        ASSERT_TRUE(client.flush(out));
      }
      (void)server.read(in, now() + 20ms);
    }
    EXPECT_TRUE(out.empty());
    EXPECT_TRUE(in.view() == bytes);
    client.set_handler(nullptr);
  });
}

TEST_P(StreamTest, read_some_takes_no_more_than_its_limit) {
  with_streams([](Stream& client, Stream& server) {
    ASSERT_TRUE(client.write(pattern(50'000), soon()));
    settle();
    Buffer in;
    EXPECT_EQ(server.read_some(in, 1000).value(), 1000u);
    EXPECT_EQ(server.read_some(in, 1).value(), 1u);
    while (in.size() < 50'000) ASSERT_TRUE(server.read(in, soon()));
    EXPECT_TRUE(in.view() == pattern(50'000));
  });
}

TEST_P(StreamTest, waiting_ends_at_the_deadline) {
  with_streams([](Stream& client, Stream& server) {
    Buffer in;
    const Time start = now();
    EXPECT_EQ(code_of(server.read(in, start + 20ms)), Code::timed_out);
    EXPECT_EQ(code_of(server.wait_readable(start + 30ms)), Code::timed_out);
    EXPECT_GE(now() - start, 30ms);
    const std::string bytes = pattern(30'000'000);
    EXPECT_EQ(code_of(client.write(bytes, now() + 20ms)), Code::timed_out);
  });
}

TEST_P(StreamTest, peek_leaves_the_bytes) {
  with_streams([](Stream& client, Stream& server) {
    char into[8];
    EXPECT_EQ(code_of(server.peek(into)), Code::would_block);
    ASSERT_TRUE(client.write("abc", soon()));
    ASSERT_TRUE(server.wait_readable(soon()));
    EXPECT_EQ(server.peek(into).value(), 3u);
    EXPECT_EQ(server.peek(into).value(), 3u);
    Buffer in;
    ASSERT_TRUE(server.read(in, soon()));
    EXPECT_EQ(in.view(), "abc");
  });
}

TEST_P(StreamTest, handler_may_destroy_the_stream) {
  run_on_fiber(loop_, [&] {
    Streams s = connected(loop_, GetParam());
    struct Destroyer final : Stream::Handler {
      explicit Destroyer(std::unique_ptr<Stream>& stream) : stream_(stream) {}
      void on_ready() override { stream_.reset(); }
      std::unique_ptr<Stream>& stream_;
    } handler(s.server);
    char byte;
    while (s.server->read_some({&byte, 1}).has_value()) {
    }
    s.server->set_handler(&handler);
    ASSERT_TRUE(s.client->write("x", soon()));
    while (s.server) yield();
  });
}

// Bytes that arrive before, during and after the move are read on the new loop.
TEST_P(StreamTest, moves_to_another_worker_with_bytes_under_way) {
  Worker worker(0);
  worker.start();
  run_on_fiber(loop_, [&] {
    Streams s = connected(loop_, GetParam());
    char byte;
    EXPECT_EQ(code_of(s.server->read_some({&byte, 1})), Code::would_block);
    ASSERT_TRUE(s.client->write("one ", soon()));
    settle();
    s.server->detach();
    ASSERT_TRUE(s.client->write("two ", soon()));
    bool attached = false;
    Event read_two;
    std::string read;
    Event finished;
    worker.loop().post([&] {
      worker.loop().spawn([&] {
        attached = s.server->attach(worker.loop()).has_value();
        Buffer in;
        while (in.size() < 8 && s.server->read(in, soon())) {
        }
        read_two.signal();
        while (in.size() < 12 && s.server->read(in, soon())) {
        }
        read = in.view();
        s.server.reset();
        finished.signal();
      });
    });
    ASSERT_TRUE(read_two.wait(soon()));
    ASSERT_TRUE(s.client->write("tri ", soon()));
    ASSERT_TRUE(finished.wait(soon()));
    EXPECT_TRUE(attached);
    EXPECT_EQ(read, "one two tri ");
  });
  worker.stop_and_join();
}

TEST(StreamTcpTest, reset_is_connection_lost_also_the_second_time) {
  Loop loop;
  run_on_fiber(loop, [&] {
    Streams s = connected(loop, Kind::tcp);
    const linger hard{1, 0};
    ASSERT_EQ(::setsockopt(s.client->fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    s.client.reset();
    Buffer in;
    auto first = s.server->read(in, soon());
    EXPECT_EQ(code_of(first), Code::connection_lost);
    EXPECT_EQ(first.error().os, ECONNRESET);
    char byte;
    EXPECT_EQ(code_of(s.server->read_some({&byte, 1})), Code::connection_lost);
  });
}

TEST(StreamTcpTest, facts_name_both_ends) {
  Loop loop;
  run_on_fiber(loop, [&] {
    Streams s = connected(loop, Kind::tcp);
    EXPECT_EQ(s.client->peer(), s.server->local());
    EXPECT_EQ(s.server->peer(), s.client->local());
    EXPECT_FALSE(s.client->encrypted());
    EXPECT_EQ(s.client->tls_description(), "");
    EXPECT_EQ(s.client->tls_endpoint_hash(), "");
  });
}

}  // namespace
}  // namespace sluice::net
