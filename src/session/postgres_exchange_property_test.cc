// Random conversations through an Exchange: a model of a client sends, a model of a server answers some
// time later, with errors. Whatever happens, the client must see what a client without anybody in
// between would see: each answer carries the number of its request.
#include <deque>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "session/postgres_exchange.h"
#include "session/testing.h"

namespace sluice::postgres {
namespace {

using testing::frame_of;
using testing::message;
using testing::Recorder;
using testing::row;
using testing::statement;
using testing::told_error;

// A message on the wire to the server.
struct Sent {
  Await kind;
  int number;
  bool fails = false;
  std::string name;  // parse, close: the server's name
};

// What a server does with messages, one after the other.
class Server {
 public:
  std::string answer(const Sent& m) {
    const std::string number = std::to_string(m.number);
    if (skipping_ && m.kind != Await::sync) return {};
    if (m.fails) {
      skipping_ = m.kind != Await::query;
      return told_error("42601", number) + (skipping_ ? "" : message('Z'));
    }
    switch (m.kind) {
      case Await::parse:
        EXPECT_TRUE(names.insert(m.name).second) << m.name << " is prepared twice";
        return message('1');
      case Await::close: names.erase(m.name); return message('3');
      case Await::bind: return message('2');
      case Await::describe: return message('t') + (m.number % 2 ? message('n') : message('T'));
      case Await::execute: return row(number) + done(m.number);
      case Await::query: return message('T') + row(number) + done(m.number) + message('Z');
      default: skipping_ = false; return message('Z');
    }
  }
  std::set<std::string> names;

 private:
  static std::string done(int number) {
    return frame_of('C', "SELECT " + std::to_string(number) + '\0');
  }
  bool skipping_ = false;
};

class Conversation : public Recorder {
 public:
  explicit Conversation(unsigned seed) : random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (chance(40))
        deliver();
      else
        send();
    }
    sync();
    while (!wire_.empty()) deliver();
    EXPECT_TRUE(exchange_.settled());
    EXPECT_EQ(out.view(), expected_);
    EXPECT_EQ(names_, expected_names_);
    EXPECT_EQ(table_.size(), server_.names.size());
    for (const auto& [text, made] : statements_)
      EXPECT_EQ(table_.use(*made), server_.names.contains(made->server_name)) << text;
  }

  void on_unparsed(const Awaited& parse) override { names_.erase(parse.name); }
  void on_unclosed(const Awaited& close) override { names_[close.name] = close.statement->text; }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }

  void send() {
    const int n = ++number_;
    const bool fails = chance(8);
    switch (random_() % 10) {
      case 0: return parse(n, fails);
      case 1: return close();
      case 2: return refuse(n);
      case 3: return prepare_on_its_behalf(n, fails);
      case 4:
        if (!fresh_group_) return sync();
        // In a group the server would skip it behind an error, and clients don't do that.
        put({Await::query, n, fails}, false);
        fresh_group_ = true;
        return;
      case 5: return sync();
      case 6: return put({Await::describe, n, fails}, false);
      case 7: return put({Await::bind, n, fails}, false);
      default: return put({Await::execute, n, fails}, false);
    }
  }

  // To the real exchange and the server behind it, and to the oracle.
  void put(Sent m, bool ours, StatementRef made = nullptr, const std::string& client_name = {}) {
    wire_.push_back(m);
    exchange_.expect({.kind = m.kind, .ours = ours, .statement = made, .name = client_name});
    fresh_group_ = m.kind == Await::sync;
    const bool skipped = skipping_ && m.kind != Await::sync;
    const std::string reply = oracle_answer(m);
    if (!ours || m.fails) expected_ += reply;
    if (m.kind == Await::parse && !ours && !m.fails && !skipped)
      expected_names_[client_name] = made->text;
  }
  std::string oracle_answer(const Sent& m) {
    if (m.kind == Await::sync) skipping_ = false;
    if (skipping_) return {};
    Server alone;
    if (m.fails && m.kind != Await::query) skipping_ = true;
    return alone.answer(m);
  }
  void owe(const std::string& reply, const std::string& name, StatementRef closed) {
    exchange_.owe(reply, name, closed);
    fresh_group_ = false;
    if (skipping_) return;
    expected_ += reply;
    if (closed)
      expected_names_.erase(name);
    else
      expected_names_[name] = names_[name];
  }

  // Only what is certain is given again or evicted: a Parse under way may yet be skipped.
  bool certain() const { return exchange_.settled() && wire_.empty(); }

  void parse(int n, bool fails) {
    const bool again = certain() && !statements_.empty() && chance(60);
    std::string text = "select " + std::to_string(n);
    if (again)
      text =
          std::next(statements_.begin(), static_cast<long>(random_() % statements_.size()))->first;
    StatementRef& made = statements_[text];
    if (!made) made = statement(text);
    const std::string name = "name" + std::to_string(n);
    names_[name] = text;
    if (table_.use(*made)) return owe(message('1'), name, nullptr);
    parse_on(n, fails, false, made, name);
  }
  void prepare_on_its_behalf(int n, bool fails) {
    const std::string text = "ours " + std::to_string(n);
    parse_on(n, fails, true, statements_[text] = statement(text), {});
  }
  void parse_on(int n, bool fails, bool ours, const StatementRef& made, const std::string& name) {
    if (StatementRef old = certain() ? table_.surplus(*made) : nullptr) {
      table_.erase(*old);
      put({Await::close, n, false, old->server_name}, true, old);
    }
    table_.add(made);
    put({Await::parse, n, fails, made->server_name}, ours, made, name);
  }
  void close() {
    if (names_.empty()) return;
    const auto chosen = std::next(names_.begin(), static_cast<long>(random_() % names_.size()));
    const std::string name = chosen->first;
    if (!expected_names_.contains(name)) return;  // its Parse is going to be skipped
    const StatementRef closed = statements_.at(chosen->second);
    names_.erase(chosen);
    owe(message('3'), name, closed);
  }
  void refuse(int n) {
    const std::string words = told_error("26000", "refused " + std::to_string(n));
    wire_.push_back({Await::execute, n, true});
    exchange_.expect({.kind = Await::refused, .reply = words});
    fresh_group_ = false;
    if (!skipping_) expected_ += words;
    skipping_ = true;
  }
  void sync() { put({Await::sync, ++number_}, false); }

  // The server gets to the next message; its answer arrives, perhaps with news that change nothing.
  void deliver() {
    if (wire_.empty()) return;
    std::string reply = server_.answer(wire_.front());
    wire_.pop_front();
    for (std::string_view left = reply; !left.empty();) {
      const Frame frame = **next_frame(left);
      const auto verdict = exchange_.take(frame.type, frame.payload, table_);
      ASSERT_NE(verdict, Exchange::Verdict::broken) << frame.type;
      if (verdict == Exchange::Verdict::pass) out.append(frame.bytes);
      if (exchange_.owes()) exchange_.pay();
      left.remove_prefix(frame.bytes.size());
    }
  }

  std::mt19937 random_;
  Exchange exchange_{*this};
  ServerStatements table_{5};
  Server server_;
  std::deque<Sent> wire_;  // sent, and not yet read by the server
  int number_ = 0;
  bool fresh_group_ = true;
  std::map<std::string, StatementRef> statements_;  // by text
  std::map<std::string, std::string> names_;        // the client's, as the gateway believes
  // The oracle's view: what a client would see that speaks to the server itself.
  bool skipping_ = false;
  std::string expected_;
  std::map<std::string, std::string> expected_names_;
};

