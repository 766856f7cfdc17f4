// Numbers here were chosen on five real and five generated workloads at three sizes; the result moves
// by less than a point when any of them is halved or doubled.
#include "cache/policy.h"

#include <algorithm>
#include <cmath>

namespace sluice::cache {

namespace {

constexpr double kSmallest = 0.01, kLargest = 0.9;
constexpr double kStep = 0.5;     // entries by which a ghost moves the share
constexpr double kWeight = 0.01;  // of a duel in the running score
constexpr double kLeadOn = 0.3, kLeadToLetIn = 0.6, kLeadOff = 0.05;
constexpr double kDuelLife = 2, kShortDuelLife = 0.1;   // cachefuls of arrivals
constexpr std::uint64_t kSpell = 20;                    // cachefuls of requests
constexpr double kWorthwhile = 0.02;                    // points of hit ratio, at least
constexpr int kMostPatience = 256, kMostStubborn = 16;  // spells between trials

}  // namespace

void Policy::push(std::uint32_t id, Queue queue) {
  Fifo& fifo = queues_[queue == Queue::main];
  Item& item = items_[id];
  item.prev = 0;
  item.next = fifo.front;
  if (fifo.front)
    items_[fifo.front].prev = id;
  else
    fifo.back = id;
  fifo.front = id;
  ++fifo.n;
  fifo.weight += tenants_.weight_of(id);
  std::uint32_t state = item.state.load(std::memory_order_relaxed);
  const auto bits = static_cast<std::uint32_t>(queue) << kQueueAt;
  while (!item.state.compare_exchange_weak(state, (state & ~kQueue) | bits,
                                           std::memory_order_relaxed)) {
  }
}

void Policy::unlink(std::uint32_t id) {
  Item& item = items_[id];
  Fifo& fifo = queues_[item.queue() == Queue::main];
  (item.prev ? items_[item.prev].next : fifo.front) = item.next;
  (item.next ? items_[item.next].prev : fifo.back) = item.prev;
  --fifo.n;
  fifo.weight -= tenants_.weight_of(id);
}

void Policy::move(std::uint32_t id, Queue queue) {
  unlink(id);
  push(id, queue);
}

void Policy::remove(std::uint32_t id) { unlink(id); }

// The newer value stands where the older stood, with its heat.
void Policy::replace(std::uint32_t old, std::uint32_t id) {
  Item &from = items_[old], &to = items_[id];
  Fifo& fifo = queues_[from.queue() == Queue::main];
  to.prev = from.prev;
  to.next = from.next;
  (to.prev ? items_[to.prev].next : fifo.front) = id;
  (to.next ? items_[to.next].prev : fifo.back) = id;
  fifo.weight += tenants_.weight_of(id);
  fifo.weight -= tenants_.weight_of(old);
  const std::uint32_t kept =
      from.state.load(std::memory_order_relaxed) & (kQueue | kHeat | kCredit);
  to.state.fetch_or(kept, std::memory_order_relaxed);
}

void Policy::leave(std::uint32_t id, std::uint64_t hash) {
  ghosts_.add(hash, items_[id].queue());
  unlink(id);
}

// The rounds that a dear value gets in the main queue, again after each hit.
void Policy::give_credit(std::uint32_t id) {
  const std::uint32_t credit = tenants_.credit_of(id) << kCreditAt;
  std::uint32_t state = items_[id].state.load(std::memory_order_relaxed);
  if (!credit && !(state & kCredit)) return;
  while (!items_[id].state.compare_exchange_weak(state, (state & ~kCredit) | credit,
                                                 std::memory_order_relaxed)) {
  }
}

// Second chances first: the oldest of the main queue that nobody wanted since it last came here.
std::uint32_t Policy::main_victim() {
  for (;;) {
    const std::uint32_t id = main().back;
    Item& item = items_[id];
    const std::uint32_t state = item.state.load(std::memory_order_relaxed);
    if (state & kHeat) {
      sketch_.add(tenants_.hash_of(id));
      item.state.fetch_sub(1u << kHeatAt, std::memory_order_relaxed);
      give_credit(id);
    } else if (state & kCredit) {
      item.state.fetch_sub(1u << kCreditAt, std::memory_order_relaxed);
    } else {
      return id;
    }
    move(id, Queue::main);
  }
}

bool Policy::follows_sketch(Question question) {
  if (sketch_rules_ && question != keep_out) return true;
  const double score = scores_[question];
  if (score > (question == let_in ? kLeadToLetIn : kLeadOn))
    gates_[question] = true;
  else if (score < kLeadOff)
    gates_[question] = false;
  return gates_[question];
}

bool Policy::promote(std::uint32_t id, std::uint64_t hash) {
  const std::uint32_t heat = items_[id].heat();
  const std::uint32_t credit = heat > 1 ? 0 : tenants_.credit_of(id);
  bool yes = heat > 1 || heat + credit > 1;
  if (!main().n) return yes;
  const std::uint32_t victim = main_victim();
  const std::uint64_t victim_hash = tenants_.hash_of(victim);
  const bool sketch_says = sketch_.estimate(hash) + heat > sketch_.estimate(victim_hash);
  if (sketch_says == yes) return yes;
  const Question question = yes ? keep_out : let_in;
  if (follows_sketch(question)) yes = sketch_says;
  if (yes)
    open_duel(question, id, hash, victim, victim_hash, sketch_says);
  else
    open_duel(question, victim, victim_hash, id, hash, !sketch_says);
  return yes;
}

std::uint32_t Policy::evict(std::uint64_t capacity) {
  for (;;) {
    if (!small().n && !main().n) return 0;
    const bool from_small =
        small().n &&
        (!main().n || static_cast<double>(small().weight) >=
                          std::max(1.0, std::floor(share_ * static_cast<double>(capacity))));
    if (!from_small) {
      const std::uint32_t id = main_victim();
      leave(id, tenants_.hash_of(id));
      return id;
    }
    const std::uint32_t id = small().back;
    const std::uint64_t hash = tenants_.hash_of(id);
    Item& item = items_[id];
    const bool up = promote(id, hash);
    sketch_.add(hash, item.heat());
    if (!up) {
      leave(id, hash);
      return id;
    }
    item.state.fetch_and(~kHeat, std::memory_order_relaxed);
    give_credit(id);
    move(id, Queue::main);
  }
}

void Policy::steer(Queue ghost, std::uint32_t weight) {
  const double small_ghosts = std::max(1.0, ghosts_.count(Queue::small));
  const double main_ghosts = std::max(1.0, ghosts_.count(Queue::main));
  const double held = static_cast<double>(small().weight + main().weight);
  const double step = kStep * weight / std::max(held, 1.0);
  if (ghost == Queue::small) share_ += step * std::max(1.0, main_ghosts / small_ghosts);
  if (ghost == Queue::main) share_ -= step * std::max(1.0, small_ghosts / main_ghosts);
  share_ = std::clamp(share_, kSmallest, kLargest);
}

void Policy::arrive(std::uint64_t hash, std::uint32_t weight) {
  ++arrivals_;
  if (arrivals_ >= next_look_) watch_traffic();
  sketch_.add(hash);
  settle_duels_of(hash);
  arrived_from_ = ghosts_.take(hash);
  if (arrived_from_ != Queue::none) steer(arrived_from_, weight);
}

void Policy::settle(std::uint32_t id, std::uint64_t hash, std::uint64_t capacity) {
  const auto held = static_cast<double>(capacity);
  const double target = std::max(1.0, std::floor(share_ * held));
  while (small().n && static_cast<double>(small().weight) > target &&
         static_cast<double>(main().weight) < held - target)
    move(small().back, Queue::main);
  Queue to = arrived_from_ == Queue::none ? Queue::small : Queue::main;
  if (to == Queue::main && main().n) {
    const std::uint32_t victim = main_victim();
    const std::uint64_t victim_hash = tenants_.hash_of(victim);
    if (sketch_.estimate(hash) <= sketch_.estimate(victim_hash)) {
      if (follows_sketch(ghost_back)) to = Queue::small;
      if (to == Queue::small)
        open_duel(ghost_back, victim, victim_hash, id, hash, true);
      else
        open_duel(ghost_back, id, hash, victim, victim_hash, false);
    }
  }
  push(id, to);
  if (to == Queue::main) give_credit(id);
}

// ---- duels -----------------------------------------------------------------------------------------

// The two slots' halves: short duels show what is wanted soon, long ones don't forget what comes late.
void Policy::open_duel(Question question, std::uint32_t stays, std::uint64_t stays_hash,
                       std::uint32_t goes, std::uint64_t goes_hash, bool sketch_wants_stays) {
  const unsigned half = question != let_in;
  const unsigned at = half * (kDuels / 2) + next_duel_[half]++ % (kDuels / 2);
  Duel& duel = duels_[at];
  if (duel_hashes_[0][at]) {
    const double life = half ? kDuelLife : kShortDuelLife;
    if (static_cast<double>(arrivals_ - duel.began) < life * entries()) return;
    const bool first = touched(at, 0), second = touched(at, 1);
    if (first != second) close_duel(at, first ? 0 : 1);
    duel_hashes_[0][at] = duel_hashes_[1][at] = 0;
  }
  for (const auto& hashes : duel_hashes_)
    for (const std::uint64_t hash : hashes)
      if (hash == stays_hash || hash == goes_hash) return;
  items_[stays].state.fetch_and(~kTouched, std::memory_order_relaxed);
  items_[goes].state.fetch_and(~kTouched, std::memory_order_relaxed);
  duel = {{stays, goes}, question, sketch_wants_stays, arrivals_};
  duel_hashes_[0][at] = stays_hash;
  duel_hashes_[1][at] = goes_hash;
}

void Policy::close_duel(unsigned at, unsigned winner) {
  const Duel& duel = duels_[at];
  const bool sketch_won = duel.sketch_wants_first == (winner == 0);
  double& score = scores_[duel.question];
  score += ((sketch_won ? 1.0 : -1.0) - score) * kWeight;
  duel_hashes_[0][at] = duel_hashes_[1][at] = 0;
}

// Still here and asked for since. One that left can't have been: it would have come back by arrive().
bool Policy::touched(unsigned at, unsigned side) const {
  const std::uint32_t id = duels_[at].id[side];
  const std::uint32_t state = items_[id].state.load(std::memory_order_relaxed);
  if (!(state & kLive) || !(state & kTouched)) return false;
  return tenants_.hash_of(id) == duel_hashes_[side][at];
}

void Policy::settle_duels_of(std::uint64_t hash) {
  for (unsigned side = 0; side < 2; ++side) {
    for (unsigned at = 0; at < kDuels; ++at) {
      if (duel_hashes_[side][at] != hash) continue;
      close_duel(at, touched(at, 1 - side) ? 1 - side : side);
      return;
    }
  }
}

// ---- trials ----------------------------------------------------------------------------------------

void Policy::watch_traffic() {
  next_look_ = arrivals_ + std::max<std::uint64_t>(32, entries() / 8);
  const Tenants::Traffic total = tenants_.traffic();
  const std::uint64_t asked = total.asked - since_.asked;
  if (asked < std::max<std::uint64_t>(500, kSpell * entries())) return;
  const double ratio = static_cast<double>(total.hits - since_.hits) / static_cast<double>(asked);
  since_ = total;
  if (!trying_) {
    usual_ = usual_ < 0 ? ratio : (usual_ + ratio) / 2;
    if (--spells_left_ > 0) return;
    trying_ = true;
    sketch_rules_ = !sketch_rules_;
    spell_ = 0;
    return;
  }
  if (++spell_ < 2) return;  // the first spell is for settling in
  const double chance =
      std::sqrt(2 * std::max(ratio * (1 - ratio), 0.01) / static_cast<double>(asked));
  // Back to the rules of S3-FIFO it goes without proof, away from them only with it.
  const double needed = sketch_rules_ ? std::max(kWorthwhile, 3 * chance) : 0;
  if (ratio > usual_ + needed) {
    patience_ = sketch_rules_ ? 4 : patience_;
  } else {
    sketch_rules_ = !sketch_rules_;
    patience_ = std::min(patience_ * 8, sketch_rules_ ? kMostStubborn : kMostPatience);
  }
  trying_ = false;
  spells_left_ = patience_;
  usual_ = -1;
}

// ---- memory ----------------------------------------------------------------------------------------

std::size_t Policy::wants_bytes() const {
  const std::uint32_t sized = ghosts_.entries();
  if (sized && entries() <= sized + sized / 4) return 0;
  return entries() * std::size_t{5} + 1024;
}

void Policy::size_memory(std::uint32_t entries) {
  ghosts_.resize(std::max(entries, 1u));
  sketch_.resize(std::max(entries, 16u));
}

}  // namespace sluice::cache
