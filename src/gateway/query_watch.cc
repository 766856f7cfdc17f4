#include "gateway/query_watch.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "sluice/event.h"

namespace sluice::gateway {
namespace {

constexpr Duration kTurn = std::chrono::milliseconds(100);
constexpr Duration kKeep = std::chrono::seconds(60);        // so much is lost by a kill
constexpr Duration kParse = std::chrono::milliseconds(50);  // of a turn, at most
constexpr std::size_t kParsedInOneGo = 16;
constexpr std::size_t kMostToExplain = 16;
constexpr Duration kExplainWithin = std::chrono::seconds(5);

std::int64_t unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

query::WorkloadOptions options_of(const QuerySettings& s) {
  using Options = query::WorkloadOptions;
  return {.max_bytes = s.memory,
          .slow = s.slow,
          .slow_samples = s.slow_samples,
          .redact = static_cast<Options::Redact>(s.redact),
          .secret_columns = s.secret_columns,
          .journal = s.enabled};
}
static_assert(static_cast<int>(Redact::all) ==
              static_cast<int>(query::WorkloadOptions::Redact::all));

}  // namespace

QueryWatch::QueryWatch(const Config& config, unsigned workers, Log& log)
    : log_(log),
      workload_(options_of(config.query), workers, templates_),
      workers_(workers),
      directory_(config.store.directory),
      settings_(config.query) {
  for (unsigned i = 0; i < workers; ++i) {
    examiners_.push_back(std::make_unique<query::Examiner>(&templates_));
    examiners_.back()->recognise(config.query.enabled);
  }
  // A statement is known to the parser before its first execution ends, most of the time.
  templates_.on_queued([this] {
    {
      const std::lock_guard lock(mutex_);
      unparsed_ = true;
    }
    wake_.notify_one();
  });
  workload_.on_slow([this](const query::SlowQuery& slow) {
    const std::lock_guard lock(mutex_);
    if (settings_.explain_slow && to_explain_.size() < kMostToExplain)
      to_explain_.push_back({slow, now() + kExplainWithin});
  });
}

QueryWatch::~QueryWatch() { stop(); }

void QueryWatch::start() {
  {
    const std::lock_guard lock(storing_);
    open_store();
  }
  restore();
  kept_at_ = now();
  thread_ = std::thread([this] { work(); });
}

void QueryWatch::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  turn(now());
  {
    const std::lock_guard lock(detecting_);
    detector_.flush();
  }
  keep();
}

void QueryWatch::configure(const Config& config) {
  workload_.configure(options_of(config.query));
  for (const auto& examiner : examiners_) examiner->recognise(config.query.enabled);
  const std::lock_guard lock(mutex_);
  settings_ = config.query;
}

// A text so long that a worker shouldn't read it. The watch's own turns are short.
void QueryWatch::run(const std::function<void()>& work) {
  Event done;
  const std::function<void()> job = [&] {
    work();
    done.signal();
  };
  bool late = false;
  {
    const std::lock_guard lock(mutex_);
    late = stopping_;
    if (!late) urgent_.push_back(&job);
  }
  if (late) return work();
  wake_.notify_all();
  done.wait(kNever);
}

void QueryWatch::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !urgent_.empty()) {
    wake_.wait_for(lock, kTurn, [this] { return stopping_ || unparsed_ || !urgent_.empty(); });
    unparsed_ = false;
    const auto urgent = std::exchange(urgent_, {});
    lock.unlock();
    for (const auto* job : urgent) (*job)();
    turn(now());
    lock.lock();
  }
}

void QueryWatch::turn(Time now) {
  parse_some();
  {
    const std::lock_guard lock(detecting_);
    for (unsigned i = 0; i < workers_; ++i) {
      query::Recorder& recorder = workload_.recorder(i);
      if (const std::string journal = recorder.take_journal(); !journal.empty())
        detector_.feed(journal);
      for (const query::Stream& stream : detector_.take_streams())
        recorder.pass_over(stream.client, stream.statement);
    }
    detector_.tick(now);
  }
  explain_some(now);
  if (now - kept_at_ < kKeep) return;
  kept_at_ = now;
  keep();
}

