// The policies that the cache engine is held against, in their textbook form: unit sizes, exact lists
// of keys. LRU; ARC (Megiddo and Modha, 2003); S3-FIFO (Yang et al., 2023), small queue 10 %;
// W-TinyLFU (Einziger et al., 2017), window 1 %; and Belady's, which knows the future.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace cache_bench {

using Key = std::uint32_t;  // dense, from 0
using Trace = std::vector<Key>;

// Lists over dense keys: where a key is, and in which order.
class Lists {
 public:
  Lists(std::size_t keys, int lists)
      : keys_(keys), prev_(keys + lists), next_(keys + lists), size_(lists), where_(keys, -1) {
    for (int i = 0; i < lists; ++i) prev_[head(i)] = next_[head(i)] = head(i);
  }
  int where(Key k) const { return where_[k]; }
  std::size_t size(int list) const { return size_[list]; }
  Key oldest(int list) const { return prev_[head(list)]; }
  // To the list's front; out of all lists with -1.
  void move(Key k, int to) {
    if (const int from = where_[k]; from >= 0) {
      next_[prev_[k]] = next_[k];
      prev_[next_[k]] = prev_[k];
      --size_[from];
    }
    where_[k] = static_cast<std::int8_t>(to);
    if (to < 0) return;
    const Key h = head(to);
    next_[k] = next_[h];
    prev_[k] = h;
    prev_[next_[h]] = k;
    next_[h] = k;
    ++size_[to];
  }

 private:
  Key head(int list) const { return static_cast<Key>(keys_ + list); }
  std::size_t keys_;
  std::vector<Key> prev_, next_;
  std::vector<std::size_t> size_;
  std::vector<std::int8_t> where_;
};

class Lru {
 public:
  Lru(std::size_t keys, std::size_t capacity) : lists_(keys, 1), capacity_(capacity) {}
  bool access(Key k) {
    const bool hit = lists_.where(k) == 0;
    if (!hit && lists_.size(0) >= capacity_) lists_.move(lists_.oldest(0), -1);
    lists_.move(k, 0);
    return hit;
  }

 private:
  Lists lists_;
  std::size_t capacity_;
};

class Arc {
 public:
  Arc(std::size_t keys, std::size_t capacity) : lists_(keys, 4), capacity_(capacity) {}
  bool access(Key k) {
    const auto ratio = [&](int a, int b) {
      return std::max(1.0,
                      static_cast<double>(lists_.size(a)) / static_cast<double>(lists_.size(b)));
    };
    switch (lists_.where(k)) {
      case kOnce:
      case kOften: lists_.move(k, kOften); return true;
      case kOnceGhost:
        target_ = std::min<double>(static_cast<double>(capacity_),
                                   target_ + ratio(kOftenGhost, kOnceGhost));
        replace(false);
        lists_.move(k, kOften);
        return false;
      case kOftenGhost:
        target_ = std::max(0.0, target_ - ratio(kOnceGhost, kOftenGhost));
        replace(true);
        lists_.move(k, kOften);
        return false;
      default: break;
    }
    const std::size_t once = lists_.size(kOnce) + lists_.size(kOnceGhost);
    const std::size_t all = once + lists_.size(kOften) + lists_.size(kOftenGhost);
    if (once == capacity_) {
      if (lists_.size(kOnce) < capacity_) {
        lists_.move(lists_.oldest(kOnceGhost), -1);
        replace(false);
      } else {
        lists_.move(lists_.oldest(kOnce), -1);
      }
    } else if (all >= capacity_) {
      if (all == 2 * capacity_) lists_.move(lists_.oldest(kOftenGhost), -1);
      replace(false);
    }
    lists_.move(k, kOnce);
    return false;
  }

 private:
  enum { kOnce, kOften, kOnceGhost, kOftenGhost };
  void replace(bool often_ghost) {
    const auto once = static_cast<double>(lists_.size(kOnce));
    if (once > 0 && (once > target_ || (often_ghost && once >= target_)))
      lists_.move(lists_.oldest(kOnce), kOnceGhost);
    else if (lists_.size(kOften))
      lists_.move(lists_.oldest(kOften), kOftenGhost);
    else
      lists_.move(lists_.oldest(kOnce), kOnceGhost);
  }
  Lists lists_;
  std::size_t capacity_;
  double target_ = 0;
};

