// cached: a function whose answers are kept.
//
//   auto user_name = *cache::cached(cache, {.name = "users", .ttl = 1h},
//                                   [](int id) -> sluice::Result<std::string> { return ask(id); });
//   sluice::Result<std::string> name = user_name(42);   // the key is "42"
//   user_name.erase(42);
//
// The key is the arguments, joined by ':' ("%" and ":" in strings become %25 and %3A), so prefixes and
// patterns work on it. What the function returns, T or Result<T>, is written and read by Codec<T>.
#pragma once

#include <concepts>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/cache/loading.h"

namespace sluice::cache {

// How a T becomes bytes and comes back. Specialise it for types of your own:
//   static std::string encode(const T&);  static Result<T> decode(std::string_view);
template <class T>
struct Codec;

template <>
struct Codec<std::string> {
  static std::string encode(std::string value) { return value; }
  static Result<std::string> decode(std::string_view bytes) { return std::string(bytes); }
};

template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
struct Codec<T> {
  static std::string encode(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static Result<T> decode(std::string_view bytes) {
    T value;
    if (bytes.size() != sizeof value)
      return fail(Code::internal, "cached value has another type's size");
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
};

template <class T>
concept KeyPart = std::integral<std::remove_cvref_t<T>> || std::is_enum_v<std::remove_cvref_t<T>> ||
                  std::convertible_to<const T&, std::string_view>;

// The key that cached() makes of its arguments: key_of(42, "a:b") is "42:a%3Ab".
template <KeyPart... Parts>
std::string key_of(const Parts&... parts) {
  std::string key;
  [[maybe_unused]] const auto add = [&](const auto& part) {
    using Part = std::remove_cvref_t<decltype(part)>;
    if constexpr (std::convertible_to<const Part&, std::string_view>) {
      for (const char c : std::string_view(part)) {
        if (c == '%' || c == ':')
          key += c == '%' ? "%25" : "%3A";
        else
          key += c;
      }
    } else if constexpr (std::is_enum_v<Part>) {
      key += std::to_string(static_cast<std::underlying_type_t<Part>>(part));
    } else {
      key += std::to_string(part);
    }
    key += ':';
  };
  (add(parts), ...);
  if (!key.empty()) key.pop_back();
  return key;
}

template <class T>
struct UnwrapResult {
  using type = T;
};
template <class T>
struct UnwrapResult<Result<T>> {
  using type = T;
};

// What cached() makes. Thread-safe if the function is. The cache has to outlive it.
template <class Function>
class Cached {
  // What a load that may outlive its call keeps of an argument.
  template <class T>
  using Owned = std::conditional_t<std::convertible_to<const T&, std::string_view>, std::string,
                                   std::decay_t<T>>;

 public:
  Cached(LoadingCache& cache, NamespaceId space, Function function)
      : cache_(&cache), space_(space), function_(std::make_shared<Function>(std::move(function))) {}

  // Reads the clock. Fails as LoadingCache::get_or_load.
  template <KeyPart... Args>
  auto operator()(const Args&... args) const {
    using Answer = typename UnwrapResult<std::invoke_result_t<Function&, Owned<Args>&...>>::type;
    auto load = [function = function_, kept = std::tuple<Owned<Args>...>(
                                           Owned<Args>(args)...)]() mutable -> Result<Loaded> {
      Result<Answer> answer = std::apply(*function, kept);
      if (!answer) return std::unexpected(std::move(answer.error()));
      return Loaded(Codec<Answer>::encode(std::move(*answer)));
    };
    const std::vector<std::string_view> tags(tags_.begin(), tags_.end());
    const Result<Value> value =
        cache_->get_or_load(space_, key_of(args...), now(), std::move(load), {.tags = tags});
    if (!value) return Result<Answer>(std::unexpected(value.error()));
    return Codec<Answer>::decode(value->bytes());
  }

  template <KeyPart... Args>
  bool erase(const Args&... args) const {
    return cache_->erase(space_, key_of(args...));
  }
  void clear() const { cache_->invalidate(space_); }
  // Every answer loaded from now on carries these.
  Cached with_tags(std::vector<std::string> tags) && {
    tags_ = std::move(tags);
    return std::move(*this);
  }
  NamespaceId space() const { return space_; }

 private:
  LoadingCache* cache_;
  NamespaceId space_;
  std::shared_ptr<Function> function_;
  std::vector<std::string> tags_;
};

// Opens the namespace, with ':' as separator unless it names others. Fails as LoadingCache::open.
template <class Function>
Result<Cached<std::decay_t<Function>>> cached(LoadingCache& cache, NamespaceOptions space,
                                              Function&& function, const LoadPolicy& policy = {}) {
  if (space.separators.empty()) space.separators = ":";
  const Result<NamespaceId> opened = cache.open(space, policy);
  if (!opened) return std::unexpected(opened.error());
  return Cached<std::decay_t<Function>>(cache, *opened, std::forward<Function>(function));
}

}  // namespace sluice::cache
