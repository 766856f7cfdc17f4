// What the query stage is told of the answers: rows, columns, how each statement ended.
#include <array>

#include "session/postgres_exchange.h"

namespace sluice::postgres {
namespace {

constexpr std::size_t kMostFields = query::Run::kMostColumns;

void tell_fields(query::Run& run, std::string_view payload) {
  auto row = read_data_row(payload);
  if (!row) return;
  std::array<query::Value, kMostFields> fields;
  std::size_t n = 0;
  for (std::optional<std::string_view> value : *row) {
    if (n == fields.size()) break;
    query::Value& field = fields[n++];
    if (value)
      field.bytes = *value;
    else
      field.form = query::Value::Form::null;
  }
  run.fields({fields.data(), n});
}

}  // namespace

// The number at the end of a command tag: "INSERT 0 5".
void Exchange::note_tag(std::string_view payload) {
  std::size_t at = payload.size();
  if (at > 0 && payload[at - 1] == '\0') --at;
  std::uint64_t rows = 0;
  for (std::uint64_t place = 1; at > 0 && payload[at - 1] >= '0' && payload[at - 1] <= '9';
       --at, place *= 10)
    rows += place * static_cast<std::uint64_t>(payload[at - 1] - '0');
  if (at > 0 && payload[at - 1] == ' ') rows_ += rows;
}

void Exchange::count_row(char type, std::size_t size, std::string_view payload) {
  query::Run& run = *front().run;
  if (run.row(size, owner_->present()) && type == backend::kDataRow && !payload.empty())
    tell_fields(run, payload);
}

// Of the run that its rows belong to: a Describe stands before the Execute.
void Exchange::note_columns(std::string_view payload) {
  Awaited* running = next_run();
  if (front().kind == Await::describe && front().statement)
    owner_->on_described(*front().statement, payload);
  if (!running || !running->run->wants_columns()) return;
  const std::uint64_t hash = hash64(payload);
  if (running->run->knows_columns(hash)) return;
  auto described = read_row_description(payload);
  if (!described) return;
  std::array<query::Run::Column, kMostFields> columns;
  std::size_t n = 0;
  for (const Column& column : described->columns) {
    if (n == columns.size()) break;
    columns[n++] = {
        .name = column.name,
        .type = column.type,
        .form = column.format == 1 ? query::Value::Form::binary : query::Value::Form::text};
  }
  running->run->columns({columns.data(), n}, hash);
}

// A simple query ends with its ReadyForQuery, an extended one here: the error is of the first in its
// group that hasn't ended.
void Exchange::note_failure(const ErrorFields& error) {
  if (front().kind == Await::query) {
    if (front().run) failure_ = error.sqlstate;
    return;
  }
  for (std::size_t i = head_; i < queue_.size() && queue_[i].kind != Await::sync; ++i)
    if (queue_[i].run) return finish(queue_[i], error.sqlstate);
  if (front().kind == Await::parse && !front().ours)
    owner_->on_failed_parse(front(), error.sqlstate);
}

void Exchange::finish(Awaited& awaited, std::string_view sqlstate) {
  const std::uint64_t rows = rows_;  // before the next one's begin
  const query::RunRef run = take_run(awaited);
  run->finish({.at = owner_->present(), .sqlstate = sqlstate, .rows = rows});
}

// What stands next in the queue is on its own with the server from now on.
query::RunRef Exchange::take_run(Awaited& awaited) {
  query::RunRef run = std::move(awaited.run);
  rows_ = 0;
  if (--runs_ == 0) return run;
  if (Awaited* next = next_run()) next->run->sent(owner_->present());
  return run;
}

void Exchange::take_back_runs() {
  while (Awaited* running = next_run()) owner_->on_taken_back(take_run(*running));
}

Awaited* Exchange::next_run() {
  if (runs_ == 0) return nullptr;
  for (std::size_t i = head_; i < queue_.size(); ++i)
    if (queue_[i].run) return &queue_[i];
  return nullptr;
}

}  // namespace sluice::postgres
