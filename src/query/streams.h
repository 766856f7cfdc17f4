// Streams: the statements that the journal passes over, by session.
//
// The detector names a session that asks one SELECT all the time (LoopDetector::take_streams). From then on
// the session's executions of it aren't told, and what only the detector would read of them, the identities
// of values and rows, isn't made. That ends with another statement, a trace, a pause that would end a burst
// or, so that nothing stays unseen for good, after kPassed of them. Two sessions that meet in a place
// take it from each other: those that aren't there are told in full.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "query/journal.h"
#include "sluice/time.h"

namespace sluice::query {

class Streams {
 public:
  static constexpr std::uint64_t kPassed = 8192;
  static constexpr Duration kGap = std::chrono::milliseconds(50);  // LoopOptions::gap

  // Of one session. The worker's, but for `named` and `statement`, which another thread sets.
  struct Place {
    std::atomic<std::uint64_t> named = 0, statement = 0;  // the session; low half of the fingerprint
    std::uint64_t client = 0;                             // that `passed` and `ended` are of
    std::uint64_t passed = 0;
    Time ended{};
  };

  // Thread-safe.
  void name(std::uint64_t client, const Fingerprint& statement) {
    Place& place = of(client);
    place.statement.store(statement.low, std::memory_order_relaxed);
    place.named.store(client, std::memory_order_release);
  }

  // The worker's: the place of a client that is in a stream, else null.
  Place* find(std::uint64_t client) {
    Place& place = of(client);
    return place.named.load(std::memory_order_acquire) == client && client != 0 ? &place : nullptr;
  }
  // This statement is to be passed over. False: the stream has ended; what was passed over is to be told.
  static bool goes_on(Place& place, std::uint64_t client, const Fingerprint& statement,
                      std::uint64_t trace, Time arrived) {
    if (place.client != client) {
      place.client = client;
      place.passed = 0;
      place.ended = arrived;
    }
    if (trace == 0 && place.statement.load(std::memory_order_relaxed) == statement.low &&
        arrived - place.ended < kGap && place.passed < kPassed)
      return true;
    place.named.store(0, std::memory_order_relaxed);
    place.client = 0;
    return false;
  }

 private:
  static constexpr std::size_t kPlaces = 1024;
  Place& of(std::uint64_t client) { return places_[client % kPlaces]; }

  std::array<Place, kPlaces> places_;
};

}  // namespace sluice::query
