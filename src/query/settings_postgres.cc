// SET, RESET and set_config(): changes of settings, in a form that can be replayed as SET name TO
// value on another connection, or a pin where that can't be.
#include <optional>

#include "query/effects_postgres.h"

namespace sluice::query {

namespace {

using Kind = SettingChange::Kind;

bool is_role(std::string_view name) { return name == "role" || name == "session_authorization"; }

// SET takes a list of quoted names for these, set_config() one string with commas (GUC_LIST_QUOTE).
bool is_list(std::string_view name) {
  return name == "search_path" || name == "temp_tablespaces" || name == "local_preload_libraries" ||
         name == "session_preload_libraries";
}

std::string lowered(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return lower;
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

// What a string constant without escapes says; nothing if it has any.
std::optional<std::string_view> plain_text(const Token& token, bool backslash) {
  if (token.kind != TokenKind::string) return std::nullopt;
  const std::string_view text = inside(token);
  if (token.form == StringForm::dollar) return text;
  if (token.form != StringForm::plain && token.form != StringForm::escape) return std::nullopt;
  if (text.contains('\'')) return std::nullopt;
  if ((backslash || token.form == StringForm::escape) && text.contains('\\')) return std::nullopt;
  return text;
}

// The string of a list setting as SET wants it: public, "X" becomes 'public', 'X'.
std::optional<std::string> list_literal(std::string_view text) {
  std::string list;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    std::string_view item = trimmed(rest.substr(0, comma));
    const bool bare = !item.starts_with('"');
    if (!bare && (item.size() < 3 || !item.ends_with('"'))) return std::nullopt;
    if (!bare) item = item.substr(1, item.size() - 2);
    if (item.find_first_of("\"'\\ \t\r\n") != std::string_view::npos) return std::nullopt;
    if (item.empty() && !trimmed(text).empty()) return std::nullopt;
    list += list.empty() ? "" : ", ";
    list += quoted(bare ? identifier_name(item) : item);
    if (comma == std::string_view::npos) return list;
    rest.remove_prefix(comma + 1);
  }
}

bool says(const Token& token, bool backslash, std::string_view word, std::string_view letter) {
  if (token.kind == TokenKind::identifier) return detail::equal_ignoring_case(token.text(), word);
  const auto text = plain_text(token, backslash);
  return text && (*text == word || *text == letter);
}

}  // namespace

void EffectReader::read_set() {
  advance();
  Kind kind = Kind::set;
  bool session = false;
  for (Word scope = word(); scope == Word::local || scope == Word::session; scope = word()) {
    if (scope == Word::local) kind = Kind::set_local;
    session = scope == Word::session;
    advance();
  }
  const Token name = token_;
  const Word form = word();
  if (form == Word::none && name.kind != TokenKind::identifier &&
      name.kind != TokenKind::quoted_identifier) {
    return unknown_change("");
  }
  if (session && form == Word::characteristics) return read_characteristics(kind);
  advance();
  if (session && form == Word::authorization)
    return change(kind, "session_authorization", read_value());
  const bool named = word() == Word::to || token_.text() == "=" || token_.kind == TokenKind::dot;
  if (!named) {
    switch (form) {
      case Word::transaction:
      case Word::constraints: return;  // until the transaction ends
      case Word::time: return read_time_zone(kind);
      case Word::role: return change(kind, "role", read_value());
      case Word::schema: return change(kind, "search_path", read_value());
      case Word::names: return change(kind, "client_encoding", at_end() ? "DEFAULT" : read_value());
      case Word::xml: advance(); return change(kind, "xmloption", read_value());
      default: break;
    }
  }
  read_named_setting(kind, identifier_name(name.text()));
}

// SET a.b TO value; the first part of the name is read already.
void EffectReader::read_named_setting(Kind kind, std::string name) {
  while (token_.kind == TokenKind::dot) {
    advance();
    name += "." + identifier_name(token_.text());
    advance();
  }
  const bool assigned = word() == Word::to || token_.text() == "=";
  if (!assigned) return unknown_change(std::move(name));  // SET x FROM CURRENT, or nonsense
  advance();
  if (at_end()) return unknown_change(std::move(name));
  std::string value = read_value();
  change(kind, std::move(name), std::move(value));
}

// SESSION CHARACTERISTICS AS TRANSACTION mode [,] mode ... are three settings in other words.
void EffectReader::read_characteristics(Kind kind) {
  advance();
  skip_word(Word::as);
  for (skip_word(Word::transaction); !at_end(); advance()) {
    const bool off = skip_word(Word::not_);
    if (word() == Word::deferrable) {
      change(kind, "default_transaction_deferrable", off ? "off" : "on");
    } else if (skip_word(Word::read)) {
      change(kind, "default_transaction_read_only", word() == Word::only ? "on" : "off");
    } else if (skip_word(Word::isolation)) {
      advance();  // LEVEL
      const Word first = word();
      const bool two = first == Word::read || first == Word::repeatable;
      if (two) advance();
      const std::string level = two ? std::string(spelling(first)) + ' ' : std::string();
      change(kind, "default_transaction_isolation", quoted(level + identifier_name(token_.text())));
    } else if (token_.kind != TokenKind::comma) {
      unknown_change("");
    }
    if (at_end()) return;
  }
}

// SET TIME ZONE value: an INTERVAL can be said in no other way.
void EffectReader::read_time_zone(Kind kind) {
  skip_word(Word::zone);
  if (word() == Word::interval) return unknown_change("timezone");
  const bool local = word() == Word::local;
  std::string value = read_value();
  change(kind, "timezone", local ? "DEFAULT" : std::move(value));
}

void EffectReader::read_reset() {
  advance();
  const Word form = word();
  if (form == Word::all) {
    out_.may_unpin = true;
    return change(Kind::reset_all, "", "");
  }
  if (form == Word::transaction) return;
  std::string name = read_name();
  if (form == Word::time && word() == Word::zone) name = "timezone";
  if (form == Word::session && word() == Word::authorization) name = "session_authorization";
  if (name.empty()) return unknown_change("");
  change(Kind::reset, std::move(name), "");
}

// A dotted name, folded to lower case altogether, as the server compares them.
std::string EffectReader::read_name() {
  std::string name;
  while (token_.kind == TokenKind::identifier || token_.kind == TokenKind::quoted_identifier) {
    name += identifier_name(token_.text());
    advance();
    if (token_.kind != TokenKind::dot) break;
    name += '.';
    advance();
  }
  return name;
}

// All to the end of the statement, as written.
std::string EffectReader::read_value() {
  const char* from = token_.begin();
  const char* to = from;
  for (; !at_end(); advance()) to = token_.end();
  return {from, to};
}

// token_ is the opening parenthesis. Leaves at the closing one of the call, or where it gave up;
// scan() goes on from there.
void EffectReader::read_set_config() {
  const bool outermost = depth_ == 1 && lead_ == Word::select && !compound_;
  const Argument name = read_argument();
  const Argument value = read_argument();
  const Argument local = read_argument();
  const auto said = name.single ? plain_text(name.token, backslash_) : std::nullopt;
  std::string setting = said ? lowered(*said) : std::string();
  const bool literal = value.single && value.token.kind == TokenKind::string;
  if (local.single && says(local.token, backslash_, "true", "t")) {
    return change(Kind::set_local, std::move(setting),
                  literal ? std::string(value.token.text()) : "");
  }
  const bool lasting = local.single && says(local.token, backslash_, "false", "f");
  if (!outermost || !lasting || !literal || setting.empty())
    return unknown_change(std::move(setting));
  std::string written(value.token.text());
  if (is_list(setting)) {
    const auto text = plain_text(value.token, backslash_);
    const auto list = text ? list_literal(*text) : std::nullopt;
    if (!list) return unknown_change(std::move(setting));
    written = *list;
  }
  sets_config_ = true;
  change(Kind::set, std::move(setting), std::move(written));
}

// The next argument: token_ is the parenthesis or comma before it, afterwards what stands behind
// it. Calls inside it count, but a set_config() in a set_config() isn't taken apart.
EffectReader::Argument EffectReader::read_argument() {
  if (token_.kind != TokenKind::open_paren && token_.kind != TokenKind::comma) return {};
  const std::size_t depth = depth_;
  advance();
  const Token first = token_;
  std::size_t tokens = 0;
  Word call = Word::none;
  for (; token_.kind != TokenKind::end; advance(), ++tokens) {
    if (depth_ < depth || (depth_ == depth && token_.kind == TokenKind::comma)) break;
    if (call == Word::set_config && token_.kind == TokenKind::open_paren) {
      unknown_change("");
    } else if (is_function(call) && token_.kind == TokenKind::open_paren) {
      on_function(call);
    }
    const bool name =
        token_.kind == TokenKind::identifier || token_.kind == TokenKind::quoted_identifier;
    call = name ? word_of(identifier_name(token_.text())) : Word::none;
  }
  return {.token = first, .single = tokens == 1};
}

// A change that the text says. Which of them pin all the same is decided here.
void EffectReader::change(Kind kind, std::string name, std::string value) {
  name = lowered(name);
  const bool to_default = kind == Kind::reset || detail::equal_ignoring_case(value, "default");
  lasting_change_ = lasting_change_ || kind != Kind::set_local;
  changes_lexing_ = changes_lexing_ || name == "standard_conforming_strings";
  if (is_role(name) && kind != Kind::set_local) {
    if (to_default || detail::equal_ignoring_case(value, "none")) out_.may_unpin = true;
    if (!to_default) pin(PinCause::role);
  }
  if (kind == Kind::set) {
    // What is created afterwards may be temporary.
    if (name == "search_path" && value.contains("pg_temp")) pin(PinCause::setting);
    // Means something else where standard_conforming_strings is on.
    if (backslash_ && value.contains('\\')) pin(PinCause::setting);
  }
  out_.settings.push_back({kind, std::move(name), std::move(value)});
}

// A change that can't be replayed.
void EffectReader::unknown_change(std::string name) {
  if (is_role(name)) pin(PinCause::role);
  pin(PinCause::setting);
  change(Kind::unknown, std::move(name), "");
}

}  // namespace sluice::query
