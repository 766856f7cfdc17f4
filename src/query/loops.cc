// The loop detector's face: reads journals, keeps scopes, collects findings. What a loop is, is decided
// in loop_patterns.cc.
#include "sluice/query/loops.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "query/journal.h"
#include "query/loop_findings.h"
#include "query/loop_scope.h"

namespace sluice::query {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kEventsBetweenWeighings = 8192;
constexpr std::int64_t kLatest = std::int64_t{1} << 61;

struct KindName {
  LoopKind kind;
  std::string_view name;
};
constexpr std::array kKinds = {
    KindName{LoopKind::proven, "proven"},       KindName{LoopKind::repeated, "repeated"},
    KindName{LoopKind::duplicate, "duplicate"}, KindName{LoopKind::interleaved, "interleaved"},
    KindName{LoopKind::chained, "chained"},
};

Duration utc_now_less_steady() {
  const auto utc = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Duration>(utc) - now().time_since_epoch();
}

// Takes strings that end with a zero byte off the front.
std::string take_string(std::string_view& bytes) {
  const std::size_t size = std::min(bytes.find('\0'), bytes.size());
  std::string text(bytes.substr(0, size));
  bytes.remove_prefix(std::min(size + 1, bytes.size()));
  return text;
}

template <typename T>
bool take(std::string_view& bytes, T& out) {
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&out, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return true;
}

// A bool may hold nothing else, so it's looked at before it is one.
bool truth_values(std::string_view event) {
  return event.size() >= sizeof(EventBody) &&
         static_cast<unsigned char>(event[offsetof(EventBody, select)]) < 2 &&
         static_cast<unsigned char>(event[offsetof(EventBody, failed)]) < 2;
}

bool plausible(const EventBody& event) {
  return event.params <= EventBody::kMaxParams && event.columns <= EventBody::kMaxColumns &&
         event.sampled_rows <= EventBody::kMaxRows && event.arrived >= 0 && event.took >= 0 &&
         event.arrived < kLatest && event.took < kLatest;
}

}  // namespace

std::string_view name_of(LoopKind kind) {
  for (const KindName& known : kKinds) {
    if (known.kind == kind) return known.name;
  }
  return "unknown";
}

std::optional<LoopKind> loop_kind_of(std::string_view name) {
  for (const KindName& known : kKinds) {
    if (known.name == name) return known.kind;
  }
  return std::nullopt;
}

struct LoopDetector::State {
  explicit State(LoopOptions chosen)
      : options(std::move(chosen)),
        utc(options.utc.value_or(utc_now_less_steady()).count()),
        findings(options.max_findings) {}

  void read_event(std::string_view bytes) {
    EventBody event;
    if (!truth_values(bytes) || !take(bytes, event)) return;
    if (!plausible(event)) return;
    const std::size_t wanted = event.params + std::size_t{event.columns} * event.sampled_rows;
    if (bytes.size() < wanted * sizeof(std::uint64_t)) return;
    identities.resize(wanted);
    if (wanted != 0) std::memcpy(identities.data(), bytes.data(), wanted * sizeof(std::uint64_t));
    ++events;
    note(event);
    if (events % kEventsBetweenWeighings == 0) weigh();
  }

  void note(const EventBody& event) {
    Scope& scope = scope_of(event);
    if (scope.ends_before(event, options)) judge(scope, true);
    if (!scope.has_room(event)) judge(scope, false);
    scope.add(event, roles.of(event), identities.data());
    if (!scope.looks_like_stream()) return;
    judge(scope, false);
    if (scope.is_stream(options) && streams.size() < options.max_scopes)
      streams.push_back({event.client, event.statement});
  }

  void read_skipped(std::string_view bytes) {
    SkippedBody skipped;
    if (!take(bytes, skipped) || skipped.ended < 0 || skipped.ended >= kLatest) return;
    const auto it = sessions.find(skipped.client);
    if (it == sessions.end()) return;
    judge(it->second, false);  // a window has no holes
    it->second.add_skipped(skipped);
  }

  Scope& scope_of(const EventBody& event) {
    auto& table = event.trace != 0 ? traces : sessions;
    const std::uint64_t key = event.trace != 0 ? event.trace : event.client;
    const auto it = table.find(key);
    if (it != table.end()) return it->second;
    if (sessions.size() + traces.size() >= options.max_scopes) drop_oldest(1 + scopes() / 8);
    return table.try_emplace(key, key, event.trace != 0).first->second;
  }

  std::size_t scopes() const { return sessions.size() + traces.size(); }

