#include "session/postgres_exchange.h"

namespace sluice::postgres {

void Exchange::expect(Awaited awaited) {
  if (skipping_ && awaited.kind != Await::sync) return undo(awaited, skipping_);
  skipping_ = nullptr;
  if (awaited.run && ++runs_ == 1 && !waits_turn_) awaited.run->sent(owner_->present());
  queue_.push_back(std::move(awaited));
  if (!in_line_ && queue_.size() == head_ + 1) pay();
}

void Exchange::owe(std::string reply, std::string name, StatementRef closed) {
  if (skipping_) {
    Awaited skipped{.kind = Await::owed, .statement = std::move(closed), .name = std::move(name)};
    return undo(skipped, skipping_);
  }
  // In a line it may yet be taken back, as long as nothing has come from the server.
  if (settled() && !in_line_) {
    owner_->replies().append(reply);
    return;
  }
  queue_.push_back({.kind = Await::owed,
                    .statement = std::move(closed),
                    .name = std::move(name),
                    .reply = std::move(reply)});
}

bool Exchange::parsing() const {
  for (std::size_t i = head_; i < queue_.size(); ++i)
    if (queue_[i].kind == Await::parse && (queue_[i].statement || !queue_[i].name.empty()))
      return true;
  return false;
}

void Exchange::pop() {
  if (front().run) take_run(front()).reset();  // it never ran
  ++head_;
  if (!settled()) return;
  queue_.clear();
  head_ = 0;
  early_ends_.clear();
  if (queue_.capacity() > 32) queue_.shrink_to_fit();
}

void Exchange::pay() {
  while (!settled() && front().kind == Await::owed) {
    owner_->replies().append(front().reply);
    pop();
  }
}

Exchange::Verdict Exchange::take(char type, std::string_view payload,
                                 ServerStatements& statements) {
  if (type == backend::kErrorResponse) return on_error(payload, statements);
  if (in_line_ && owes() && !backend::asynchronous(type)) pay();
  const bool ours = !settled() && front().ours;
  if (settled() && !backend::asynchronous(type) && type != backend::kReadyForQuery)
    return Verdict::broken;
  if (!ours && !backend::asynchronous(type)) passed_ = true;
  switch (type) {
    case backend::kParameterDescription:
      if (!settled() && front().statement) owner_->on_parameters(*front().statement, payload);
      break;
    case backend::kRowDescription:
      if (!settled() && !quiet_) note_columns(payload);
      if (!settled() && front().kind == Await::describe) return on_complete(Await::describe);
      break;
    case backend::kNoData: return on_complete(Await::describe);
    case backend::kParseComplete: return on_complete(Await::parse);
    case backend::kBindComplete: return on_complete(Await::bind);
    case backend::kCloseComplete: return on_complete(Await::close);
    case backend::kCommandComplete: return on_command(payload);
    case backend::kPortalSuspended:
      if (front().run) owner_->on_suspended(front().name, take_run(front()));
      [[fallthrough]];
    case backend::kEmptyQueryResponse:
      if (!settled() && front().kind == Await::execute) return on_complete(Await::execute);
      break;
    case backend::kReadyForQuery: return on_ready(payload);
    case backend::kParameterStatus: {
      auto status = read_parameter_status(payload);
      if (!status) return Verdict::broken;
      owner_->on_parameter(status->name, status->value);
      break;
    }
    case backend::kCopyInResponse:
    case backend::kCopyBothResponse:
      if (settled()) return Verdict::broken;
      on_copy_in();
      break;
    case backend::kDataRow:
      if (quiet_) owner_->on_row(payload);
      break;
    case backend::kAuthentication:
    case backend::kBackendKeyData: return Verdict::broken;
    default:
      if (!backend::known(type)) return Verdict::broken;
  }
  return shown(ours);
}

Exchange::Verdict Exchange::on_complete(Await kind) {
  if (settled() || front().kind != kind) return Verdict::broken;
  const bool ours = front().ours;
  if (front().run) finish(front(), {});
  pop();
  return shown(ours);
}

Exchange::Verdict Exchange::on_command(std::string_view payload) {
  if (settled()) return Verdict::broken;
  copying_in_ = false;
  if (!payload.empty()) owner_->on_command(payload.substr(0, payload.size() - 1));
  if (front().run) note_tag(payload);
  if (front().kind == Await::execute) return on_complete(Await::execute);
  if (front().kind != Await::query) return Verdict::broken;
  return shown(front().ours);
}

Exchange::Verdict Exchange::on_ready(std::string_view payload) {
  auto ready = read_ready_for_query(payload);
  if (!ready) return Verdict::broken;
  copying_in_ = false;
  bool ours = false;
  if (settled()) {
    if (surplus_ == 0) return Verdict::broken;
    --surplus_;
  } else {
    const Await kind = front().kind;
    if (kind != Await::query && kind != Await::sync && kind != Await::function)
      return Verdict::broken;
    ours = front().ours;
    if (front().run) finish(front(), failure_);
    failure_.clear();
    pop();
  }
  passed_ = false;
  skipping_ = nullptr;
  if (settled()) in_line_ = waits_turn_ = false;
  owner_->on_ready(ready->status);
  return shown(ours);
}

void Exchange::copy_ended() {
  if (copying_in_ && !copy_ended_) {
    copy_ended_ = true;
    return;
  }
  if (settled()) return;  // of no copy: the server ignores it
  if (early_ends_.empty() || early_ends_.back().at != queue_.size())
    early_ends_.push_back({queue_.size(), 0});
  ++early_ends_.back().count;
}

// CopyInResponse: what follows is data, and Syncs that were sent ahead of it are ignored (the server
// reads them as part of the copy) up to the first CopyDone that was sent behind what began the copy.
void Exchange::on_copy_in() {
  copying_in_ = true;
  ignored_syncs_ = 0;
  std::erase_if(early_ends_, [this](const EarlyEnd& end) { return end.at <= head_; });
  copy_ended_ = !early_ends_.empty();
  std::size_t ignored_to = copy_ended_ ? early_ends_.front().at : queue_.size();
  if (copy_ended_ && --early_ends_.front().count == 0) early_ends_.erase(early_ends_.begin());
  for (std::size_t i = head_ + 1; i < ignored_to;) {
    if (queue_[i].kind != Await::sync) {
      ++i;
      continue;
    }
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
    --ignored_to;
    ++ignored_syncs_;
  }
  for (EarlyEnd& end : early_ends_) end.at -= ignored_syncs_;
  owner_->on_copy_in();
}

Exchange::Verdict Exchange::on_error(std::string_view payload, ServerStatements& statements) {
  auto error = read_error(payload);
  if (!error) return Verdict::broken;
  if (settled()) {  // on its own account: shutdown, idle timeout
    owner_->on_error(*error);
    return error->fatal() ? Verdict::pass : Verdict::broken;
  }
  if (plan_went_stale(*error, statements) || refused(*error, statements)) return Verdict::drop;
  if (in_line_) pay();
  passed_ = true;
  if (copying_in_) surplus_ = ignored_syncs_;
  copying_in_ = false;
  // The error of our own Parse is the client's too: it stands for its Bind.
  Verdict verdict = shown(false);
  if (front().kind == Await::refused) {
    owner_->replies().append(front().reply);
    verdict = Verdict::drop;
  } else {
    owner_->on_error(*error);
  }
  // A simple query or a function call ends with its own ReadyForQuery, everything else at the Sync.
  note_failure(*error);
  if (front().kind == Await::query || front().kind == Await::function) return verdict;
  skip(&statements);
  skipping_ = settled() ? &statements : nullptr;
  return verdict;
}

// "cached plan must not change result type": the text is translated, the routine's name isn't. Only a
// Bind that comes first in the last group sent can be repeated without the client's notice.
bool Exchange::plan_went_stale(const ErrorFields& error, ServerStatements& statements) {
  if (error.sqlstate != "0A000" || error.routine != "RevalidateCachedQuery") return false;
  std::size_t at = head_;
  while (queue_[at].kind == Await::owed && at + 1 < queue_.size()) ++at;
  const Awaited& bind = queue_[at];
  if (!bind.statement) return false;
  bool unseen = !passed_ && bind.kind == Await::bind && queue_.back().kind == Await::sync;
  bool described = bind.fresh;
  for (std::size_t i = head_; i + 1 < queue_.size(); ++i) {
    if (queue_[i].kind == Await::sync || queue_[i].kind == Await::query) unseen = false;
    described |= queue_[i].kind == Await::describe;
  }
  // A client that doesn't ask for a description goes by an old one: it has to be told.
  if (!owner_->on_stale_plan(bind.statement, unseen && described)) return false;
  take_back_runs();
  skip(&statements);
  front().ours = true;
  return true;
}

// Nothing of the group has been seen, so it may be asked for once more.
bool Exchange::refused(const ErrorFields& error, ServerStatements& statements) {
  if (passed_ || quiet_ || front().kind == Await::refused || !owner_->on_refused(error)) return false;
  take_back_runs();
  if (front().kind != Await::query && front().kind != Await::function) skip(&statements);
  if (!settled()) front().ours = true;
  return true;
}

// The server passes over everything up to the next Sync. Taken back in reverse, since a name may have
// been closed and given again.
void Exchange::skip(ServerStatements* statements) {
  std::size_t end = head_;
  while (end < queue_.size() && queue_[end].kind != Await::sync) ++end;
  for (std::size_t i = end; i > head_; --i) undo(queue_[i - 1], statements);
  for (std::size_t left = end - head_; left > 0; --left) pop();
}

void Exchange::undo(Awaited& awaited, ServerStatements* statements) {
  if (awaited.kind == Await::owed && !awaited.name.empty())
    awaited.statement ? owner_->on_unclosed(awaited) : owner_->on_unparsed(awaited);
  if (awaited.kind == Await::parse) {
    if (statements && awaited.statement) statements->erase(*awaited.statement);
    if (!awaited.ours) owner_->on_unparsed(awaited);
  }
  if (awaited.kind == Await::close && statements && awaited.statement)
    statements->add(awaited.statement);
}

void Exchange::abandon(ServerStatements* statements) {
  while (Awaited* running = next_run()) finish(*running, "08006");
  for (std::size_t i = queue_.size(); i > head_; --i) undo(queue_[i - 1], statements);
  while (!settled()) pop();
  copying_in_ = in_line_ = waits_turn_ = false;
  surplus_ = ignored_syncs_ = 0;
  skipping_ = nullptr;
}

void Exchange::begin_turn() {
  waits_turn_ = false;
  if (Awaited* next = next_run()) next->run->sent(owner_->present());
}

std::unique_ptr<Exchange> Exchange::orphan(ReplyOwner& nobody) {
  take_back_runs();
  ReplyOwner& owner = *owner_;
  auto rest = std::make_unique<Exchange>(std::move(*this));
  rest->owner_ = &nobody;
  rest->quiet_ = true;
  *this = Exchange(owner);
  return rest;
}

}  // namespace sluice::postgres
