#include "sluice/batch/sharing.h"

#include <algorithm>

namespace sluice::batch {
namespace {

constexpr std::uint32_t kWindow = 1024;  // executions, then the past counts half
constexpr std::uint64_t kEnough = 64;    // answers that an epoch takes to say anything
constexpr double kSame = 0.03;           // of latency: no difference
constexpr double kSameLoad = 0.25;       // of requests under way: epochs can be compared
constexpr unsigned kMostPatience = 64;

}  // namespace

std::string_view name_of(Alone why) {
  switch (why) {
    case Alone::no: return "shared";
    case Alone::session: return "session state";
    case Alone::shape: return "not one whole statement";
    case Alone::effects: return "not a plain statement";
    case Alone::unanalysed: return "unanalysed";
    case Alone::writes: return "writes";
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

void Expectation::note(Duration took, std::size_t bytes, const Bounds& bounds) {
  ++seen_;
  slow_ += took > bounds.brief;
  large_ += bytes > bounds.large;
  judge(bounds);
  if (seen_ < kWindow) return;
  seen_ /= 2;
  slow_ /= 2;
  large_ /= 2;
}

// To share, at most one in a hundred may be over its bound; to stop sharing, one in fifty has to be.
void Expectation::judge(const Bounds& bounds) {
  if (seen_ < bounds.proof) return;
  const bool shares = verdict_ == Alone::no;
  auto over = [&](std::uint32_t n) {
    return shares ? n > 1 && n * 50 > seen_ : n * 100 > seen_;
  };
  verdict_ = over(large_) ? Alone::large : over(slow_) ? Alone::slow : Alone::no;
}

void DepthControl::turn(Time now) {
  if (now - epoch_began_ < kEpoch) return;
  epoch_began_ = now;
  if (answers_ < kEnough) {
    answers_ = load_ = 0;
    latency_ = {};
    return;
  }
  const Duration mean = latency_ / static_cast<std::int64_t>(answers_);
  const double load = static_cast<double>(load_) / static_cast<double>(answers_);
  answers_ = load_ = 0;
  latency_ = {};
  const bool comparable =
      last_latency_ > Duration::zero() && load < last_load_ * (1 + kSameLoad) &&
      load > last_load_ * (1 - kSameLoad);
  const double change =
      comparable ? static_cast<double>(mean.count()) / static_cast<double>(last_latency_.count()) - 1
                 : 0;
  last_latency_ = mean;
  last_load_ = load;
  if (hold_ > 0) {
    --hold_;
    return;
  }
  if (!comparable) return step();
  if (change > kSame) {  // the last step was wrong: back, and stay there for a while
    deeper_ = !deeper_;
    step();
    hold_ = patience_;
    patience_ = std::min(patience_ * 2, kMostPatience);
    return;
  }
  if (change < -kSame) {
    patience_ = 1;
    return step();
  }
  deeper_ = true;
  step();
}

void DepthControl::step() {
  depth_ = deeper_ ? std::min(depth_ * 2, kDeepest) : std::max(depth_ / 2, 1U);
}

void DepthControl::stalled() {
  depth_ = std::max(depth_ / 2, 1U);
  deeper_ = false;
  hold_ = std::max(hold_, 2U);
}

}  // namespace sluice::batch
