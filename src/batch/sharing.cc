#include "sluice/batch/sharing.h"

#include <algorithm>
#include <utility>

namespace sluice::batch {
namespace {

constexpr std::uint32_t kWindow = 1024;  // executions, then the past counts half
constexpr std::uint32_t kTrialProof = 100;  // executions alone, before a trial
constexpr std::uint32_t kTrial = 100;       // ... among others, before it is judged
constexpr std::uint64_t kEnough = 64;    // answers that an epoch takes to say anything
constexpr double kSame = 0.03;           // of latency: no difference
constexpr double kSameLoad = 0.25;       // of requests under way: epochs can be compared
constexpr unsigned kMostPatience = 40;

}  // namespace

std::string_view name_of(Alone why) {
  switch (why) {
    case Alone::no: return "shared";
    case Alone::session: return "session state";
    case Alone::shape: return "not one whole statement";
    case Alone::effects: return "not a plain statement";
    case Alone::unanalysed: return "unanalysed";
    case Alone::writes: return "writes";
    case Alone::sequences: return "may use a sequence";
    case Alone::locks_rows: return "locks rows";
    case Alone::functions: return "calls unknown or volatile functions";
    case Alone::relations: return "reads what isn't a plain table";
    case Alone::unproven: return "not yet proven short";
    case Alone::slow: return "slow";
    case Alone::large: return "large results";
    case Alone::failing: return "fails often";
    case Alone::kCount: break;
  }
  return "";
}

void SharingTotals::add(const SharingFigures& f) {
  auto get = [](const auto& figure) { return figure.load(std::memory_order_relaxed); };
  statements += get(f.statements);
  stalls += get(f.stalls);
  rescues += get(f.rescues);
  reruns += get(f.reruns);
  orphans += get(f.orphans);
  cancelled += get(f.cancelled);
  for (std::size_t i = 0; i < alone.size(); ++i) alone[i] += get(f.alone[i]);
  lanes += get(f.lanes);
  under_way += get(f.under_way);
  waiting += get(f.waiting);
  depth = std::max(depth, get(f.depth));
  latency = std::max(latency, Duration(get(f.latency_ns)));
}

double SharingTotals::share() const {
  std::uint64_t all = statements;
  for (const std::uint64_t n : alone) all += n;
  return all == 0 ? 0 : static_cast<double>(statements) / static_cast<double>(all);
}

void Expectation::Count::add(bool is_slow, bool is_large) {
  ++seen;
  slow += is_slow;
  large += is_large;
  if (seen < kWindow) return;
  seen /= 2;
  slow /= 2;
  large /= 2;
}

void Expectation::note(Duration took, std::size_t bytes, bool shared, Time now,
                       const Bounds& bounds) {
  (shared ? shared_ : alone_).add(took > bounds.brief, bytes > bounds.large);
  if (verdict_ == Alone::no)
    test(now);
  else if (!shared)
    prove(now, bounds);
}

// By itself: one in a hundred may be over its bound. For a trial one in four, and it has to be its time.
void Expectation::prove(Time now, const Bounds& bounds) {
  if (alone_.seen < bounds.proof) return;
  if (alone_.more_than(alone_.large, 1)) {
    verdict_ = Alone::large;
    return;
  }
  const bool tried = alone_.seen >= kTrialProof && now >= rests_until_;
  verdict_ = alone_.more_than(alone_.slow, tried ? 25 : 1) ? Alone::slow : Alone::no;
  if (verdict_ == Alone::no) shared_ = {};
}

// Among others: clear evidence is two in a hundred.
void Expectation::test(Time now) {
  if (shared_.seen < kTrial) return;
  const bool large = shared_.more_than(shared_.large, 2), slow = shared_.more_than(shared_.slow, 2);
  if (!large && !slow) {
    if (shared_.seen == kWindow / 2) rest_ = kFirstRest;
    return;
  }
  verdict_ = large ? Alone::large : Alone::slow;
  rests_until_ = now + rest_;
  rest_ = std::min(rest_ * 4, kLongestRest);
  alone_ = {};
}

void DepthControl::turn(Time now) {
  if (now - epoch_began_ < kEpoch) return;
  epoch_began_ = now;
  const std::uint64_t answers = std::exchange(answers_, 0), load = std::exchange(load_, 0);
  const Duration latency = std::exchange(latency_, {});
  if (answers < kEnough) return;
  last_latency_ = latency / static_cast<std::int64_t>(answers);
  learn(static_cast<double>(last_latency_.count()),
        static_cast<double>(load) / static_cast<double>(answers));
  choose();
}

// With another load all has to be learned anew.
void DepthControl::learn(double latency, double load) {
  if (usual_load_ == 0 || load > usual_load_ * (1 + kSameLoad) ||
      load < usual_load_ * (1 - kSameLoad)) {
    scores_ = {};
    usual_load_ = load;
    patience_ = 2;
  }
  usual_load_ += (load - usual_load_) / 8;
  for (Score& score : scores_) ++score.age;
  Score& here = scores_[level_];
  here.latency = here.latency == 0 ? latency : here.latency + (latency - here.latency) / 2;
  here.age = 0;
}

bool DepthControl::better(unsigned level, unsigned than) const {
  const double one = scores_[level].latency, other = scores_[than].latency;
  if (one == 0) return false;
  if (other == 0) return true;
  return level > than ? one < other * (1 + kSame) : one < other * (1 - kSame);
}

// Back home from a look around, or on to where it was better.
void DepthControl::choose() {
  if (level_ != home_) {
    if (better(level_, home_)) {
      home_ = level_;
      patience_ = 2;
    } else {
      level_ = home_;
      patience_ = std::min(patience_ * 2, kMostPatience);
    }
    quiet_ = 0;
    return;
  }
  if (++quiet_ < patience_) return;
  quiet_ = 0;
  const unsigned deeper = std::min(home_ + 1, kLevels - 1), shallower = home_ == 0 ? 0 : home_ - 1;
  auto unseen = [this](unsigned level) {
    return scores_[level].latency == 0 ? ~0U : scores_[level].age;
  };
  if (deeper == home_ || (shallower != home_ && unseen(shallower) > unseen(deeper)))
    level_ = shallower;
  else
    level_ = deeper;
}

}  // namespace sluice::batch
