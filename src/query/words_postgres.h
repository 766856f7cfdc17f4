// The words that mean something to us in PostgreSQL's SQL: keywords that begin statements or turn
// them, and functions that reach beyond the transaction. A table built by the compiler; most
// identifiers of a statement are none of these and cost one probe of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::query {

// X(spelling, enumerator). The functions stand last: is_function() goes by the order.
// clang-format off
#define SLUICE_POSTGRES_WORDS(X)                                                                  \
  X("abort", abort) X("all", all) X("alter", alter) X("analyse", analyse) X("analyze", analyze)   \
  X("and", and_) X("as", as) X("atomic", atomic) X("authorization", authorization)                \
  X("begin", begin)                                                                               \
  X("call", call) X("case", case_) X("characteristics", characteristics)                          \
  X("checkpoint", checkpoint) X("close", close) X("cluster", cluster) X("comment", comment)       \
  X("commit", commit) X("committed", committed) X("constraints", constraints) X("copy", copy)     \
  X("create", create) X("current", current)                                                       \
  X("deallocate", deallocate) X("declare", declare) X("default", default_)                        \
  X("deferrable", deferrable) X("delete", delete_) X("discard", discard) X("do", do_)             \
  X("drop", drop)                                                                                 \
  X("else", else_) X("end", end) X("except", except) X("execute", execute) X("explain", explain)  \
  X("false", false_) X("fetch", fetch) X("for", for_) X("from", from) X("function", function)     \
  X("global", global) X("grant", grant) X("group", group)                                         \
  X("having", having) X("hold", hold)                                                             \
  X("import", import) X("insert", insert) X("intersect", intersect) X("interval", interval)       \
  X("into", into) X("isolation", isolation)                                                       \
  X("language", language) X("level", level) X("limit", limit) X("listen", listen) X("load", load) \
  X("local", local) X("lock", lock) X("loop", loop)                                               \
  X("merge", merge) X("move", move)                                                               \
  X("names", names) X("none", none_) X("not", not_) X("notify", notify)                           \
  X("offset", offset) X("only", only) X("option", option) X("or", or_)                            \
  X("pg_settings", pg_settings) X("pg_temp", pg_temp) X("prepare", prepare)                       \
  X("prepared", prepared) X("procedure", procedure)                                               \
  X("read", read) X("reassign", reassign) X("recursive", recursive) X("refresh", refresh)         \
  X("reindex", reindex) X("release", release) X("repeatable", repeatable) X("replace", replace)   \
  X("reset", reset) X("revoke", revoke) X("role", role) X("rollback", rollback)                   \
  X("savepoint", savepoint) X("schema", schema) X("security", security) X("select", select)       \
  X("serializable", serializable) X("session", session) X("set", set) X("show", show)             \
  X("start", start) X("stdin", stdin_) X("stdout", stdout_)                                       \
  X("table", table) X("temp", temp) X("temporary", temporary) X("then", then) X("time", time)     \
  X("to", to) X("transaction", transaction) X("true", true_) X("truncate", truncate)              \
  X("uncommitted", uncommitted) X("union", union_) X("unlisten", unlisten) X("update", update)    \
  X("vacuum", vacuum) X("values", values) X("verbose", verbose)                                   \
  X("where", where) X("with", with) X("work", work) X("write", write)                             \
  X("xml", xml)                                                                                   \
  X("zone", zone)                                                                                 \
  X("currval", currval) X("lastval", lastval) X("nextval", nextval) X("setval", setval)           \
  X("pg_advisory_lock", pg_advisory_lock) X("pg_advisory_lock_shared", pg_advisory_lock_shared)   \
  X("pg_advisory_unlock", pg_advisory_unlock) X("pg_advisory_unlock_all", pg_advisory_unlock_all) \
  X("pg_advisory_unlock_shared", pg_advisory_unlock_shared)                                       \
  X("pg_try_advisory_lock", pg_try_advisory_lock)                                                 \
  X("pg_try_advisory_lock_shared", pg_try_advisory_lock_shared) X("set_config", set_config)
// clang-format on

enum class Word : std::uint8_t {
  none,  // no word of ours
#define SLUICE_WORD(spelling, name) name,
  SLUICE_POSTGRES_WORDS(SLUICE_WORD)
#undef SLUICE_WORD
};

inline constexpr std::string_view kWordSpellings[] = {"",
#define SLUICE_WORD(spelling, name) spelling,
                                                      SLUICE_POSTGRES_WORDS(SLUICE_WORD)
#undef SLUICE_WORD
};

constexpr std::string_view spelling(Word word) {
  return kWordSpellings[static_cast<std::size_t>(word)];
}
constexpr bool is_function(Word word) { return word >= Word::currval; }

namespace detail {

inline constexpr std::size_t kWordSlots = 512;

// Good enough to send most words to a slot of their own, and blind to case: 0x20 maps upper case to
// lower, and what else it merges the comparison tells apart. REQUIRES: text isn't empty.
constexpr std::size_t word_slot(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]) | 0x20U; };
  const std::size_t n = text.size();
  return (at(0) * 31 + at(n - 1) * 7 + at(n / 2) * 151 + n * 61) % kWordSlots;
}

consteval std::array<std::uint8_t, kWordSlots> word_table() {
  std::array<std::uint8_t, kWordSlots> slots{};
  for (std::size_t i = 1; i < std::size(kWordSpellings); ++i) {
    std::size_t slot = word_slot(kWordSpellings[i]);
    while (slots[slot] != 0) slot = (slot + 1) % kWordSlots;
    slots[slot] = static_cast<std::uint8_t>(i);
  }
  return slots;
}
inline constexpr std::array<std::uint8_t, kWordSlots> kWordTable = word_table();
static_assert(std::size(kWordSpellings) < 256);

constexpr bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower[i]) return false;
  }
  return true;
}

}  // namespace detail

// The word that an identifier's text spells in any case; Word::none for all others.
constexpr Word word_of(std::string_view text) {
  if (text.size() < 2) return Word::none;  // aliases, mostly
  for (std::size_t slot = detail::word_slot(text); detail::kWordTable[slot] != 0;
       slot = (slot + 1) % detail::kWordSlots) {
    const Word word{detail::kWordTable[slot]};
    if (detail::equal_ignoring_case(text, spelling(word))) return word;
  }
  return Word::none;
}

}  // namespace sluice::query
