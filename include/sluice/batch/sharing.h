// Sharing: which statements may share a connection with other clients', and how many should be
// on their way on one of them.
//
// A connection that serves one client at a time idles for a round trip between two statements. Statements
// that are short, change nothing and leave nothing behind may follow each other without that: several
// are sent, each ends at a boundary of its own, and answers come back in order. What is known of a
// statement decides (Expectation), what is measured decides how deep such a lane is (DepthControl).
// No clock, no I/O; one thread each, but for SharingFigures.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "sluice/time.h"

namespace sluice::batch {

enum class Sharing : std::uint8_t {
  off,
  reads,  // statements that are known to change nothing
  all,  // and single writes outside of transactions, but for those that may use a sequence: INSERT, MERGE
};

// Why a statement has a connection to itself.
enum class Alone : std::uint8_t {
  no,          // it hasn't: it may share
  session,     // its client's state is on a connection: transaction, pin, settings under way
  shape,       // not one whole statement up to its boundary
  effects,     // it does something to its session, or is no plain statement
  unanalysed,  // what it does isn't known (yet)
  writes,
  sequences,   // it takes a value of a sequence, for which its client may ask by currval()
  locks_rows,  // FOR UPDATE, FOR SHARE
  functions,   // calls a function that isn't known to be safe
  relations,   // reads something that isn't known to be a plain table
  unproven,    // not seen often enough to be expected to be short
  slow,
  large,
  failing,  // it failed too often to be worth it
  kCount,
};
std::string_view name_of(Alone why);

// What a statement may be expected to cost, by its last executions.
//
// It shares once it has proven short by itself. On a busy machine everything takes long now and then, so a
// statement that is nearly always short gets a trial too: what it takes among others decides, and each
// trial that fails makes it wait longer for the next.
class Expectation {
 public:
  struct Bounds {
    Duration brief = std::chrono::milliseconds(2);  // p99 has to be below
    std::size_t large = 16 * 1024;                  // bytes of a reply; p99 has to be below
    std::uint32_t proof = 20;                       // executions before anything is expected
  };
  static constexpr Duration kFirstRest = std::chrono::seconds(1);  // after a failed trial
  static constexpr Duration kLongestRest = std::chrono::minutes(5);

  // An execution took so long at the server and brought so many bytes, alone or among others.
  void note(Duration took, std::size_t bytes, bool shared, Time now, const Bounds& bounds);
  // no, unproven, slow or large.
  Alone verdict() const { return verdict_; }

 private:
  // Halved now and then, so that what was long ago counts for little.
  struct Count {
    std::uint32_t seen = 0, slow = 0, large = 0;
    void add(bool is_slow, bool is_large);
    bool more_than(std::uint32_t n, std::uint32_t percent) const {
      return n * 100 > seen * percent;
    }
  };
  void prove(Time now, const Bounds& bounds);
  void test(Time now);

  Count alone_, shared_;
  Alone verdict_ = Alone::unproven;
  Time rests_until_{};
  Duration rest_ = kFirstRest;
};

// How many requests should be on their way on one connection: a power of two, the one that answers come
// soonest with. It keeps to the best that it knows and looks at the neighbouring depths now and then;
// of depths that are equal within a few per cent it takes the deeper, which costs less.
class DepthControl {
 public:
  static constexpr unsigned kLevels = 7;  // 1, 2, 4 ... 64
  static constexpr unsigned kDeepest = 1U << (kLevels - 1);
  static constexpr Duration kEpoch = std::chrono::milliseconds(50);

  // A request was answered so long after it came, with so many others under way.
  void note(Duration latency, unsigned under_way) {
    ++answers_;
    latency_ += latency;
    load_ += under_way;
  }
  // Ends an epoch where it is time for that.
  void turn(Time now);
  unsigned depth() const { return 1U << level_; }
  // Of the last epoch that had enough answers.
  Duration mean_latency() const { return last_latency_; }

 private:
  struct Score {
    double latency = 0;  // ns; 0: not known
    unsigned age = 0;    // epochs
  };
  void learn(double latency, double load);
  void choose();
  bool better(unsigned level, unsigned than) const;

  unsigned level_ = 4, home_ = 4;      // home_: the best known
  unsigned quiet_ = 0, patience_ = 4;  // epochs at home, and how many before it looks around
  std::array<Score, kLevels> scores_{};
  Time epoch_began_{};
  std::uint64_t answers_ = 0, load_ = 0;
  Duration latency_{}, last_latency_{};
  double usual_load_ = 0;
};

// What one worker shared. Relaxed: a reader sees each a bit late.
struct SharingFigures {
  std::atomic<std::uint64_t> statements = 0;  // shared
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Alone::kCount)> alone{};
  std::atomic<std::uint64_t> stalls = 0;   // lanes held up by their head
  std::atomic<std::uint64_t> rescues = 0;  // statements sent again elsewhere because of that
  std::atomic<std::uint64_t> reruns =
      0;  // ... because their connection was lost, or a neighbour's doing
  std::atomic<std::uint64_t> orphans = 0;    // answers that nobody waited for any more
  std::atomic<std::uint64_t> cancelled = 0;  // cancelled without the server's help
  std::atomic<std::int64_t> lanes = 0, under_way = 0, waiting = 0;  // now
  std::atomic<unsigned> depth = 0;                                  // that DepthControl finds best
  std::atomic<std::int64_t> latency_ns = 0;                         // mean, in its last epoch
};

// The same over all workers.
struct SharingTotals {
  std::uint64_t statements = 0, stalls = 0, rescues = 0, reruns = 0, orphans = 0, cancelled = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Alone::kCount)> alone{};
  std::int64_t lanes = 0, under_way = 0, waiting = 0;
  unsigned depth = 0;  // the deepest
  Duration latency{};  // the longest

  void add(const SharingFigures& figures);
  // Of all statements since the start, 0 to 1.
  double share() const;
};

}  // namespace sluice::batch
