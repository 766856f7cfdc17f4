// Policy: who has to leave. S3-FIFO (Yang et al., SOSP 2023) with three things that it lacks:
//
// - The small queue's share, 1-90 %, follows the ghosts: a key that comes back after it fell out of
//   the small queue wants it larger, one that fell out of the main queue wants it smaller (as ARC
//   moves its target). That alone is worth 1-14 points where recency matters.
// - Where S3-FIFO's rule and a frequency sketch disagree about a newcomer and the main queue's next
//   victim, some of the pairs become duels: who is asked for first? Once the sketch wins clearly more
//   often than it loses, it decides this kind of question, until it loses its lead (hysteresis).
//   That is what holds a stable part of a loop that doesn't fit.
// - Now and then it lets the sketch decide everything for two spells, and keeps that if the hit ratio
//   rises beyond chance; after a failure it waits much longer. Few duels are conclusive on short,
//   mixed workloads; this is the net below them.
//
// Weighted by bytes; what is dear to load gets more rounds in the main queue.
#pragma once

#include <array>
#include <cstdint>

#include "cache/ghosts.h"
#include "cache/item.h"
#include "cache/sketch.h"
#include "cache/slab.h"

namespace sluice::cache {

// What the policy asks of its shard.
class Tenants {
 public:
  virtual ~Tenants() = default;
  virtual std::uint64_t hash_of(std::uint32_t id) const = 0;
  virtual std::uint32_t weight_of(std::uint32_t id) const = 0;
  virtual std::uint32_t credit_of(std::uint32_t id) const = 0;  // rounds for a dear value, 0..3
  struct Traffic {
    std::uint64_t asked = 0, hits = 0;
  };
  virtual Traffic traffic() const = 0;
};

// Guarded by the shard.
class Policy {
 public:
  // capacity: the sum of weights that the tenants may come to, as it stands.
  Policy(ItemSlab& items, Tenants& tenants) : items_(items), tenants_(tenants) {}

  // A key that wasn't here comes in. Takes what its ghost knows; call before evict() makes room.
  void arrive(std::uint64_t hash, std::uint32_t weight);
  // The arrived one takes its place. What the small queue has beyond its share moves over untested
  // while the main queue has room: a cache that fills up keeps what it saw.
  void settle(std::uint32_t id, std::uint64_t hash, std::uint64_t capacity);
  // Takes the next one out of its queue; 0: nobody is here.
  std::uint32_t evict(std::uint64_t capacity);
  void remove(std::uint32_t id);
  void replace(std::uint32_t old, std::uint32_t id);

  double small_share() const { return share_; }
  std::uint32_t entries() const { return queues_[0].n + queues_[1].n; }
  std::size_t bytes() const { return ghosts_.bytes() + sketch_.bytes() + sizeof(*this); }
  // What ghosts and sketch would take if they were made to fit today's entries; 0: they fit.
  std::size_t wants_bytes() const;
  void size_memory(std::uint32_t entries);  // forgets ghosts and counts

 private:
  enum Question : std::uint8_t { keep_out, let_in, ghost_back };  // what the sketch would change
  static constexpr unsigned kDuels = 32;
  struct Fifo {
    std::uint32_t front = 0, back = 0, n = 0;
    std::uint64_t weight = 0;
  };
  struct Duel {
    std::uint32_t id[2] = {};
    Question question = keep_out;
    bool sketch_wants_first = false;  // wants id[0] to stay
    std::uint64_t began = 0;
  };

  Fifo& small() { return queues_[0]; }
  Fifo& main() { return queues_[1]; }
  void push(std::uint32_t id, Queue queue);
  void unlink(std::uint32_t id);
  void move(std::uint32_t id, Queue queue);
  void leave(std::uint32_t id, std::uint64_t hash);

  void give_credit(std::uint32_t id);
  std::uint32_t main_victim();
  bool promote(std::uint32_t id, std::uint64_t hash);
  bool follows_sketch(Question question);
  void open_duel(Question question, std::uint32_t stays, std::uint64_t stays_hash,
                 std::uint32_t goes, std::uint64_t goes_hash, bool sketch_wants_stays);
  void close_duel(unsigned at, unsigned winner);
  bool touched(unsigned at, unsigned side) const;
  void settle_duels_of(std::uint64_t hash);
  void steer(Queue ghost, std::uint32_t weight);
  void watch_traffic();

  ItemSlab& items_;
  Tenants& tenants_;
  std::array<Fifo, 2> queues_;
  Ghosts ghosts_;
  Sketch sketch_;
  double share_ = 0.1;
  Queue arrived_from_ = Queue::none;
  std::uint64_t arrivals_ = 0;

  std::array<Duel, kDuels> duels_;
  std::array<std::array<std::uint64_t, kDuels>, 2> duel_hashes_{};  // 0: no duel
  std::array<unsigned, 2> next_duel_{};
  std::array<double, 3> scores_{};
  std::array<bool, 3> gates_{};

  // The trials.
  bool sketch_rules_ = false, trying_ = false;
  int spells_left_ = 2, patience_ = 2, spell_ = 0;
  double usual_ = -1;  // hit ratio of the spells before the trial
  std::uint64_t next_look_ = 0;
  Tenants::Traffic since_;
};

}  // namespace sluice::cache
