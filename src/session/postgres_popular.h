// PopularTexts: texts that come unprepared again and again, and whether preparing them pays.
//
// A text that was seen a few times runs as a prepared statement from then on. PostgreSQL plans such a one
// for its values at first and may then keep one plan for all values. Where that turns out slower than a plan
// for the values would be, the text is left as it came: one in some executions goes unprepared, to compare.
// Compared are means over many executions, and how often one takes far longer than unprepared ones do: on a
// busy machine a few take long whatever their plan.
#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "session/postgres_statement.h"
#include "sluice/time.h"

namespace sluice::postgres {

class PopularText {
 public:
  static constexpr unsigned kOften = 5;       // seen, then it is prepared
  static constexpr unsigned kCompare = 64;    // one in so many goes unprepared ...
  static constexpr unsigned kPlain = 16;      // ... and so many of these say what is usual
  static constexpr unsigned kWindow = 64;     // prepared ones: most of them far slower is clear
  static constexpr unsigned kJudged = 512;    // ... their mean twice as long too
  static constexpr unsigned kMostFailures = 3;
  static constexpr Duration kSlack = std::chrono::microseconds(200);

  // Whether the execution that begins now goes prepared.
  bool prepares();
  // What an execution took at the server. True: with that it is left as it comes from now on.
  bool measured(bool prepared, Duration took);
  // It couldn't be prepared, or not be run so. True as above.
  bool failed();
  bool reverted() const { return reverted_; }

  StatementRef statement;  // as it is prepared; null: not yet

 private:
  friend class PopularTexts;
  Hash128 hash_{};
  struct Times {
    unsigned count = 0;
    Duration total{};
    void add(Duration took) {
      ++count;
      total += took;
    }
    Duration mean() const { return count == 0 ? Duration{} : total / count; }
  };
  unsigned seen_ = 0, failures_ = 0;
  bool reverted_ = false;
  Times plain_, prepared_;
  unsigned window_ = 0, far_ = 0;  // of the last prepared ones, and those far slower than plain ones
};

// One worker.
class PopularTexts {
 public:
  static constexpr std::size_t kPlaces = 1024;      // a text in each, the newest
  static constexpr std::size_t kLongest = 16 * 1024;  // bytes of a text

  // The text's record; another one's may have made place for it.
  PopularText& of(const Hash128& hash);
  // Null if it has been replaced since.
  PopularText* find(const Hash128& hash);
  // It is to be prepared anew.
  void forget(const Statement& statement);

 private:
  PopularText& place(const Hash128& hash);
  std::vector<PopularText> places_;
};

}  // namespace sluice::postgres