  void judge(Scope& scope, bool over) {
    found.clear();
    scope.judge(options, over, found);
    for (const Pattern& pattern : found) findings.add(pattern, utc);
  }

  void read_shape(std::string_view bytes) {
    Fingerprint statement;
    if (!take(bytes, statement)) return;
    std::vector<std::string> columns;
    while (!bytes.empty() && columns.size() < EventBody::kMaxColumns) {
      columns.push_back(take_string(bytes));
    }
    findings.learn_shape(statement, std::move(columns));
  }

  void read_caller(std::string_view bytes) {
    std::uint64_t caller = 0;
    if (!take(bytes, caller)) return;
    Caller who;
    who.application = take_string(bytes);
    who.tags = take_string(bytes);
    findings.learn_caller(caller, std::move(who));
  }

  // Judges and forgets the scopes that have been quiet for longest.
  void drop_oldest(std::size_t most) {
    std::vector<std::pair<std::int64_t, Scope*>> ages;
    ages.reserve(scopes());
    for (auto* table : {&sessions, &traces}) {
      for (auto& [key, scope] : *table) ages.emplace_back(scope.last_end(), &scope);
    }
    most = std::min(most, ages.size());
    const auto end = ages.begin() + static_cast<std::ptrdiff_t>(most);
    std::partial_sort(ages.begin(), end, ages.end());
    for (auto it = ages.begin(); it != end; ++it) {
      judge(*it->second, true);
      (it->second->traced() ? traces : sessions).erase(it->second->key());
    }
  }

  void weigh() {
    std::size_t bytes = 0;
    for (auto* table : {&sessions, &traces}) {
      for (const auto& [key, scope] : *table) bytes += scope.bytes();
    }
    if (bytes > options.max_bytes) drop_oldest(1 + scopes() / 4);
  }

  // A statement is told at its end: one that runs may still belong to the burst.
  static bool quiet(const Scope& scope, std::int64_t at) {
    const std::int64_t patience = std::max(kSecond, 2 * scope.slowest());
    return at - scope.last_end() > (scope.traced() ? 5 : 1) * patience;
  }

  void tick(std::int64_t at) {
    weigh();
    for (auto* table : {&sessions, &traces}) {
      for (auto it = table->begin(); it != table->end();) {
        Scope& scope = it->second;
        const bool over = quiet(scope, at);
        if (over && !scope.empty()) judge(scope, true);
        // A session's pace is worth keeping for a while.
        const bool gone = over && (scope.traced() || at - scope.last_end() > 600 * kSecond);
        it = gone ? table->erase(it) : std::next(it);
      }
    }
  }

  LoopOptions options;
  std::int64_t utc;
  StepRoles roles;
  LoopFindings findings;
  std::unordered_map<std::uint64_t, Scope> sessions, traces;
  std::vector<Pattern> found;
  std::vector<Stream> streams;
  std::vector<std::uint64_t> identities;
  std::uint64_t events = 0;
};

LoopDetector::LoopDetector(LoopOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
LoopDetector::~LoopDetector() = default;

void LoopDetector::feed(std::string_view journal) {
  RecordHead head;
  while (journal.size() >= sizeof head) {
    std::memcpy(&head, journal.data(), sizeof head);
    if (head.size < sizeof head || head.size > journal.size()) return;
    const std::string_view body = journal.substr(sizeof head, head.size - sizeof head);
    switch (head.kind) {
      case RecordHead::Kind::event: state_->read_event(body); break;
      case RecordHead::Kind::shape: state_->read_shape(body); break;
      case RecordHead::Kind::caller: state_->read_caller(body); break;
      case RecordHead::Kind::skipped: state_->read_skipped(body); break;
    }
    journal.remove_prefix(head.size);
  }
}

void LoopDetector::tick(Time now) { state_->tick(now.time_since_epoch().count()); }

void LoopDetector::flush() {
  for (auto* table : {&state_->sessions, &state_->traces}) {
    for (auto& [key, scope] : *table) state_->judge(scope, true);
  }
}

std::vector<Stream> LoopDetector::take_streams() { return std::exchange(state_->streams, {}); }
std::vector<Loop> LoopDetector::findings() const { return state_->findings.all(); }
void LoopDetector::restore(std::vector<Loop> findings) {
  state_->findings.restore(std::move(findings));
}
std::uint64_t LoopDetector::events() const { return state_->events; }

void LoopDetector::reset() {
  state_->sessions.clear();
  state_->traces.clear();
  state_->streams.clear();
  state_->findings.clear();
}

}  // namespace sluice::query
