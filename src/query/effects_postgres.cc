// Statements other than settings and DO blocks: which they are and what to look for in them.
#include "query/effects_postgres.h"

namespace sluice::query {

namespace {

// A larger text that isn't plain reading or writing is taken for a script nobody should trust us to
// have understood.
constexpr std::size_t kLargestScript = std::size_t{1} << 20;

bool reads_or_writes(Word lead) {
  switch (lead) {
    case Word::select:
    case Word::insert:
    case Word::update:
    case Word::delete_:
    case Word::copy:
    case Word::values:
    case Word::with: return true;
    default: return false;
  }
}

Verb verb_of(Word word) {
  switch (word) {
    case Word::select:
    case Word::values:
    case Word::table: return Verb::select;
    case Word::insert: return Verb::insert;
    case Word::update: return Verb::update;
    case Word::delete_: return Verb::delete_;
    case Word::merge: return Verb::merge;
    case Word::copy: return Verb::copy;
    default: return Verb::unknown;
  }
}

}  // namespace

void EffectReader::read_text() {
  advance();
  while (token_.kind != TokenKind::end) {
    if (token_.kind == TokenKind::semicolon) {
      depth_ = 0;
      advance();
      continue;
    }
    read_statement();
    scan();
    if (compound_)
      set_verb(modifying_ != Verb::unknown && main_ == Verb::select ? modifying_ : main_);
    if (sets_config_ && conditional_) pin(PinCause::setting);
  }
  finish();
}

void EffectReader::read_statement() {
  ++out_.statements;
  previous_kind_ = TokenKind::end;
  previous_word_ = Word::none;
  compound_ = conditional_ = sets_config_ = routine_ = false;
  main_ = modifying_ = Verb::unknown;
  lead_ = word();
  if (out_.statements == 1) {
    first_lead_ = lead_;
    starts_with_paren_ = token_.kind == TokenKind::open_paren;
  }
  if (lead_ == Word::explain && !read_explain()) return;
  if (token_.kind == TokenKind::open_paren) {  // (SELECT ...) UNION ...
    compound_ = true;
    main_ = Verb::select;
    lead_ = Word::select;
    return;
  }
  read_lead(lead_);
}

// Each case ends where scan() should begin.
void EffectReader::read_lead(Word lead) {
  switch (lead) {
    case Word::select:
    case Word::values:
    case Word::table:
    case Word::update:
    case Word::delete_:
    case Word::copy: return set_verb(verb_of(lead));
    case Word::insert:
    case Word::merge: out_.uses_sequence = true; return set_verb(verb_of(lead));
    case Word::with: compound_ = true; return;
    case Word::create: return read_create();
    case Word::drop: out_.may_unpin = true; return set_verb(Verb::ddl);
    case Word::alter:
    case Word::comment:
    case Word::grant:
    case Word::revoke:
    case Word::import:
    case Word::reassign:
    case Word::refresh:
    case Word::security:
    case Word::truncate: return set_verb(Verb::ddl);
    case Word::abort:
    case Word::begin:
    case Word::commit:
    case Word::end:
    case Word::release:
    case Word::rollback:
    case Word::savepoint:
    case Word::start: return read_transaction(lead);
    case Word::prepare: return read_prepare();
    default: break;
  }
  set_verb(Verb::utility);
  switch (lead) {
    case Word::set: return read_set();
    case Word::reset: return read_reset();
    case Word::do_: return read_do();
    case Word::declare: return read_declare();
    case Word::deallocate: return read_deallocate();
    case Word::discard: return read_discard();
    case Word::listen: return pin(PinCause::listen);
    case Word::load: return pin(PinCause::load);
    case Word::execute: pin(PinCause::sql_prepare); [[fallthrough]];
    case Word::call: out_.uses_sequence = true; return;
    case Word::close:
    case Word::unlisten: out_.may_unpin = true; return;
    case Word::analyse:
    case Word::analyze:
    case Word::checkpoint:
    case Word::cluster:
    case Word::fetch:
    case Word::lock:
    case Word::move:
    case Word::notify:
    case Word::reindex:
    case Word::show:
    case Word::vacuum: return;
    default: break;
  }
  set_verb(Verb::unknown);
  pin(PinCause::unanalysed);
}

// True if the statement behind EXPLAIN is run: then token_ and lead_ are at its first token. If
// not, the statement is skipped, for what isn't run does nothing.
bool EffectReader::read_explain() {
  bool runs = false;
  advance();
  if (token_.kind == TokenKind::open_paren) {
    for (advance(); !at_end() && depth_ != 0; advance()) {
      const Word option = word();
      runs = runs || option == Word::analyze || option == Word::analyse;
    }
    if (!at_end()) advance();
  } else {
    for (;; advance()) {
      const Word option = word();
      if (option != Word::analyze && option != Word::analyse && option != Word::verbose) break;
      runs = runs || option != Word::verbose;
    }
  }
  lead_ = word();
  if (runs && !at_end()) return true;
  set_verb(Verb::utility);
  while (!at_end()) advance();
  return false;
}

// token_ is the FROM of COPY name FROM. Either name stands for the client behind it.
void EffectReader::on_copy_from() {
  advance();
  out_.copies_from_stdin = word() == Word::stdin_ || word() == Word::stdout_;
  out_.uses_sequence = true;
}

void EffectReader::read_create() {
  set_verb(Verb::ddl);
  advance();
  if (skip_word(Word::or_)) skip_word(Word::replace);
  if (!skip_word(Word::local)) skip_word(Word::global);
  if (word() == Word::temp || word() == Word::temporary) pin(PinCause::temp_table);
  routine_ = word() == Word::function || word() == Word::procedure;
}

// The body of CREATE FUNCTION ... BEGIN ATOMIC ... END has semicolons of its own. All that may
// stand in it begins with another word than END. token_ is ATOMIC.
void EffectReader::skip_atomic_body() {
  advance();
  while (token_.kind != TokenKind::end && word() != Word::end) {
    while (!at_end()) advance();
    while (token_.kind == TokenKind::semicolon) advance();
  }
}

void EffectReader::read_declare() {
  for (advance(); !at_end(); advance()) {
    const Word option = word();
    if (option == Word::for_) return;
    if (option != Word::with) continue;
    advance();
    if (word() == Word::hold) pin(PinCause::hold_cursor);
  }
}

void EffectReader::read_prepare() {
  advance();
  if (skip_word(Word::transaction) && token_.kind == TokenKind::string) {
    return step(TransactionStep::prepare_transaction);
  }
  set_verb(Verb::utility);
  pin(PinCause::sql_prepare);
}

void EffectReader::read_deallocate() {
  out_.may_unpin = true;
  advance();
  if (word() == Word::prepare) {
    // DEALLOCATE prepare: a statement may have that name.
    out_.deallocates = token_.text();
    advance();
    if (at_end()) return;
  }
  if (word() == Word::all) {
    out_.deallocates = {};
    out_.deallocates_all = true;
  } else if (!at_end()) {
    out_.deallocates = token_.text();
  }
}

void EffectReader::read_discard() {
  out_.may_unpin = true;
  advance();
  if (word() == Word::all) out_.discards_all = true;
}

void EffectReader::read_transaction(Word lead) {
  advance();
  switch (lead) {
    case Word::begin:
    case Word::start: return step(TransactionStep::begin);
    case Word::savepoint: return step(TransactionStep::savepoint);
    case Word::release: return step(TransactionStep::release);
    default: break;
  }
  if (word() == Word::prepared) return step(TransactionStep::commit_prepared);
  if (lead == Word::commit || lead == Word::end) return step(TransactionStep::commit);
  if (!skip_word(Word::work)) skip_word(Word::transaction);
  step(word() == Word::to ? TransactionStep::rollback_to : TransactionStep::rollback);
}

void EffectReader::step(TransactionStep step) {
  set_verb(Verb::transaction);
  out_.step = step;
  switch (step) {
    case TransactionStep::commit:
    case TransactionStep::rollback: ends_transaction_ = true; [[fallthrough]];
    case TransactionStep::prepare_transaction: out_.may_unpin = true; break;
    case TransactionStep::savepoint:
    case TransactionStep::rollback_to: out_.savepoints = true; break;
    default: break;
  }
}

// The rest of a statement, whatever it is: the loop that every SELECT spends its time in.
void EffectReader::scan() {
  while (!at_end()) {
    const TokenKind kind = token_.kind;
    const char* start = token_.start;
    Word word = Word::none;
    if (kind == TokenKind::identifier) {
      word = word_of(token_.text());
      if (word != Word::none) on_word(word);
    } else if (kind == TokenKind::quoted_identifier) {
      on_quoted_identifier();
    } else if (kind == TokenKind::open_paren && previous_kind_ == TokenKind::close_paren) {
      // WITH a AS (...) (SELECT ...) UNION ...
      if (compound_ && depth_ == 1 && main_ == Verb::unknown) main_ = Verb::select;
    }
    previous_kind_ = kind;
    previous_word_ = word;
    if (token_.start == start) advance();  // else it read on, and token_ is what stands behind
  }
}

void EffectReader::on_quoted_identifier() {
  if (token_.form == StringForm::unicode)
    return pin(PinCause::unanalysed);  // escapes may spell anything
  const Word word = word_of(inside(token_));
  if (word == Word::pg_temp) return note_temporary_schema();
  if (is_function(word) && spelling(word) == inside(token_)) on_function_name(word);
}

// A name is a call only before a parenthesis.
void EffectReader::on_function_name(Word function) {
  advance();
  if (token_.kind == TokenKind::open_paren) on_function(function);
}

void EffectReader::on_function(Word function) {
  switch (function) {
    case Word::currval:
    case Word::lastval: return pin(PinCause::sequence_state);
    case Word::nextval:
    case Word::setval: out_.uses_sequence = true; return;
    case Word::pg_advisory_lock:
    case Word::pg_advisory_lock_shared:
    case Word::pg_try_advisory_lock:
    case Word::pg_try_advisory_lock_shared: return pin(PinCause::advisory_lock);
    case Word::set_config: return read_set_config();
    default: out_.may_unpin = true; return;  // the unlocks
  }
}

// A word of ours inside a statement. Behind a dot a keyword is a column's or a table's name.
void EffectReader::on_word(Word word) {
  if (is_function(word)) return on_function_name(word);
  if (previous_kind_ == TokenKind::dot) return;
  if (word == Word::from && lead_ == Word::copy && depth_ == 0) return on_copy_from();
  switch (word) {
    case Word::and_:
    case Word::case_:
    case Word::except:
    case Word::fetch:
    case Word::from:
    case Word::group:
    case Word::having:
    case Word::intersect:
    case Word::limit:
    case Word::offset:
    case Word::or_:
    case Word::union_:
    case Word::where: conditional_ = true; return;
    case Word::into: return on_into();
    case Word::insert:
    case Word::update:
    case Word::delete_:
    case Word::merge: return on_modifying(word);
    case Word::select:
    case Word::values:
    case Word::table: return on_main_query(word);
    case Word::default_: out_.uses_sequence = out_.uses_sequence || lead_ == Word::update; return;
    case Word::pg_temp: return note_temporary_schema();
    case Word::pg_settings:
      if (lead_ == Word::update) unknown_change("");  // the view's rule calls set_config()
      return;
    case Word::begin:
      if (!routine_ || depth_ != 0) return;
      advance();
      if (this->word() == Word::atomic) skip_atomic_body();
      return;
    default: return;
  }
}

// SELECT ... INTO [LOCAL|GLOBAL] [TEMP|TEMPORARY] [TABLE] name makes a table.
void EffectReader::on_into() {
  const bool select = lead_ == Word::select || lead_ == Word::with || lead_ == Word::values;
  const Word before = previous_word_;
  advance();
  if (!select || before == Word::insert || before == Word::merge || before == Word::as) return;
  out_.uses_sequence = true;
  set_verb(Verb::ddl);
  compound_ = false;
  if (!skip_word(Word::local)) skip_word(Word::global);
  if (word() == Word::temp || word() == Word::temporary) pin(PinCause::temp_table);
  const bool quoted = token_.kind == TokenKind::quoted_identifier;
  if (word_of(quoted ? inside(token_) : token_.text()) == Word::pg_temp) pin(PinCause::temp_table);
}

// INSERT, UPDATE, DELETE, MERGE inside a statement: the verb only where they begin a query of their
// own (behind a parenthesis; not ON UPDATE, FOR UPDATE, DO UPDATE).
void EffectReader::on_modifying(Word word) {
  if (word == Word::insert || word == Word::merge) out_.uses_sequence = true;
  if (previous_kind_ != TokenKind::open_paren && previous_kind_ != TokenKind::close_paren) {
    if (depth_ == 0) on_main_query(word);
    return;
  }
  if (depth_ == 0) return on_main_query(word);
  if (modifying_ == Verb::unknown) modifying_ = verb_of(word);
}

// The query of a WITH statement: the first such word outside parentheses that isn't the name of a
// common table expression.
void EffectReader::on_main_query(Word word) {
  if (!compound_ || depth_ != 0 || main_ != Verb::unknown) return;
  if (previous_kind_ == TokenKind::comma) return;
  const Word before = previous_word_;
  if (before != Word::with && before != Word::recursive) main_ = verb_of(word);
}

// token_ is pg_temp, bare or quoted. As a schema in CREATE it makes what is created temporary.
void EffectReader::note_temporary_schema() {
  if (lead_ != Word::create) return;
  advance();
  if (token_.kind == TokenKind::dot) pin(PinCause::temp_table);
}

void EffectReader::finish() {
  // Whether a change outlives its text depends on what became of the transaction halfway.
  if (out_.statements > 1 && lasting_change_ && (out_.savepoints || ends_transaction_)) {
    pin(PinCause::setting);
  }
  // A block is read again when it runs, by the rules of then.
  if (changes_lexing_ && has_block_) pin(PinCause::unanalysed);
  malformed_ = malformed_ || text_.contains('\0');
  const bool plain = reads_or_writes(first_lead_) || starts_with_paren_;
  if (malformed_ || (text_.size() > kLargestScript && !plain)) pin(PinCause::unanalysed);
}

}  // namespace sluice::query
