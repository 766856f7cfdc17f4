// Recorder: what a worker does for each statement, 100 ns or so in all.
//
// begin() finds the statement's entry, finish() counts it under a lock that nobody else wants but for
// a moment, and writes the journal's event. Whether a sample is kept is decided before the lock.
#include <algorithm>
#include <optional>
#include <utility>

#include "query/recorder_state.h"

namespace sluice::query {
namespace {

constexpr std::size_t kMaxIdle = 256;  // runs kept to be used again, 2 KB each, 10 KB with fields

// How an execution's time was spent; all of it, whatever the times say.
struct Spent {
  Duration total, queue, pool_wait, server, transfer;
};

constexpr std::string_view kCancelled = "57014";  // query_canceled

}  // namespace

void WallClock::find(Time at) {
  using std::chrono::duration_cast;
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr Duration kFresh = std::chrono::seconds(1);
  if (then_ == 0 || at - read_at_ > kFresh || read_at_ - at > kFresh) {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    then_ = duration_cast<Duration>(wall).count();
    read_at_ = at;
  }
  const std::int64_t then = then_ + (at - read_at_).count();
  second_ = then / kSecond;
  from_ = at - Duration(then % kSecond);
  until_ = from_ + kFresh;
}

Recorder::State::State(Shared& all, std::uint64_t seed) : shared(all), dice(seed) { catch_up(); }
Recorder::State::~State() = default;

void Recorder::State::catch_up() {
  version = shared.version();
  options = shared.options();
  max_bytes = options->max_bytes / shared.workers();
  high_bytes = max_bytes - max_bytes / 32;
  journals = options->journal;
  slow = options->slow >= Duration::zero() ? options->slow : Duration::max();
  {
    const std::lock_guard lock(mutex);
    if (std::exchange(reset_wanted, false)) clear();
  }
  graveyard.clear();
}

Origin& Recorder::State::origin_of(const Start& start) {
  tags.trace = 0;
  if (start.comment.empty())
    if (Origin* known = origins.remembered(start.client, start.sender)) return *known;
  return look_up(start);
}

Origin& Recorder::State::look_up(const Start& start) {
  tags.tags.clear();
  if (!start.comment.empty()) read_comment(start.comment, tags);
  const Origins::Key key{start.database, start.user, start.application, tags.tags};
  Origin* origin = origins.last(key);
  if (!origin) {
    const std::lock_guard lock(mutex);
    origin = origins.find(key);
  }
  if (tags.tags.empty()) origins.remember(start.client, start.sender, *origin);
  return *origin;
}

// Its session's place, where it goes on with a stream.
Streams::Place* Recorder::State::passed_over(const Start& start) {
  Streams::Place* place = streams.find(start.client);
  if (!place) return nullptr;
  const Fingerprint& statement = start.statement->fingerprint();
  if (Streams::goes_on(*place, start.client, statement, tags.trace, start.arrived)) return place;
  if (place->passed > 0) tell_skipped(start.client, *place);
  return nullptr;
}

void Recorder::State::tell_skipped(std::uint64_t client, const Streams::Place& place) {
  const std::lock_guard lock(mutex);
  journal.skipped({.client = client,
                   .statements = place.passed,
                   .ended = place.ended.time_since_epoch().count()});
}

RunRef Recorder::State::begin(const Start& start) {
  if (version != shared.version()) catch_up();
  RunRef run;
  if (idle.empty()) {
    run.reset(std::make_unique<Run>().release());
  } else {
    run.reset(idle.back().release());
    idle.pop_back();
  }
  Run::State& s = *run->state_;
  s.reset();
  s.recorder = this;
  s.manner = start.manner;
  s.client = start.client;
  s.arrived = start.arrived;
  s.pool_wait = start.pool_wait;
  s.origin = &origin_of(start);
  ++s.origin->uses;
  s.trace = tags.trace;
  if (start.statement) s.entry = table.find(start.statement->fingerprint());
  if (!s.entry && start.statement) s.entry = enter(start.statement.ref(), *s.origin);
  if (s.entry) ++s.entry->running;
  s.passed = journals && s.entry ? passed_over(start) : nullptr;
  const bool told = journals && !s.passed;
  s.wants_fields = told && s.entry && s.entry->select;
  s.literals = start.literals;
  s.keep(start.values, told);
  return run;
}

namespace {

Spent split(const Time arrived, Duration pool_wait, Time sent, Time first, Time end) {
  if (arrived <= sent && sent <= first && first <= end && pool_wait >= Duration::zero() &&
      pool_wait <= sent - arrived)
    return {end - arrived, sent - arrived - pool_wait, pool_wait, first - sent, end - first};
  end = std::max(end, arrived);
  sent = std::clamp(sent, arrived, end);
  first = std::clamp(first, sent, end);
  pool_wait = std::clamp(pool_wait, Duration::zero(), sent - arrived);
  return {end - arrived, sent - arrived - pool_wait, pool_wait, first - sent, end - first};
}

void count(Tally& tally, const Spent& spent, const Finish& finish, std::int64_t at) {
  ++tally.calls;
  if (finish.sqlstate == kCancelled) {
    ++tally.cancelled;
  } else if (!finish.sqlstate.empty()) {
    ++tally.errors;
  }
  tally.total += spent.total;
  tally.queue += spent.queue;
  tally.pool_wait += spent.pool_wait;
  tally.server += spent.server;
  tally.transfer += spent.transfer;
  tally.max = std::max(tally.max, spent.total);
  if (tally.first_seen == 0) tally.first_seen = at;
  tally.last_seen = at;
}

void count_manner(Tally& tally, Manner manner) {
  switch (manner) {
    case Manner::simple: ++tally.simple; break;
    case Manner::unnamed: ++tally.unnamed; break;
    case Manner::prepared: ++tally.prepared; break;
  }
}

bool is_error(const Finish& finish) {
  return !finish.sqlstate.empty() && finish.sqlstate != kCancelled;
}

}  // namespace

// Which of its reservoirs an execution goes to.
void Recorder::State::choose(Entry& entry, Duration took, bool drawn, Keeping& keeping) {
  constexpr std::size_t kRoomForSamples = 16 << 10;
  const bool room = bytes() + kRoomForSamples < max_bytes;
  if (drawn) {
    const std::uint64_t seen = entry.tally.calls + 1;
    if (entry.uniform_next == 0) entry.uniform_next = next_uniform(seen - 1, dice);
    if (entry.uniform_next <= seen) {
      if (room) keeping.uniform = uniform_place(entry.uniform, seen, dice);
      entry.uniform_next = next_uniform(seen, dice);
    }
  }
  if (room && (entry.slowest.size() < kKept || took > entry.slowest_least))
    keeping.slowest = slowest_place(entry.slowest, took);
}

// There was no room for its entry.
void Recorder::State::record_forgotten(const Finish& finish, std::uint64_t rows_now,
                                       Duration took) {
  const std::lock_guard lock(mutex);
  ++calls;
  errors += is_error(finish) ? 1 : 0;
  rows += rows_now;
  ++forgotten;
  forgotten_time += took;
}

void Recorder::State::record(Run::State& run, const Finish& finish) {
  if (version != shared.version()) catch_up();
  const Spent spent = split(run.arrived, run.pool_wait, run.has_sent ? run.sent : finish.at,
                            run.has_first ? run.first : finish.at, finish.at);
  // The tag of a portal that was run in parts tells its last part only.
  const std::uint64_t rows_now = std::max(finish.rows, run.rows);
  if (!run.entry) return record_forgotten(finish, rows_now, spent.total);
  Entry& entry = *run.entry;
  const std::int64_t at = clock.seconds(finish.at);

  Keeping keeping;
  const bool drawn = entry.tally.calls + 1 >= entry.uniform_next;
  keeping.slow = spent.total >= slow;
  if (drawn || spent.total > entry.slowest_least || entry.slowest.size() < kKept)
    choose(entry, spent.total, drawn, keeping);
  std::string packed;
  if (keeping.any()) packed = run.packed_values(*entry.statement, *options);

  const bool told = journals && !run.passed;
  if (run.passed && run.passed->client == run.client) {
    ++run.passed->passed;
    run.passed->ended = finish.at;
  }
  {
    const std::lock_guard lock(mutex);
    ++calls;
    errors += is_error(finish) ? 1 : 0;
    rows += rows_now;
    Tally& tally = entry.tally;
    count(tally, spent, finish, at);
    count_manner(tally, run.manner);
    tally.rows += rows_now;
    tally.max_rows = std::max(tally.max_rows, rows_now);
    tally.bytes += run.bytes;
    tally.slow += keeping.slow ? 1 : 0;
    bool grew = entry.latency.add(spent.total);
    if (is_error(finish)) grew |= entry.count_state(finish.sqlstate);
    grew |= entry.count_caller(*run.origin, spent.total);
    if (keeping.uniform) put(entry.uniform, *keeping.uniform, {packed, spent.total, at});
    if (keeping.slowest) entry.put_slowest(*keeping.slowest, {packed, spent.total, at});
    if (grew || keeping.uniform || keeping.slowest) recount(entry);
    if (told) {
      write_event(run,
                  {.statement = entry.statement->fingerprint(),
                   .client = run.client,
                   .trace = run.trace,
                   .caller = run.origin->caller_hash,
                   .arrived = run.arrived.time_since_epoch().count(),
                   .took = spent.total.count(),
                   .server = spent.server.count(),
                   .values = run.values,
                   .rows = rows_now,
                   .params = static_cast<std::uint16_t>(run.params),
                   .columns = static_cast<std::uint16_t>(run.sampled_rows > 0 ? run.columns : 0),
                   .sampled_rows = static_cast<std::uint16_t>(run.sampled_rows),
                   .select = entry.select,
                   .failed = !finish.sqlstate.empty()});
    }
    if (bytes() > high_bytes) forget_some();
  }
  if (!graveyard.empty()) graveyard.clear();
  if (keeping.slow) {
    shared.slow.add({.statement = entry.statement,
                     .database = run.origin->database,
                     .user = run.origin->user,
                     .caller = run.origin->caller,
                     .sample = KeptSample{std::move(packed), spent.total, at}.shown(),
                     .state = std::string(finish.sqlstate),
                     .queue = spent.queue,
                     .pool_wait = spent.pool_wait,
                     .server = spent.server,
                     .transfer = spent.transfer,
                     .rows = rows_now,
                     .bytes = run.bytes},
                    options->slow_samples);
  }
}

// What an event speaks of comes before it.
void Recorder::State::write_event(Run::State& run, const EventBody& event) {
  Origin& origin = *run.origin;
  if (origin.caller_hash != 0 && !origin.told)
    origin.told = journal.caller(origin.caller_hash, origin.caller.application, origin.caller.tags);
  if (run.new_shape && journal.shape(event.statement, run.names)) run.entry->shape = run.shape;
  journal.event(event, {run.identities.data(), run.params}, run.fields);
}

void Recorder::State::give_back(Run* run) {
  std::unique_ptr<Run> mine(run);
  Run::State& s = *run->state_;
  if (s.entry) {
    if (!s.finished) {
      const std::lock_guard lock(mutex);
      ++s.entry->tally.lost;
    }
    --s.entry->running;
  }
  --s.origin->uses;
  s.entry = nullptr;
  if (idle.size() < kMaxIdle) idle.push_back(std::move(mine));
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::~Recorder() = default;

RunRef Recorder::begin(const Start& start) { return state_->begin(start); }

void Recorder::pause(const TemplateRef& statement, Duration took) {
  if (!statement || took < Duration::zero()) return;
  Entry* entry = state_->table.find(statement->fingerprint());
  if (!entry) return;
  const std::lock_guard lock(state_->mutex);
  ++entry->tally.pauses;
  entry->tally.pause_total += took;
  entry->tally.pause_max = std::max(entry->tally.pause_max, took);
}

void Recorder::unanalysed(const char* fault, std::size_t) {
  constexpr std::size_t kMaxReasons = 32;
  const std::string_view reason = fault ? fault : "unknown";
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  ++s.unanalysed;
  for (auto& [known, count] : s.unanalysed_by) {
    if (known != reason) continue;
    ++count;
    return;
  }
  if (s.unanalysed_by.size() < kMaxReasons) s.unanalysed_by.emplace_back(reason, 1);
}

void Recorder::pass_over(std::uint64_t client, const Fingerprint& statement) {
  state_->streams.name(client, statement);
}

std::string Recorder::take_journal() {
  std::vector<JournalWriter::Chunk> chunks;
  {
    const std::lock_guard lock(state_->mutex);
    chunks = state_->journal.take();
  }
  std::string bytes = joined(chunks);
  const std::lock_guard lock(state_->mutex);
  state_->journal.give_back(std::move(chunks));
  return bytes;
}

}  // namespace sluice::query
