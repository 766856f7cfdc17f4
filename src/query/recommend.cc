// Puts the rules together: which of them speak of a statement, how severe it is, in what order.
#include "sluice/query/recommend.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/hash.h"
#include "query/recommend_rules.h"

namespace sluice::query {
namespace {

using namespace std::chrono_literals;

// Of the time that all statements took together; and nothing short is critical.
constexpr double kCriticalShare = 0.2, kWarningShare = 0.02;
constexpr Duration kCritical = 60s, kCriticalLeast = 1s;
constexpr Duration kWarning = 1s, kWarningLeast = 100ms;

Severity severity_of(Duration saved, Duration all) {
  const double share = all > 0ns ? static_cast<double>(saved.count()) / all.count() : 0;
  if (saved >= kCritical || (share >= kCriticalShare && saved >= kCriticalLeast))
    return Severity::critical;
  if (saved >= kWarning || (share >= kWarningShare && saved >= kWarningLeast))
    return Severity::warning;
  return Severity::info;
}

// In a row only the first that applies speaks: the others would say the same in other words.
using Rule = Advice (*)(const Case&);
constexpr std::array<Rule, 3> kResultRules = {missing_where, missing_limit_sorted,
                                              unbounded_result};
constexpr std::array<Rule, 2> kPauseRules = {idle_in_transaction, held_transaction};
constexpr std::array<Rule, 1> kPrepareRules = {not_prepared};
constexpr std::array<Rule, 1> kErrorRules = {frequent_errors};

void first_of(std::span<const Rule> rules, const Case& c, std::vector<Recommendation>& out) {
  for (const Rule rule : rules) {
    if (Advice advice = rule(c)) {
      out.push_back(std::move(*advice));
      return;
    }
  }
}

// Neither is written by a program's authors, or often enough to matter.
bool left_alone(Verb verb) {
  return verb == Verb::utility || verb == Verb::ddl || verb == Verb::empty;
}

}  // namespace

std::string_view name_of(AdviceKind kind) {
  switch (kind) {
    case AdviceKind::n_plus_one: return "n_plus_one";
    case AdviceKind::duplicate_query: return "duplicate_query";
    case AdviceKind::missing_where: return "missing_where";
    case AdviceKind::unbounded_result: return "unbounded_result";
    case AdviceKind::missing_limit_sorted: return "missing_limit_sorted";
    case AdviceKind::idle_in_transaction: return "idle_in_transaction";
    case AdviceKind::held_transaction: return "held_transaction";
    case AdviceKind::not_prepared: return "not_prepared";
    case AdviceKind::frequent_errors: return "frequent_errors";
  }
  return "unknown";
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: return "critical";
  }
  return "info";
}

std::string id_of(AdviceKind kind, const Fingerprint& statement) {
  return fmt::format("{:016x}", hash64(fmt::format("{} {}", name_of(kind), statement.text())));
}

std::string words_of(Duration duration) {
  const double ms = static_cast<double>(duration.count()) / 1e6;
  if (ms < 1) return fmt::format("{:.2f} ms", ms);
  if (ms < 10) return fmt::format("{:.1f} ms", ms);
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  if (ms < 120'000) return fmt::format("{:.1f} s", ms / 1e3);
  if (ms < 2 * 3'600'000.0) return fmt::format("{:.1f} min", ms / 60e3);
  return fmt::format("{:.1f} h", ms / 3'600e3);
}

std::string share_words(double share) { return fmt::format("{:.1f} %", share * 100); }

Case::Case(const QueryStats& q, const AdviceOptions& o)
    : stats(q), facts(nullptr), verb(Verb::unknown), options(o) {
  const Facts* known = q.statement->facts();
  if (known != nullptr && known->unanalysed.empty()) facts = known;
  if (facts != nullptr) {
    verb = facts->verb;
  } else if (const Analysis* analysis = q.statement->analysis()) {
    verb = analysis->verb;
  }
}

std::uint64_t Case::answered() const {
  const std::uint64_t failed = stats.errors + stats.cancelled;
  return stats.calls > failed ? stats.calls - failed : 0;
}

double Case::mean_rows() const {
  const std::uint64_t calls = answered();
  return calls > 0 ? static_cast<double>(stats.rows) / static_cast<double>(calls) : 0;
}

Duration Case::mean() const {
  return stats.calls > 0 ? stats.total / static_cast<std::int64_t>(stats.calls) : 0ns;
}

std::string Case::subject() const {
  if (facts == nullptr) return "this statement";
  const auto& tables = facts->writes.empty() ? facts->reads : facts->writes;
  if (tables.empty()) return "this statement";
  if (tables.size() == 1) return tables.front();
  if (tables.size() == 2) return tables[0] + " and " + tables[1];
  return fmt::format("{} and {} more tables", tables.front(), tables.size() - 1);
}

Recommendation Case::begin(AdviceKind kind) const {
  Recommendation r;
  r.kind = kind;
  r.statement = stats.statement->fingerprint();
  r.id = id_of(kind, r.statement);
  return r;
}

std::vector<Recommendation> recommend(std::span<const QueryStats> stats,
                                      std::span<const Loop> loops,
                                      const std::function<TemplateRef(const Fingerprint&)>& find,
                                      const AdviceOptions& options) {
  std::vector<Recommendation> all = recommend_loops(loops, find);
  Duration total{};
  for (const QueryStats& q : stats) {
    total += q.total;
    if (q.statement == nullptr) continue;
    const Case c(q, options);
    if (left_alone(c.verb)) continue;
    first_of(kResultRules, c, all);
    first_of(kPauseRules, c, all);
    first_of(kPrepareRules, c, all);
    first_of(kErrorRules, c, all);
  }
  // A rule may ask for more than what is saved says: a transaction left open blocks others.
  for (Recommendation& r : all) r.severity = std::max(r.severity, severity_of(r.saved, total));
  std::ranges::sort(all, [](const Recommendation& a, const Recommendation& b) {
    if (a.saved != b.saved) return a.saved > b.saved;
    if (a.severity != b.severity) return a.severity > b.severity;
    return a.id < b.id;
  });
  return all;
}

}  // namespace sluice::query
