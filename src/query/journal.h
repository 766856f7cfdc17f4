// Journal: what the loop detector is told of each statement that ended, as bytes.
//
// A worker appends, the detector's thread takes whole journals away (Recorder::take_journal): no lock
// and no allocation on a request's way, and no values, only their identities (identity_of).
//
// A journal is a row of records. Each begins with a RecordHead; what follows depends on its kind:
//   event    EventBody, `params` identities of its values, `sampled_rows` * `columns` identities of
//            its result's fields, row by row (all std::uint64_t)
//   shape    Fingerprint, then the names of its result's columns, each with a zero byte behind it;
//            before the first event of a statement whose shape the worker hasn't told yet, or that changed
//   caller   std::uint64_t (EventBody::caller), application, zero byte, tags, zero byte; likewise
//   skipped  SkippedBody: a session's statements that were passed over, for they were a stream
#pragma once

#include <cstdint>

#include "sluice/query/fingerprint.h"

namespace sluice::query {

struct RecordHead {
  enum class Kind : std::uint32_t { event, shape, caller, skipped };
  std::uint32_t size = 0;  // of the whole record, a multiple of 8
  Kind kind = Kind::event;
};

struct EventBody {
  static constexpr unsigned kMaxParams = 8;   // identities kept of a statement's values
  static constexpr unsigned kMaxColumns = 8;  // ... of a row's fields
  static constexpr unsigned kMaxRows = 128;   // rows whose fields are kept

  Fingerprint statement;
  std::uint64_t client = 0, trace = 0;  // trace 0: none
  std::uint64_t caller = 0;             // hash of application and tags, 0: unknown
  std::int64_t arrived = 0;             // sluice::Time, nanoseconds
  std::int64_t took = 0, server = 0;    // nanoseconds; server: until its first byte
  std::uint64_t values = 0;             // of all its values together; 0: it has none
  std::uint64_t rows = 0;
  std::uint16_t params = 0, columns = 0, sampled_rows = 0;
  bool select = false;  // plain SELECT that locks no rows, by its lexical verb
  bool failed = false;
};
static_assert(sizeof(EventBody) % 8 == 0);

struct SkippedBody {
  std::uint64_t client = 0, statements = 0;
  std::int64_t ended = 0;  // the last of them; sluice::Time, nanoseconds
};

}  // namespace sluice::query
