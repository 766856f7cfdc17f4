// Origins are found by hash; the unused go when there are many.
#include "query/origins.h"

#include <algorithm>

#include "base/hash.h"
#include "query/block_size.h"
#include "query/clean_text.h"

namespace sluice::query {
namespace {

std::string_view cut(std::string_view name) { return name.substr(0, Origins::kMaxName); }

}  // namespace

// A name that had to be cleaned never compares equal here and is found by its hash each time.
bool Origins::is(const Origin& origin, const Key& key) {
  return origin.caller.application == cut(key.application) && origin.caller.tags == key.tags &&
         origin.user == cut(key.user) && origin.database == cut(key.database);
}

Origin* Origins::last(const Key& key) const { return last_ && is(*last_, key) ? last_ : nullptr; }

Origin* Origins::find(const Key& key) {
  const bool caller = !key.application.empty() || !key.tags.empty();
  const std::uint64_t caller_hash =
      caller ? hash64(cut(key.application), hash64(key.tags)) | 1U : 0;
  const std::uint64_t hash = hash64(cut(key.database), hash64(cut(key.user), caller_hash));
  auto& origin = by_hash_[hash];
  if (!origin) {
    origin = std::make_unique<Origin>(
        Origin{.database = clean(cut(key.database), kMaxName),
               .user = clean(cut(key.user), kMaxName),
               .caller = {clean(cut(key.application), kMaxName), std::string(key.tags)},
               .caller_hash = caller_hash});
    bytes_ += cost(*origin);
    last_ = origin.get();
    if (by_hash_.size() > drop_at_) drop_unused();
    return last_;
  }
  return last_ = origin.get();
}

std::size_t Origins::cost(const Origin& origin) {
  constexpr std::size_t kNode = 48;  // of the map, with its share of the buckets
  return kNode + block_size(sizeof(Origin)) + heap_of(origin.database) + heap_of(origin.user) +
         heap_of(origin.caller.application) + heap_of(origin.caller.tags);
}

void Origins::drop_unused() {
  ++dropped_;
  std::erase_if(by_hash_, [&](const auto& item) {
    const Origin& origin = *item.second;
    if (origin.uses > 0 || &origin == last_) return false;
    bytes_ -= cost(origin);
    return true;
  });
  drop_at_ = std::max(2 * by_hash_.size(), kMaxUnused);
}

}  // namespace sluice::query
