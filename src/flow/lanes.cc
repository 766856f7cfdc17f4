#include "flow/lanes.h"

#include <algorithm>

#include "flow/lease.h"

namespace sluice::flow {

using batch::Alone;
using session::Client;
using session::Request;

namespace {

Time present() { return net::Loop::current()->now(); }

}  // namespace

Lanes::~Lanes() = default;

// ---- seats

// Of the lanes that are open to this client the one with the fewest requests.
Lanes::Lane* Lanes::shortest(const Client& client) {
  Lane* best = nullptr;
  for (const auto& lane : lanes_) {
    if (lane->closed || !lane->conn->usable() || lane->seats >= batch::DepthControl::kDeepest)
      continue;
    if (best && best->seats <= lane->seats) continue;
    if (lane->conn->suits(client)) best = lane.get();
  }
  return best;
}

std::size_t Lanes::open_lanes() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lanes_, [](const auto& lane) { return !lane->closed; }));
}

Result<Lanes::Lane*> Lanes::take(Client& client, Deadline deadline) {
  for (bool tried = false;;) {
    Lane* best = shortest(client);
    const std::size_t wanted = (seated_ + depth_.depth()) / depth_.depth();
    const bool more =
        best && best->seats > 0 && open_lanes() + opening_ < wanted && !pool_->waited_for();
    if (best && (tried || !more)) return sit(*best);
    if (!best && opening_ > 0) {
      if (auto called = wait(client, deadline); !called) return std::unexpected(called.error());
      continue;
    }
    auto opened = open(client, deadline, !best);
    if (opened) return sit(**opened);
    if (!best) return opened;
    tried = true;
  }
}

Lanes::Lane* Lanes::sit(Lane& lane) {
  ++lane.seats;
  ++seated_;
  figures_.statements.fetch_add(1, std::memory_order_relaxed);
  figures_.under_way.store(seated_, std::memory_order_relaxed);
  return &lane;
}

void Lanes::leave(Lane& lane, Duration latency) {
  depth_.note(latency, seated_);
  lane.used = present();
  --lane.seats;
  --seated_;
  figures_.under_way.store(seated_, std::memory_order_relaxed);
  if (!waiters_.empty()) call_waiters(1);
  if (lane.seats == 0) net::Loop::current()->at_turn_end(*this);
}

// A connection of the pool becomes a lane. Without `queue` only if one is at hand.
Result<Lanes::Lane*> Lanes::open(Client& client, Deadline deadline, bool queue) {
  ++opening_;
  AcquireOptions options{.deadline = deadline, .home = home_};
  options.tag = client.id;
  options.queue = queue;
  auto lease = lease_for(client, *pool_, options);
  --opening_;
  if (!lease) {
    call_waiters(1);  // its turn to try
    return std::unexpected(lease.error());
  }
  auto lane = std::make_unique<Lane>();
  lane->lease = std::move(*lease);
  lane->conn = &static_cast<session::UpstreamConn&>(lane->lease.get());
  lane->opened = present();
  lane->conn->share(true);
  if (lanes_.empty()) keep_alive();
  lanes_.push_back(std::move(lane));
  figures_.lanes.store(static_cast<std::int64_t>(lanes_.size()), std::memory_order_relaxed);
  call_waiters(waiters_.size());
  return lanes_.back().get();
}

Result<void> Lanes::wait(const Client& client, Deadline deadline) {
  Waiter waiter{client.id, net::current_fiber()};
  waiters_.push_back(&waiter);
  figures_.waiting.fetch_add(1, std::memory_order_relaxed);
  while (!waiter.called && !waiter.cancelled && present() < deadline) net::park(deadline);
  figures_.waiting.fetch_sub(1, std::memory_order_relaxed);
  std::erase(waiters_, &waiter);
  if (waiter.called && waiter.cancelled) call_waiters(1);  // somebody else's turn then
  if (waiter.cancelled) return fail(Code::cancelled, "the wait for a connection was cancelled");
  if (!waiter.called) return fail(Code::timed_out, "no connection became free in time");
  return {};
}

void Lanes::call_waiters(std::size_t most) {
  for (Waiter* waiter : waiters_) {
    if (most == 0) return;
    if (waiter->called) continue;
    waiter->called = true;
    net::wake(*waiter->fiber);
    --most;
  }
}

bool Lanes::cancel(std::uint64_t client) {
  for (Waiter* waiter : waiters_) {
    if (waiter->client != client) continue;
    waiter->cancelled = true;
    net::wake(*waiter->fiber);
    return true;
  }
  return false;
}

// ---- lanes that are held up, or held for long

