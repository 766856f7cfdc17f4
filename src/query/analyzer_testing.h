// For tests: an Analysis in one line of words, "select 1 pins=listen sequence set:x=[1]".
// The verb and the number of statements always, everything else only if it isn't the default.
#pragma once

#include <string>
#include <string_view>

#include "sluice/query.h"

namespace sluice::query::testing {

inline std::string_view name_of(Verb verb) {
  constexpr std::string_view kNames[] = {"unknown", "empty",       "select", "insert",
                                         "update",  "delete",      "merge",  "copy",
                                         "ddl",     "transaction", "utility"};
  return kNames[static_cast<std::size_t>(verb)];
}

inline std::string_view name_of(TransactionStep step) {
  constexpr std::string_view kNames[] = {
      "none",           "begin",   "commit",      "rollback",
      "savepoint",      "release", "rollback_to", "prepare_transaction",
      "commit_prepared"};
  return kNames[static_cast<std::size_t>(step)];
}

inline std::string_view name_of(SettingChange::Kind kind) {
  constexpr std::string_view kNames[] = {"set", "set_local", "reset", "reset_all", "unknown"};
  return kNames[static_cast<std::size_t>(kind)];
}

inline std::string describe(const Analysis& seen) {
  std::string line(name_of(seen.verb));
  line += ' ' + std::to_string(seen.statements);
  std::string_view before = " pins=";
  for (unsigned i = 0; i < static_cast<unsigned>(PinCause::kCount); ++i) {
    const auto cause = static_cast<PinCause>(i);
    if (!seen.pinned_by(cause)) continue;
    line.append(before).append(query::name_of(cause));
    before = ",";
  }
  if (seen.may_unpin) line += " may_unpin";
  if (seen.uses_sequence) line += " sequence";
  if (seen.discards_all) line += " discard_all";
  if (seen.deallocates_all) line += " deallocate_all";
  if (seen.step != TransactionStep::none) line.append(" step=").append(name_of(seen.step));
  if (seen.savepoints) line += " savepoints";
  if (seen.copies_from_stdin) line += " stdin";
  if (!seen.deallocates.empty()) line.append(" deallocates=").append(seen.deallocates);
  for (const SettingChange& change : seen.settings) {
    line.append(" ").append(name_of(change.kind)).append(":").append(change.name);
    line.append("=[").append(change.value).append("]");
  }
  return line;
}

}  // namespace sluice::query::testing
