// A server connection that several clients' requests share: the line of their exchanges.
//
// Each request ends at a boundary of its own (ReadyForQuery), so an error stays its own. The first in line is
// the one whose answer comes; when it is settled it steps out and the next one's turn begins. Who leaves
// before leaves an orphan in its place, whose answer is dropped. A cancel request hits whatever the server runs
// when it arrives, so it is only sent for the first in line, when those behind it that can be sent
// elsewhere have left.
#include <algorithm>

#include "session/postgres_server.h"

namespace sluice::postgres {

// In whose name orphans are answered.
class ServerConn::Nobody final : public ReplyOwner {
 public:
  static Nobody& instance() {
    thread_local Nobody nobody;
    return nobody;
  }
  Buffer& replies() override {
    none_.clear();
    return none_;
  }
  bool has_room() const override { return true; }
  void on_parameter(std::string_view, std::string_view) override {}
  void on_command(std::string_view) override {}
  void on_error(const ErrorFields&) override {}
  void on_copy_in() override {}
  void on_ready(char) override {}
  void on_unparsed(const Awaited&) override {}
  void on_progress() override {}
  void on_lost(const Error&) override {}

 private:
  Buffer none_;
};

void ServerConn::share(bool on) {
  shared_ = on;
  had_cancel_ = false;
  if (!on) stream_->loop().cancel(*this);
}

bool ServerConn::suits(const session::Client& client) const {
  return Settings::same(has_, static_cast<const Peer&>(client).wants);
}

void ServerConn::join(Exchange& exchange) {
  const bool first = exchanges_.empty();
  if (first) turn_began_ = stream_->loop().now();
  exchange.stand_in_line(first, written_ + out_.size());
  exchanges_.push_back(&exchange);
}

void ServerConn::flush_later() {
  if (out_full()) return flush();
  stream_->loop().at_turn_end(*this);
}

void ServerConn::step_out(Exchange& exchange) {
  const Time now = stream_->loop().now();
  exchange.served = now - turn_began_;
  turn_began_ = now;
  detach(exchange);
  if (!exchanges_.empty()) exchanges_.front()->begin_turn();
  if (is_orphan(exchange))
    std::erase_if(orphans_, [&](const auto& orphan) { return orphan.get() == &exchange; });
  else
    done_.push_back(&exchange);
  if (cancel_for_ == &exchange) cancel_for_ = nullptr;
  if (cancel_for_) try_cancel();
}

// Telling may bring new ones.
void ServerConn::tell_those_done() {
  for (std::size_t i = 0; i < done_.size(); ++i) done_[i]->owner().on_progress();
  done_.clear();
  if (!exchanges_.empty()) exchanges_.front()->owner().on_progress();
}

bool ServerConn::is_orphan(const Exchange& exchange) const {
  return &const_cast<Exchange&>(exchange).owner() == &Nobody::instance();
}

std::optional<Time> ServerConn::busy_since() const {
  if (exchanges_.empty()) return std::nullopt;
  return turn_began_;
}

bool ServerConn::torn(const Exchange& exchange) const {
  return partial_ > 0 && !exchanges_.empty() && exchanges_.front() == &exchange;
}

void ServerConn::orphan(Exchange& exchange) {
  const auto at = std::ranges::find(exchanges_, &exchange);
  if (at == exchanges_.end()) return;
  if (at == exchanges_.begin()) partial_passes_ = false;
  orphans_.push_back(exchange.orphan(Nobody::instance()));
  *at = orphans_.back().get();
  if (cancel_for_ == &exchange) cancel_for_ = nullptr;
  if (cancel_for_) try_cancel();
}

void ServerConn::rescue() {
  for (std::size_t i = 1; i < exchanges_.size(); ++i) exchanges_[i]->owner().on_held_up();
}

void ServerConn::end_orphans() {
  if (orphans_.size() != exchanges_.size() || dead_) return;
  send_cancel(deadline_after(now(), options_.reset_timeout));
}

void ServerConn::cancel_alone(Exchange& exchange, Deadline deadline) {
  cancel_for_ = &exchange;
  cancel_by_ = deadline;
  for (std::size_t i = 0; i < exchanges_.size(); ++i)
    if (exchanges_[i] != &exchange) exchanges_[i]->owner().on_held_up();
  if (cancel_for_) try_cancel();
}

// When it is its turn. Should it be over before the server has the cancel, somebody behind it is hit: orphans
// don't mind, and who hasn't asked for it is sent again, since what was cancelled has done nothing.
void ServerConn::try_cancel() {
  if (exchanges_.empty() || exchanges_.front() != cancel_for_ || dead_) return;
  cancel_for_ = nullptr;
  send_cancel(cancel_by_);
}

// On a fiber of its own. Until it is over the connection isn't at rest.
void ServerConn::send_cancel(Deadline deadline) {
  had_cancel_ = true;
  ++cancels_;
  stream_->loop().spawn([this, deadline] {
    cancel(deadline);
    --cancels_;
  });
}

// What PostgreSQL itself brings is safe to read whatever it is.
bool ServerConn::plain_tables(std::span<const std::string> relations) {
  std::string names;
  for (const std::string& relation : relations)
    names.append(names.empty() ? "" : ",").append(quote_literal(quote_identifier(relation)));
  auto answer =
      run("SELECT pg_catalog.bool_and(COALESCE(c.relnamespace = "
          "'pg_catalog'::pg_catalog.regnamespace OR c.relkind IN ('r', 'p', 'm') AND NOT "
          "c.relrowsecurity, false)) FROM pg_catalog.unnest(ARRAY[" +
              names +
              "]::pg_catalog.text[]) AS name LEFT JOIN pg_catalog.pg_class c ON c.oid = "
              "pg_catalog.to_regclass(name)",
          deadline_after(now(), options_.reset_timeout));
  return answer && answer->rows.size() == 1 && answer->rows[0].size() == 1 &&
         answer->rows[0][0] == "t";
}

bool ServerConn::at_rest() const {
  if (dead_) return cancels_ == 0;
  return exchanges_.empty() && cancels_ == 0 && !later_ && out_.empty() && in_.empty() &&
         partial_ == 0 && status_ == 'I' && !fatal_;
}

}  // namespace sluice::postgres