// New statements may come faster than they are parsed: the rest of a turn, and whoever waits for this
// thread, must not starve.
void QueryWatch::parse_some() {
  const Time until = now() + kParse;
  bool more = true, urgent = false;
  while (more && !urgent && now() < until) {
    more = templates_.parse_queued(kParsedInOneGo) > 0;
    const std::lock_guard lock(mutex_);
    urgent = !urgent_.empty();
  }
  if (!more) return;
  const std::lock_guard lock(mutex_);
  unparsed_ = true;  // the next turn begins at once
}

// Plans are made one after the other, each on a connection that nobody needs at the moment. The one that
// a slow statement ran on is only about to be given back when its client has the answer.
void QueryWatch::explain_some(Time now) {
  std::vector<Unexplained> later;
  while (auto next = next_unexplained(now)) {
    if (!explain) continue;
    auto plan = explain(next->slow);
    if (plan) {
      workload_.explained(next->slow.id, std::move(*plan));
    } else if (plan.error().code == Code::exhausted && now < next->until) {
      later.push_back(std::move(*next));
    }
  }
  const std::lock_guard lock(mutex_);
  explained_ -= static_cast<unsigned>(later.size());
  std::ranges::move(later, std::back_inserter(to_explain_));
}

// None while somebody waits for this thread.
std::optional<QueryWatch::Unexplained> QueryWatch::next_unexplained(Time now) {
  const std::lock_guard lock(mutex_);
  if (now - minute_ >= std::chrono::minutes(1)) {
    minute_ = now;
    explained_ = 0;
  }
  if (explained_ >= settings_.explain_per_minute) to_explain_.clear();
  if (to_explain_.empty() || !urgent_.empty()) return std::nullopt;
  ++explained_;
  Unexplained next = std::move(to_explain_.front());
  to_explain_.erase(to_explain_.begin());
  return next;
}

std::vector<query::Loop> QueryWatch::loops() {
  const std::lock_guard lock(detecting_);
  return detector_.findings();
}

void QueryWatch::reset() {
  workload_.reset();
  {
    const std::lock_guard lock(detecting_);
    detector_.reset();
  }
  const std::lock_guard lock(storing_);
  if (!store_) return;
  if (auto done = store_->reset(); !done)
    log_.warn("query", "statistics can't be erased from disk", {{"error", done.error().detail}});
}

// --- what survives a restart -------------------------------------------------------------------------------

void QueryWatch::open_store() {
  if (directory_.empty() || !settings_.enabled) return;
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  auto opened = store::QueryStore::open(directory_ + "/queries.db", unix_time());
  if (opened) {
    if (!opened->moved_aside().empty())
      log_.warn("query", "kept statistics were corrupt and are put aside",
                {{"file", opened->moved_aside()}});
    store_.emplace(std::move(*opened));
    return;
  }
  log_.warn("query", "statistics of statements won't survive a restart",
            {{"directory", directory_}, {"error", opened.error().detail}});
}

void QueryWatch::restore() {
  const std::lock_guard lock(storing_);
  if (!store_) return;
  auto stats = store_->load(templates_);
  auto slow = store_->load_slow(templates_);
  auto loops = store_->load_loops();
  if (!stats || !slow || !loops) {
    const Error& why = !stats ? stats.error() : !slow ? slow.error() : loops.error();
    log_.warn("query", "kept statistics can't be read", {{"error", why.detail}});
    return;
  }
  workload_.restore(std::move(*stats), std::move(*slow));
  const std::lock_guard detecting(detecting_);
  detector_.restore(std::move(*loops));
}

void QueryWatch::keep() {
  const std::lock_guard lock(storing_);
  if (!store_) return;
  auto done = store_->save(workload_.snapshot());
  if (done) done = store_->save_slow(workload_.slow_queries());
  if (done) done = store_->save_loops(loops());
  if (!done) log_.warn("query", "statistics can't be kept", {{"error", done.error().detail}});
}

}  // namespace sluice::gateway