void Lanes::keep_alive() {
  self_ = shared_from_this();
  timer_.set(net::Loop::current()->timers(), present() + kStall);
}

void Lanes::tick() {
  const Time now = present();
  for (const auto& lane : lanes_) look_at(*lane, now);
  depth_.turn(now);
  figures_.depth.store(depth_.depth(), std::memory_order_relaxed);
  figures_.latency_ns.store(depth_.mean_latency().count(), std::memory_order_relaxed);
  if (lanes_.empty()) return;
  timer_.set(net::Loop::current()->timers(), now + kStall);
  net::Loop::current()->at_turn_end(*this);
}

// A lane serves many, who would all stand behind each that waits for a connection to itself: where there
// are several connections the last lane stays in spite of these.
bool Lanes::stays(const Lane& lane, Time now) const {
  return pool_->waited_for() && !lane.closed && lane.conn->usable() && open_lanes() == 1 &&
         pool_->stats(now).total >= kSeveral && !lane.lease.recalled();
}

bool Lanes::is_over(const Lane& lane, Time now) const {
  const Duration held = now - lane.opened;
  if (held <= kShift || (held <= kHeld && !pool_->waited_for())) return false;
  return !stays(lane, now);
}

void Lanes::look_at(Lane& lane, Time now) {
  if (!lane.closed) lane.closed = is_over(lane, now);
  const auto since = lane.conn->busy_since();
  if (!since || now - *since < kStall + allowance() || !lane.conn->usable()) return;
  if (!lane.stalled) {
    lane.stalled = lane.closed = true;
    figures_.stalls.fetch_add(1, std::memory_order_relaxed);
  }
  lane.conn->rescue();
  if (lane.seats > 0 || lane.cancelled || now - *since < kOrphan) return;
  lane.cancelled = true;
  lane.conn->end_orphans();
}

