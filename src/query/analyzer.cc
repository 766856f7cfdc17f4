// The query stage's face: see sluice/query.h. What it knows of PostgreSQL is in effects_postgres.h.
#include "query/effects_postgres.h"
#include "sluice/query.h"

namespace sluice::query {

// Longer than any message of the protocol, and more than the lexer takes.
static constexpr std::size_t kTooLong = std::size_t{1} << 31;

std::string_view name_of(PinCause cause) {
  switch (cause) {
    case PinCause::temp_table: return "temp_table";
    case PinCause::listen: return "listen";
    case PinCause::advisory_lock: return "advisory_lock";
    case PinCause::hold_cursor: return "hold_cursor";
    case PinCause::sql_prepare: return "sql_prepare";
    case PinCause::load: return "load";
    case PinCause::sequence_state: return "sequence_state";
    case PinCause::role: return "role";
    case PinCause::setting: return "setting";
    case PinCause::replication: return "replication";
    case PinCause::unanalysed: return "unanalysed";
    case PinCause::kCount: break;
  }
  return "unknown";
}

Analysis Analyzer::examine(std::string_view text, bool backslash_escapes) const {
  Analysis seen;
  if (text.size() >= kTooLong) {
    seen.verb = Verb::unknown;
    seen.statements = 1;
    seen.pins = bit(PinCause::unanalysed);
    return seen;
  }
  EffectReader(text, backslash_escapes, seen).read_text();
  return seen;
}

}  // namespace sluice::query
