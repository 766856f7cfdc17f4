// Joining, waiting, landing. An Event belongs to its waiter, who takes it off the flight's list under
// the flight's lock when he gives up; landing signals under the same lock, so none is touched too late.
#include "cache/flights.h"

#include <algorithm>

namespace sluice::cache {

std::vector<std::string_view> views(const std::vector<std::string>& strings) {
  return {strings.begin(), strings.end()};
}

// ---- Flight ----------------------------------------------------------------------------------------

Flight::Flight(NamespaceId id, std::string_view name, Time at, const Ticket& seen,
               std::span<const std::string_view> its_tags)
    : space(id), key(name), started(at), ticket(seen), tags(its_tags.begin(), its_tags.end()) {}

std::shared_ptr<const Landing> Flight::wait(Deadline deadline) {
  Event event;
  {
    std::lock_guard lock(mutex_);
    if (landing_) return landing_;
    waiting_.push_back(&event);
  }
  event.wait(deadline);
  std::lock_guard lock(mutex_);
  if (!landing_) std::erase(waiting_, &event);
  return landing_;
}

void Flight::finish(std::shared_ptr<const Landing> landing) {
  landing_ = std::move(landing);
  for (Event* event : waiting_) event->signal();
  waiting_.clear();
}

void Flight::supersede() {
  std::lock_guard lock(mutex_);
  superseded_ = true;
}

bool Flight::landed() const {
  std::lock_guard lock(mutex_);
  return landing_ != nullptr;
}

// ---- Flights ---------------------------------------------------------------------------------------

std::string Flights::name_of(NamespaceId space, std::string_view key) {
  std::string name;
  name.reserve(2 + key.size());
  name.push_back(static_cast<char>(space & 0xff));
  name.push_back(static_cast<char>(space >> 8));
  return name.append(key);
}

Flights::Stripe& Flights::stripe_of(std::string_view name) {
  return stripes_[std::hash<std::string_view>()(name) % stripes_.size()];
}

Flights::Join Flights::join(Engine& engine, NamespaceId space, std::string_view key, Time now,
                            std::span<const std::string_view> tags, Duration abandon_after) {
  std::string name = name_of(space, key);
  Stripe& stripe = stripe_of(name);
  std::lock_guard lock(stripe.mutex);
  std::shared_ptr<Flight>& there = stripe.flights[std::move(name)];
  bool abandoned = false;
  if (there && !there->landed()) {
    abandoned = now - there->started >= abandon_after;
    if (!abandoned && engine.holds(space, key, views(there->tags), there->ticket))
      return {.flight = there};
    there->supersede();
  }
  there = std::make_shared<Flight>(space, key, now, engine.ticket(), tags);
  return {.flight = there, .leads = true, .abandoned = abandoned};
}

void Flights::leave(const std::shared_ptr<Flight>& flight) {
  const std::string name = name_of(flight->space, flight->key);
  Stripe& stripe = stripe_of(name);
  std::lock_guard lock(stripe.mutex);
  const auto at = stripe.flights.find(name);
  if (at != stripe.flights.end() && at->second == flight) stripe.flights.erase(at);
}

void Flights::supersede(NamespaceId space, std::string_view key) {
  const std::string name = name_of(space, key);
  Stripe& stripe = stripe_of(name);
  std::lock_guard lock(stripe.mutex);
  const auto at = stripe.flights.find(name);
  if (at == stripe.flights.end()) return;
  at->second->supersede();
  stripe.flights.erase(at);
}

}  // namespace sluice::cache
