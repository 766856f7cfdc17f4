// Categories: namespaces with times to live that fit what is usually kept in them.
//
//   const auto profiles = *cache::open_category(cache, "user_data");            // 30 min
//   const auto prices = *cache::open_category(cache, "prices", {.fail_safe = 1h});  // 1 h: not known
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "sluice/cache/loading.h"

namespace sluice::cache {

struct Category {
  std::string_view name;
  Duration ttl;
};

inline constexpr std::array kCategories{
    Category{"api_response", std::chrono::minutes(5)},
    Category{"db_query", std::chrono::minutes(10)},
    Category{"user_data", std::chrono::minutes(30)},
    Category{"guild_data", std::chrono::hours(1)},
    Category{"game_data", std::chrono::minutes(15)},
    Category{"team_data", std::chrono::hours(2)},
    Category{"league_data", std::chrono::hours(4)},
    Category{"parlay_data", std::chrono::minutes(5)},
    Category{"image_cache", std::chrono::hours(24)},
    Category{"session", std::chrono::minutes(30)},
};
inline constexpr Duration kCategoryTtl = std::chrono::hours(1);  // of every other name

constexpr Duration category_ttl(std::string_view name) {
  for (const Category& category : kCategories)
    if (category.name == name) return category.ttl;
  return kCategoryTtl;
}

// Opens the namespace of that name with its category's ttl in place of the policy's; keys have ':'
// between their parts, for prefixes. Fails as LoadingCache::open.
inline Result<NamespaceId> open_category(LoadingCache& cache, std::string_view name,
                                         LoadPolicy policy = {}) {
  policy.ttl = category_ttl(name);
  return cache.open({.name = std::string(name), .separators = ":"}, policy);
}

}  // namespace sluice::cache
