// Flights: one load for a key at a time, shared by all who ask meanwhile.
//
// A flight that is void (its key was invalidated since it began), too old or superseded isn't joined:
// the next one to ask leads another, and what the old one brings goes to its own followers only.
// Locks are taken in the order table, flight, engine.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sluice/cache/engine.h"
#include "sluice/event.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::cache {

// What a flight brought; never changes.
struct Landing {
  Result<std::shared_ptr<const std::string>> value;
  std::vector<std::string> tags;  // the leader's and the loader's
};

// Thread-safe.
class Flight {
 public:
  Flight(NamespaceId space, std::string_view key, Time started, const Ticket& ticket,
         std::span<const std::string_view> tags);

  const NamespaceId space;
  const std::string key;
  const Time started;
  const Ticket ticket;
  const std::vector<std::string> tags;

  // Null: the deadline passed first.
  std::shared_ptr<const Landing> wait(Deadline deadline);
  // Wakes all who wait. keep() is called first, unless the flight was superseded, and no later flight
  // or put of the key is under way meanwhile. Landing twice is landing once.
  template <class Keep>
  void land(std::shared_ptr<const Landing> landing, Keep&& keep) {
    std::lock_guard lock(mutex_);
    if (landing_) return;
    keep(!superseded_);
    finish(std::move(landing));
  }
  void supersede();
  bool landed() const;

 private:
  void finish(std::shared_ptr<const Landing> landing);

  mutable std::mutex mutex_;
  std::shared_ptr<const Landing> landing_;
  bool superseded_ = false;
  std::vector<Event*> waiting_;
};

// Views of strings, for the engine's interface.
std::vector<std::string_view> views(const std::vector<std::string>& strings);

// Thread-safe.
class Flights {
 public:
  struct Join {
    std::shared_ptr<Flight> flight;
    bool leads = false;
    bool abandoned = false;  // it leads because another took too long
  };
  // Follows the key's flight if it may be joined, else leads a new one.
  Join join(Engine& engine, NamespaceId space, std::string_view key, Time now,
            std::span<const std::string_view> tags, Duration abandon_after);
  void leave(const std::shared_ptr<Flight>& flight);
  // What is under way for the key won't be kept.
  void supersede(NamespaceId space, std::string_view key);

 private:
  struct Stripe {
    std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights;
  };
  static std::string name_of(NamespaceId space, std::string_view key);
  Stripe& stripe_of(std::string_view name);

  std::array<Stripe, 64> stripes_;
};

}  // namespace sluice::cache