TEST(ExchangePropertyTest, every_answer_finds_its_request) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Conversation conversation(seed);
    conversation.run(80);
    if (::testing::Test::HasFailure()) return;
  }
}

// Copies, sent as far ahead as the client likes: data and CopyDone may be out before the server asks, and
// Syncs between an Execute and its CopyDone are read as part of the copy.
class Copies : public Recorder {
 public:
  explicit Copies(unsigned seed) : random_(seed) {}

  void run() {
    for (int i = 0; i < 12; ++i) group();
    while (!wire_.empty()) deliver();
    EXPECT_TRUE(exchange_.settled());
    EXPECT_FALSE(exchange_.copying_in());
    EXPECT_TRUE(exchange_.let_go());
    EXPECT_EQ(out.view(), said_);
  }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }

  void group() {
    for (unsigned n = random_() % 3; n > 0; --n) {
      if (chance(30)) send(chance(20) ? 'x' : 'e');
      if (chance(60)) copy();
    }
    send('S');
  }
  void copy() {
    const bool fails = chance(20);  // without a Sync inside: which of them would count is open
    send('E');
    while (chance(50)) send(!fails && chance(30) ? 'S' : 'd');
    send(fails ? 'f' : 'c');
  }

  // E: begins a COPY, e: a plain execute, x: a failing one, d: data, c, f: CopyDone, CopyFail, S: Sync.
  void send(char what) {
    wire_.push_back(what);
    if (what == 'E' || what == 'e' || what == 'x') exchange_.expect({.kind = Await::execute});
    if (what == 'c' || what == 'f') exchange_.copy_ended();
    if (what == 'S' && !exchange_.ignores_sync()) exchange_.expect({.kind = Await::sync});
    while (!wire_.empty() && chance(40)) deliver();
  }

  std::string answer(char what) {
    if (copying_) {
      copying_ = what == 'd' || what == 'S';
      skipping_ = what == 'f';
      return what == 'c' ? message('C') : what == 'f' ? told_error("57014") : std::string();
    }
    if (what == 'S') skipping_ = false;
    if (skipping_ || what == 'd' || what == 'c' || what == 'f') return {};
    if (what == 'S') return message('Z');
    copying_ = what == 'E';
    skipping_ = what == 'x';
    return copying_ ? message('G') : skipping_ ? told_error("22012") : message('C');
  }
  void deliver() {
    const std::string reply = answer(wire_.front());
    wire_.pop_front();
    if (reply.empty()) return;
    said_ += reply;
    const Frame frame = **next_frame(std::string_view(reply));
    ASSERT_EQ(exchange_.take(frame.type, frame.payload, table_), Exchange::Verdict::pass)
        << frame.type;
    out.append(frame.bytes);
  }

  std::mt19937 random_;
  Exchange exchange_{*this};
  ServerStatements table_{5};
  std::deque<char> wire_;
  bool copying_ = false, skipping_ = false;
  std::string said_;
};

TEST(ExchangePropertyTest, every_copy_ends_where_its_client_said) {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Copies copies(seed);
    copies.run();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::postgres
