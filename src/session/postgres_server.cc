// Reading and routing: what arrives from a server and where it goes. See postgres_server_lease.cc for
// what happens when the connection changes hands.
#include "session/postgres_server.h"

#include <algorithm>

#include "session/postgres_error.h"
#include "sluice/event.h"
#include "wire/postgres/frontend.h"

namespace sluice::postgres {

Baselines::Ref Baselines::intern(Reported reported) {
  std::lock_guard lock(mutex_);
  if (!newest_ || *newest_ != reported)
    newest_ = std::make_shared<const Reported>(std::move(reported));
  return newest_;
}

Baselines::Ref Baselines::newest() const {
  std::lock_guard lock(mutex_);
  return newest_;
}

ServerConn::ServerConn(std::unique_ptr<net::Stream> stream, ServerFacts facts,
                       ServerOptions options, const Loops& loops)
    : stream_(std::move(stream)),
      facts_(std::move(facts)),
      options_(std::move(options)),
      loops_(loops),
      statements_(options_.max_prepared) {
  stream_->set_handler(this);
}

// A connection may be closed by another worker than its own, whose loop has to be the one to let go.
ServerConn::~ServerConn() {
  net::Loop& home = stream_->loop();
  if (&home == net::Loop::current() || !home.running()) {
    part();
    return;
  }
  Event parted;
  home.post([this, &parted] {
    part();
    parted.signal();
  });
  parted.wait(kNever);
}

void ServerConn::part() {
  stream_->set_handler(nullptr);
  if (shared_) stream_->loop().cancel(*this);
  if (later_) *later_ = nullptr;
  if (!dead_ && status_ == 'I' && out_.empty()) {
    append_terminate(out_);
    (void)stream_->flush(out_);
  }
  stream_.reset();
}

void ServerConn::on_ready() {
  if (dead_) return;
  if (!out_.empty()) {
    flush();
    if (Exchange* e = current(); e && !out_full()) e->owner().on_progress();
  }
  pump();
}

void ServerConn::flush() {
  if (dead_) return;
  const std::size_t before = out_.size();
  auto sent = stream_->flush(out_);
  written_ += before - out_.size();
  if (!sent) {
    // What the server said before it hung up explains more than our failed write.
    pump();
    if (!dead_) lose(sent.error());
    return;
  }
  out_.release();
}

void ServerConn::resume() { pump(); }

// Until nothing more is there or nobody has room. Dealing with what came may make room again.
void ServerConn::pump() {
  if (pumping_ || later_) return;
  pumping_ = true;
  pumped_ = 0;
  while (read_replies() && !dead_) {
    if (shared_)
      tell_those_done();
    else
      for (std::size_t i = 0; i < exchanges_.size(); ++i) exchanges_[i]->owner().on_progress();
    if (!stream_->maybe_readable()) break;
    if (pumped_ >= kOneGo) {
      pump_later();
      break;
    }
  }
  in_.release();
  pumping_ = false;
}

// A fast server and a fast client would keep the worker to themselves.
void ServerConn::pump_later() {
  later_ = std::make_shared<ServerConn*>(this);
  stream_->loop().post([later = later_] {
    ServerConn* self = *later;
    if (!self) return;
    self->later_.reset();
    self->pump();
  });
}

// False: nothing came.
bool ServerConn::read_replies() {
  bool arrived = false;
  while (!dead_) {
    Exchange* exchange = current();
    if (exchange && !exchange->owner().has_room()) break;
    auto got = stream_->read_some(in_);
    if (!got && got.error().code == Code::would_block) break;
    arrived = true;
    if (!got) {
      lose(got.error());
    } else if (*got == 0) {
      lose({Code::connection_lost, 0,
            "server " + facts_.endpoint.text() + " closed the connection"});
    } else {
      pumped_ += *got;
      in_.consume(route(in_.view()));
    }
    if (pumped_ >= kOneGo || !stream_->maybe_readable()) break;
  }
  return arrived;
}

Exchange* ServerConn::current() {
  for (Exchange* exchange : exchanges_)
    if (!exchange->settled()) return exchange;
  return exchanges_.empty() ? nullptr : exchanges_.front();
}

// Whose notices and notifications are: who asked for what runs now; or, if that is a question of ours, the
// client that has the lease.
Exchange* ServerConn::listener() {
  if (Exchange* asked = current(); asked && (shared_ || !asked->quiet())) return asked;
  for (Exchange* exchange : exchanges_)
    if (!exchange->quiet()) return exchange;
  return nullptr;
}

// Frames that go on as they are gather in a run, bytes[from, at), which is copied once.
std::size_t ServerConn::route(std::string_view bytes) {
  std::size_t at = 0, from = 0;
  Exchange* reader = nullptr;  // whose run it is
  auto pass = [&] {
    if (reader && at > from) {
      reader->owner().replies().append(bytes.substr(from, at - from));
      reader->note_passed(at - from);
    }
    from = at;
  };
  auto skip = [&](std::size_t n) {
    pass();
    from = at += n;
  };
  while (at < bytes.size() && !dead_) {
    const std::size_t here = bytes.size() - at;
    if (partial_ > 0) {
      const std::size_t n = std::min(partial_, here);
      partial_ -= n;
      if (!reader) reader = current();
      partial_passes_ ? void(at += n) : skip(n);
      continue;
    }
    auto head = head_of(bytes.substr(at));
    if (!head) {
      pass();
      lose(head.error());
      break;
    }
    if (!*head) break;
    const std::size_t size = (*head)->frame_size();
    const char type = (*head)->type;
    const bool news = type == backend::kNotificationResponse || type == backend::kNoticeResponse;
    Exchange* exchange = news ? listener() : current();
    if (exchange != reader) pass();
    reader = exchange;
    const bool data = type == backend::kDataRow || type == backend::kCopyData;
    const std::string_view payload =
        here < size ? std::string_view{} : bytes.substr(at + kHeadSize, (*head)->payload_size);
    if (exchange && data && exchange->take_data(type, size, payload) == Exchange::Verdict::pass) {
      const std::size_t n = std::min(size, here);
      at += n;
      partial_ = size - n;
      partial_passes_ = true;
      continue;
    }
    if (here < size) {
      if (size > kMaxWhole) lose({Code::protocol_violation, 0, "a server's message is too large"});
      break;
    }
    if (!exchange) {
      on_idle_frame({type, payload, bytes.substr(at, size)});
      skip(size);
      continue;
    }
    if (type == backend::kParameterStatus)
      if (auto status = read_parameter_status(payload)) {
        note_parameter(status->name, status->value, shared_);
        if (shared_) {  // not what this client asked for: all hear of it when they come next
          skip(size);
          continue;
        }
      }
    if (type == backend::kReadyForQuery && !payload.empty()) status_ = payload[0];
    if (type == backend::kErrorResponse) {
      pass();
      if (auto error = read_error(payload); error && error->fatal()) {
        fatal_ = true;
        last_error_ = error_of(*error);
      }
    }
    switch (exchange->take(type, payload, statements_)) {
      case Exchange::Verdict::pass: at += size; break;
      case Exchange::Verdict::drop: skip(size); break;
      case Exchange::Verdict::broken:
        pass();
        lose({Code::protocol_violation, 0,
              "server " + facts_.endpoint.text() + " sent a message '" + type +
                  "' that nobody asked for"});
        return bytes.size();
    }
    if (exchange->owes()) {
      pass();
      exchange->pay();
    }
    if (shared_ && exchange->settled() && type == backend::kReadyForQuery) {
      pass();
      reader = nullptr;
      step_out(*exchange);
    }
  }
  pass();
  return at;
}

// Nobody has the connection: the server speaks on its own account.
void ServerConn::on_idle_frame(const Frame& frame) {
  switch (frame.type) {
    case backend::kParameterStatus:
      if (auto status = read_parameter_status(frame.payload))
        note_parameter(status->name, status->value, true);
      return;
    case backend::kNoticeResponse:
    case backend::kNotificationResponse: return;
    case backend::kErrorResponse: {
      auto error = read_error(frame.payload);
      lose(error ? error_of(*error) : error.error());
      return;
    }
    default: lose({Code::protocol_violation, 0, "an idle server sent an answer"});
  }
}

void ServerConn::note_parameter(std::string_view name, std::string_view value, bool idle) {
  auto known = facts_.baseline->find(name);
  const bool as_at_login = known != facts_.baseline->end() && known->second == value;
  if (idle || !settable(name)) {
    if (as_at_login) return;
    Reported changed = *facts_.baseline;
    changed.insert_or_assign(std::string(name), std::string(value));
    facts_.baseline = facts_.baselines->intern(std::move(changed));
    return;
  }
  has_ = as_at_login ? Settings::without(has_, lower(name))
                     : Settings::with(has_, {lower(name), std::string(value)});
}

void ServerConn::share(std::shared_ptr<Baselines> baselines) {
  facts_.baselines = std::move(baselines);
  facts_.baseline = facts_.baselines->intern(*facts_.baseline);
}

void ServerConn::attach(Exchange& exchange) { exchanges_.push_back(&exchange); }

void ServerConn::detach(Exchange& exchange) { std::erase(exchanges_, &exchange); }

void ServerConn::give_up(Error error) {
  if (dead_) return;
  last_error_ = std::move(error);
  dead_ = true;
}

void ServerConn::lose(Error error) {
  if (dead_) return;
  if (!fatal_) last_error_ = std::move(error);
  dead_ = true;
  tell_those_done();
  for (Exchange* exchange : std::vector(exchanges_)) {
    if (shared_) exchange->owner().on_lost(last_error_);  // it may take back what it asked
    exchange->abandon(&statements_);
    if (!shared_) exchange->owner().on_lost(last_error_);
  }
  if (!shared_) return;
  exchanges_.clear();
  orphans_.clear();
}

}  // namespace sluice::postgres
