// Holds a load policy together: each error names the field and what to write instead.
#include "sluice/cache/loading.h"

namespace sluice::cache {

namespace {

using std::chrono::milliseconds;

std::unexpected<Error> wrong(std::string_view field, std::string_view mend) {
  return fail(Code::invalid_argument,
              "load policy: " + std::string(field) + " " + std::string(mend));
}

Result<void> check_signs(const LoadPolicy& policy) {
  const std::pair<std::string_view, Duration> durations[] = {
      {"ttl", policy.ttl},
      {"stale_while_revalidate", policy.stale_while_revalidate},
      {"fail_safe", policy.fail_safe},
      {"throttle", policy.throttle},
      {"soft_timeout", policy.soft_timeout},
      {"hard_timeout", policy.hard_timeout},
      {"negative_ttl", policy.negative_ttl},
  };
  for (const auto& [field, duration] : durations)
    if (duration < Duration::zero()) return wrong(field, "is negative; zero turns it off");
  if (policy.abandon_after <= Duration::zero())
    return wrong("abandon_after", "has to be above zero, so that a lost loader blocks nobody");
  return {};
}

}  // namespace

Result<void> check(const LoadPolicy& policy, bool has_executor) {
  if (auto signs = check_signs(policy); !signs) return signs;
  if (!(policy.jitter >= 0 && policy.jitter <= 0.5)) return wrong("jitter", "has to be 0 to 0.5");
  if (policy.eager != 0 && !(policy.eager >= 0.1 && policy.eager <= 0.99))
    return wrong("eager", "has to be 0.1 to 0.99, a share of the ttl, or 0 for off");
  const Duration window = std::max(policy.stale_while_revalidate, policy.fail_safe);
  if (window > Engine::kMaxTtl - policy.ttl || policy.ttl > Engine::kMaxTtl)
    return wrong("ttl", "and the longer of stale_while_revalidate and fail_safe exceed 20 days");
  if (policy.negative_ttl > Engine::kMaxTtl) return wrong("negative_ttl", "exceeds 20 days");
  if (policy.throttle > std::chrono::hours(1)) return wrong("throttle", "exceeds an hour");
  if (policy.soft_timeout > Duration::zero() && policy.fail_safe == Duration::zero())
    return wrong("soft_timeout", "needs fail_safe, which says how old a served value may be");
  if (policy.soft_timeout > Duration::zero() && policy.hard_timeout > Duration::zero() &&
      policy.soft_timeout >= policy.hard_timeout)
    return wrong("soft_timeout", "has to be shorter than hard_timeout");
  if (!has_executor &&
      (policy.stale_while_revalidate > Duration::zero() || policy.eager > 0 ||
       policy.soft_timeout > Duration::zero() || policy.hard_timeout > Duration::zero()))
    return wrong("stale_while_revalidate, eager, soft_timeout and hard_timeout",
                 "need LoadingOptions::executor, sluice::ThreadPool for instance");
  return {};
}

}  // namespace sluice::cache