// Lanes that nobody sits in go back to the pool.
void Lanes::on_turn_end() {
  const auto self = self_;
  for (std::size_t i = 0; i < lanes_.size();) {
    if (lanes_[i]->seats == 0 && release(*lanes_[i]))
      lanes_.erase(lanes_.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
  figures_.lanes.store(static_cast<std::int64_t>(lanes_.size()), std::memory_order_relaxed);
  if (!lanes_.empty()) return;
  timer_.clear();
  net::Loop::current()->cancel(*this);  // called by close(): tick() may have asked for it as well
  self_.reset();
}

void Lanes::close(Deadline deadline) {
  const auto self = self_;
  for (const auto& lane : lanes_) lane->conn->end_orphans();
  while (!lanes_.empty() && now() < deadline) {
    net::sleep_until(now() + std::chrono::milliseconds(5));
    on_turn_end();
  }
}

bool Lanes::release(Lane& lane) {
  if (!lane.conn->at_rest()) return false;
  if (const Time now = present(); now - lane.used < kSpare && stays(lane, now)) return false;
  lane.conn->share(false);
  if (!lane.conn->usable()) lane.lease.discard();
  lane.lease.give_back();
  return true;
}

// ---- who may share

namespace {

// By its effects, as its text shows them.
Alone plain(const query::Analysis& analysis, batch::Sharing sharing) {
  using query::Verb;
  if (analysis.statements != 1) return Alone::shape;
  if (analysis.pins || !analysis.settings.empty() || analysis.savepoints || analysis.discards_all ||
      analysis.deallocates_all || !analysis.deallocates.empty() ||
      analysis.step != query::TransactionStep::none)
    return Alone::effects;
  switch (analysis.verb) {
    case Verb::select: break;
    case Verb::insert:
    case Verb::update:
    case Verb::delete_:
    case Verb::merge: return sharing == batch::Sharing::all ? Alone::no : Alone::writes;
    default: return Alone::effects;
  }
  return analysis.uses_sequence ? Alone::sequences : Alone::no;
}

}  // namespace

Lanes::Sign Lanes::sign_of(const Request& q) {
  if (!q.known_as) return {};
  query::Fingerprint of = q.known_as->fingerprint();
  of.high ^= q.context * 0x9fb21c651e98df25;
  return {of, true};
}

Alone Lanes::judge(const Client& client, Request& q, const Sign& sign) {
  const Alone why = fit(client, q, sign);
  if (why != Alone::no)
    figures_.alone[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  return why;
}

Alone Lanes::fit(const Client& client, Request& q, const Sign& sign) {
  if (client.lease || client.keeps_lease()) return Alone::session;
  const Alone effects = plain(*q.analysis, options_.sharing);
  if (!sign.known) return effects != Alone::no ? effects : Alone::unanalysed;
  Statement& statement = known(sign);
  const Alone why = effects != Alone::no ? effects : fit(statement, q);
  tell(statement, q.known_as->fingerprint(), why);
  return why;
}

Lanes::Statement& Lanes::known(const Sign& sign) {
  const auto at = statements_.find(sign.fingerprint);
  if (at != statements_.end()) return at->second;
  if (statements_.size() >= kMaxKnown) {  // proof takes but a few executions
    statements_.clear();
    std::lock_guard lock(verdicts_mutex_);
    verdicts_.clear();
  }
  return statements_.emplace(sign.fingerprint, Statement{}).first->second;
}

// That a request doesn't come as one whole statement says little of others.
void Lanes::tell(Statement& statement, const query::Fingerprint& of, Alone why) {
  if (statement.told == why || (statement.told == Alone::no && why == Alone::shape)) return;
  statement.told = why;
  std::lock_guard lock(verdicts_mutex_);
  verdicts_[of] = why;
}

std::optional<Alone> Lanes::verdict(const query::Fingerprint& of) const {
  std::lock_guard lock(verdicts_mutex_);
  const auto at = verdicts_.find(of);
  return at == verdicts_.end() ? std::nullopt : std::optional(at->second);
}

Alone Lanes::fit(Statement& statement, Request& q) const {
  if (statement.fitness == Alone::unanalysed) {
    const query::Facts* facts = q.known_as->facts();
    if (!facts) return Alone::unanalysed;
    statement.fitness = fitness(*facts, statement);
  }
  if (statement.fitness != Alone::no && statement.fitness != Alone::relations)
    return statement.fitness;
  if (const Alone why = statement.expectation.verdict(); why != Alone::no) return why;
  if (statement.fitness != Alone::no) return statement.fitness;
  if (!q.may_share()) return Alone::shape;
  q.repeatable = q.analysis->verb == query::Verb::select;
  return Alone::no;
}

// By what the parser says. What it reads has to be vouched for besides.
Alone Lanes::fitness(const query::Facts& facts, Statement& statement) const {
  if (!facts.unanalysed.empty()) return Alone::unanalysed;
  if (facts.statements != 1) return Alone::shape;
  if (facts.locks_rows) return Alone::locks_rows;
  if (facts.volatility == query::Volatility::volatile_) return Alone::functions;
  if (!facts.writes.empty() || facts.verb != query::Verb::select) {
    const bool plain_write = facts.verb == query::Verb::insert ||
                             facts.verb == query::Verb::update ||
                             facts.verb == query::Verb::delete_ || facts.verb == query::Verb::merge;
    return options_.sharing == batch::Sharing::all && plain_write ? Alone::no : Alone::writes;
  }
  if (facts.reads.empty()) return Alone::no;
  statement.reads = std::make_shared<const std::vector<std::string>>(facts.reads);
  return Alone::relations;
}

// What it waited for a processor isn't its own.
void Lanes::note(const Sign& sign, const Request& q, bool shared) {
  if (shared) count(q);
  if (!sign.known || q.took < Duration::zero()) return;
  const auto at = statements_.find(sign.fingerprint);
  if (at != statements_.end())
    at->second.expectation.note(q.took - allowance(), q.reply_bytes, shared, present(),
                                options_.bounds);
}

void Lanes::count(const Request& q) {
  auto one_more = [](std::atomic<std::uint64_t>& n) { n.fetch_add(1, std::memory_order_relaxed); };
  if (q.left_behind) one_more(figures_.orphans);
  switch (q.ending) {
    case Request::Ending::answered: break;
    case Request::Ending::held_up: one_more(figures_.rescues); break;
    case Request::Ending::refused: one_more(figures_.reruns); break;
    case Request::Ending::cancelled: one_more(figures_.cancelled); break;
  }
}

Duration Lanes::allowance() { return kDelays * net::Loop::current()->run_delay(); }

std::shared_ptr<const std::vector<std::string>> Lanes::unvouched(const Sign& sign) {
  if (!sign.known) return nullptr;
  const auto at = statements_.find(sign.fingerprint);
  if (at == statements_.end() || at->second.fitness != Alone::relations || at->second.asked ||
      at->second.expectation.verdict() != Alone::no)
    return nullptr;
  at->second.asked = true;
  return at->second.reads;
}

void Lanes::vouched(const Sign& sign, bool plain) {
  const auto at = statements_.find(sign.fingerprint);
  if (at != statements_.end() && plain) at->second.fitness = Alone::no;
}

}  // namespace sluice::flow