class S3Fifo {
 public:
  S3Fifo(std::size_t keys, std::size_t capacity)
      : lists_(keys, 3),
        heat_(keys),
        capacity_(capacity),
        small_(std::max<std::size_t>(1, capacity / 10)) {}
  bool access(Key k) {
    if (const int at = lists_.where(k); at == kSmall || at == kMain) {
      if (heat_[k] < 3) ++heat_[k];
      return true;
    }
    const bool ghost = lists_.where(k) == kGhost;
    while (lists_.size(kSmall) + lists_.size(kMain) >= capacity_)
      lists_.size(kSmall) >= small_ || !lists_.size(kMain) ? evict_small() : evict_main();
    heat_[k] = 0;
    lists_.move(k, ghost ? kMain : kSmall);
    return false;
  }

 private:
  enum { kSmall, kMain, kGhost };
  void evict_small() {
    while (lists_.size(kSmall)) {
      const Key k = lists_.oldest(kSmall);
      if (heat_[k] > 1) {
        heat_[k] = 0;
        lists_.move(k, kMain);
        if (lists_.size(kMain) > capacity_ - small_) evict_main();
        continue;
      }
      lists_.move(k, kGhost);
      if (lists_.size(kGhost) > capacity_ - small_) lists_.move(lists_.oldest(kGhost), -1);
      return;
    }
  }
  void evict_main() {
    while (lists_.size(kMain)) {
      const Key k = lists_.oldest(kMain);
      if (heat_[k] == 0) return lists_.move(k, -1);
      --heat_[k];
      lists_.move(k, kMain);
    }
  }
  Lists lists_;
  std::vector<std::uint8_t> heat_;
  std::size_t capacity_, small_;
};

class WTinyLfu {
 public:
  WTinyLfu(std::size_t keys, std::size_t capacity)
      : lists_(keys, 3),
        capacity_(capacity),
        window_(std::max<std::size_t>(1, capacity / 100)),
        limit_(10 * capacity) {
    while (width_ < capacity) width_ *= 2;
    counts_.resize(4 * width_);
  }
  bool access(Key k) {
    count(k);
    const int at = lists_.where(k);
    lists_.move(k, at < 0 || at == kWindow ? kWindow : kProtected);
    while (lists_.size(kProtected) > (capacity_ - window_) * 8 / 10)
      lists_.move(lists_.oldest(kProtected), kProbation);
    while (lists_.size(kWindow) > window_) admit();
    return at >= 0;
  }

 private:
  enum { kWindow, kProbation, kProtected };
  void admit() {
    const Key candidate = lists_.oldest(kWindow);
    const std::size_t main = lists_.size(kProbation) + lists_.size(kProtected);
    if (main < capacity_ - window_) return lists_.move(candidate, kProbation);
    if (main == 0) return lists_.move(candidate, -1);
    const Key victim = lists_.oldest(lists_.size(kProbation) ? kProbation : kProtected);
    if (often(candidate) <= often(victim)) return lists_.move(candidate, -1);
    lists_.move(victim, -1);
    lists_.move(candidate, kProbation);
  }
  std::size_t cell(Key k, std::uint64_t row) const {
    std::uint64_t h = (k + 1 + row * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
    return row * width_ + ((h ^ h >> 33) & (width_ - 1));
  }
  void count(Key k) {
    bool counted = false;
    for (std::uint64_t row = 0; row < 4; ++row) {
      std::uint8_t& c = counts_[cell(k, row)];
      if (c < 15) ++c, counted = true;
    }
    if (!counted || ++counted_ < limit_) return;
    for (std::uint8_t& c : counts_) c /= 2;
    counted_ /= 2;
  }
  int often(Key k) const {
    int least = 15;
    for (std::uint64_t row = 0; row < 4; ++row) least = std::min<int>(least, counts_[cell(k, row)]);
    return least;
  }
  Lists lists_;
  std::size_t capacity_, window_, width_ = 16, counted_ = 0, limit_;
  std::vector<std::uint8_t> counts_;
};

// Hits of the best possible policy that may also refuse a key.
inline std::size_t belady_hits(const Trace& trace, std::size_t keys, std::size_t capacity) {
  std::vector<Key> next(trace.size()), seen(keys, ~Key{0});
  for (std::size_t i = trace.size(); i-- > 0;)
    next[i] = std::exchange(seen[trace[i]], static_cast<Key>(i));
  std::set<std::pair<Key, Key>> kept;  // next use, key
  std::vector<Key> due(keys, 0);
  std::vector<bool> here(keys, false);
  std::size_t hits = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const Key k = trace[i];
    if (here[k]) {
      ++hits;
      kept.erase({due[k], k});
    } else if (kept.size() >= capacity) {
      const auto last = std::prev(kept.end());
      if (last->first <= next[i]) continue;
      here[last->second] = false;
      kept.erase(last);
    }
    here[k] = true;
    due[k] = next[i];
    kept.insert({next[i], k});
  }
  return hits;
}

}  // namespace cache_bench
