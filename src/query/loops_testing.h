// Stories for the loop detector's tests: what sessions ask, statement by statement, as a journal.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "query/journal_writer.h"
#include "sluice/query/loops.h"

namespace sluice::query {

using TestRows = std::vector<std::vector<std::string>>;

struct TestStatement {
  std::string text;  // its normalised text; one that begins with "select" is a SELECT
  std::vector<std::string> values;
  TestRows rows;
  std::vector<std::string> columns;
  std::uint64_t session = 1, trace = 0;
  std::int64_t took = 300'000, pause = 100'000;  // nanoseconds; pause: since the answer before
  std::string application, tags;
  std::uint64_t row_count = 0;  // 0: as many as there are rows
};

inline std::uint64_t identity(const std::string& text) { return identity_of({.bytes = text}); }
inline Fingerprint statement_of(const std::string& text) {
  return fingerprint_of(text, Dialect::postgres);
}

// One clock for all sessions.
class Story {
 public:
  Story& say(const TestStatement& statement) {
    clock_ += statement.pause;
    return say_at(statement, clock_);
  }
  // Beside the others: only later ones wait for it.
  Story& say_at(const TestStatement& statement, std::int64_t at) {
    EventBody body;
    body.statement = statement_of(statement.text);
    body.client = statement.session;
    body.trace = statement.trace;
    body.arrived = at;
    body.took = statement.took;
    body.select = statement.text.starts_with("select");
    std::vector<std::uint64_t> params, fields;
    std::string all;
    for (const std::string& value : statement.values) {
      params.push_back(identity(value));
      all += value + '\0';
    }
    body.values = all.empty() ? 0 : hash64(all);
    body.params = static_cast<std::uint16_t>(params.size());
    body.rows = statement.row_count != 0 ? statement.row_count : statement.rows.size();
    body.columns =
        statement.rows.empty() ? 0 : static_cast<std::uint16_t>(statement.rows[0].size());
    for (const auto& row : statement.rows) {
      if (body.sampled_rows == EventBody::kMaxRows) break;
      ++body.sampled_rows;
      for (const std::string& field : row) fields.push_back(field == "null" ? 0 : identity(field));
    }
    tell_names(statement, body);
    writer_.event(body, params, fields);
    clock_ = std::max(clock_, at + statement.took);
    return *this;
  }
  Story& wait(std::int64_t nanoseconds) {
    clock_ += nanoseconds;
    return *this;
  }
  std::int64_t clock() const { return clock_; }
  std::string journal() { return joined(writer_.take()); }

 private:
  void tell_names(const TestStatement& statement, EventBody& body) {
    if (!statement.columns.empty()) {
      std::string names;
      for (const std::string& column : statement.columns) names += column + '\0';
      writer_.shape(body.statement, names);
    }
    if (!statement.application.empty() || !statement.tags.empty()) {
      body.caller = hash64(statement.application + '\0' + statement.tags);
      writer_.caller(body.caller, statement.application, statement.tags);
    }
  }

  JournalWriter writer_;
  std::int64_t clock_ = 1'000'000'000;
};

inline std::vector<Loop> loops_of(Story& story, LoopOptions options = {}) {
  options.utc = Duration{};
  LoopDetector detector(options);
  detector.feed(story.journal());
  detector.flush();
  return detector.findings();
}

}  // namespace sluice::query
