// For tests: messages as a server sends them, statements, and an owner that remembers what it was told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "session/postgres_exchange.h"
#include "session/postgres_statement.h"
#include "wire/postgres/backend.h"
#include "wire/postgres/frame.h"

namespace sluice::postgres::testing {

inline std::string frame_of(char type, std::string_view payload) {
  Buffer out;
  {
    FrameWriter frame(out, type);
    out.append(payload);
  }
  return std::string(out.view());
}

inline std::string told_error(std::string_view state, std::string_view text = "no",
                              std::string_view routine = {}, std::string_view severity = "ERROR") {
  std::string payload;
  auto field = [&](char code, std::string_view value) {
    if (!value.empty()) payload.append(1, code).append(value).push_back('\0');
  };
  field('S', severity);
  field('V', severity);
  field('C', state);
  field('M', text);
  field('R', routine);
  payload.push_back('\0');
  return frame_of('E', payload);
}

inline std::string row(std::string_view value) {
  Buffer out;
  const std::optional<std::string_view> values[] = {value};
  append_data_row(out, values);
  return std::string(out.view());
}

// The message of that type with some contents, or with these.
inline std::string message(char type, std::string_view payload = {}) {
  using namespace std::string_literals;
  if (!payload.empty()) return frame_of(type, payload);
  switch (type) {
    case 'A': return frame_of(type, "\0\0\0\7channel\0payload\0"s);
    case 'C': return frame_of(type, "SELECT 1\0"s);
    case 'D': return row("value");
    case 'E': return told_error("42601");
    case 'G':
    case 'H':
    case 'W': return frame_of(type, "\0\0\0"s);
    case 'N': return frame_of(type, "SNOTICE\0C00000\0Mhello\0\0"s);
    case 'S': return frame_of(type, "TimeZone\0UTC\0"s);
    case 'T': return frame_of(type, "\0\1c\0\0\0\0\0\0\0\0\0\0\x19\377\377\377\377\377\377\0\0"s);
    case 'V': return frame_of(type, "\377\377\377\377"s);
    case 'Z': return frame_of(type, "I");
    case 'd': return frame_of(type, "1\n");
    case 't': return frame_of(type, "\0\0"s);
    default: return frame_of(type, {});
  }
}

inline std::string messages(std::string_view types) {
  std::string all;
  for (char type : types) all += message(type);
  return all;
}

// The types of whole frames, as letters; "~" behind them for a torn one.
inline std::string types_of(std::string_view bytes) {
  std::string types;
  while (!bytes.empty()) {
    auto frame = next_frame(bytes);
    if (!frame || !*frame) return types + '~';
    types += (*frame)->type;
    bytes.remove_prefix((*frame)->bytes.size());
  }
  return types;
}

inline StatementRef statement(std::string_view text) {
  StatementTable table;
  return table.intern({text, {}, {}, 0}, [](std::string_view) { return query::Known{}; });
}

class Recorder : public ReplyOwner {
 public:
  Buffer& replies() override { return out; }
  bool has_room() const override { return out.size() < bound; }
  void on_parameter(std::string_view name, std::string_view value) override {
    parameters.push_back(std::string(name) + "=" + std::string(value));
  }
  void on_command(std::string_view tag) override { tags.emplace_back(tag); }
  void on_error(const ErrorFields& error) override { errors.emplace_back(error.sqlstate); }
  void on_copy_in() override { ++copies; }
  void on_ready(char status) override { readies += status; }
  void on_unparsed(const Awaited& parse) override {
    unparsed.push_back(parse.name);
    undone.push_back("unparsed " + parse.name);
  }
  void on_unclosed(const Awaited& close) override {
    unclosed.push_back(close.name);
    undone.push_back("unclosed " + close.name);
  }
  bool on_stale_plan(const StatementRef& plan, bool unseen) override {
    stale.push_back(plan->text + (unseen ? " unseen" : " seen"));
    return repeats && unseen;
  }
  void on_progress() override { ++progress; }
  void on_lost(const Error& error) override { lost.push_back(error); }
  void on_row(std::string_view) override { ++rows; }

  std::string types() const { return types_of(out.view()); }
  std::string text() const { return std::string(out.view()); }

  Buffer out;
  std::size_t bound = std::size_t{1} << 30;
  std::vector<std::string> parameters, tags, errors, unparsed, unclosed, undone, stale;
  std::vector<Error> lost;
  std::string readies;
  int copies = 0, progress = 0, rows = 0;
  bool repeats = false;
};

}  // namespace sluice::postgres::testing
