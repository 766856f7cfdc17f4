// example_of(): from a normalised text back to one that parses. What the normaliser left alone (names,
// kept literals, parameters) is copied token by token; each slot gets the least literal of its kind.
#include <algorithm>

#include "query/facts_postgres.h"
#include "query/lexer_postgres.h"

namespace sluice::query {

namespace {

bool is_name_char(char c) { return detail::kIdentifierChars[static_cast<unsigned char>(c)]; }
bool is_operator_char(char c) { return std::string_view("~!@#^&|`?+-*/%<>=").contains(c); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class ExampleWriter {
 public:
  explicit ExampleWriter(std::string_view text) : text_(text) {}

  Example write() {
    while (at_ < text_.size()) token();
    return std::move(out_);
  }

 private:
  char ahead(std::size_t n = 0) const { return at_ + n < text_.size() ? text_[at_ + n] : '\0'; }
  bool slot_at(std::size_t at) const { return text_.substr(at, 3) == "'?'"; }

  void copy(std::size_t bytes) {
    bytes = std::min(bytes, text_.size() - at_);
    out_.text += text_.substr(at_, bytes);
    at_ += bytes;
  }
  void copy_through(std::size_t found, std::size_t size) {
    copy(found == std::string_view::npos ? text_.size() : found + size - at_);
  }
  void slot(Literal::Kind kind, std::string_view filling, std::size_t bytes) {
    out_.slots.push_back(
        {.at = static_cast<std::uint32_t>(out_.text.size()), .parameter = 0, .kind = kind});
    out_.text += filling;
    at_ += bytes;
  }

  void token() {
    const char c = ahead();
    if (c == '\\' && ahead(1) == '?') {
      ++at_;
      return copy(1);
    }
    if (c == '\'') return string();
    if (c == '"') return quoted('"', false);
    if (c == '$') return dollar();
    if (is_name_char(c)) return name();
    if (is_operator_char(c)) return operators();
    copy(1);
  }

  // A slot stands alone; in ?| or @? it is no slot.
  void operators() {
    std::size_t size = 1;
    while (is_operator_char(ahead(size))) ++size;
    if (size == 1 && ahead() == '?') return slot(Literal::Kind::number, "0", 1);
    copy(size);
  }

  // A word, a number that was kept, or the prefix of a string.
  void name() {
    std::size_t size = 1;
    while (is_name_char(ahead(size))) ++size;
    const char first = static_cast<char>(ahead() | 0x20);
    if (size == 1 && slot_at(at_ + 1)) {
      if (first == 'b') return slot(Literal::Kind::bits, "b''", 4);
      if (first == 'x') return slot(Literal::Kind::hex, "x''", 4);
      if (first == 'n') return slot(Literal::Kind::national, "n''", 4);
    }
    if (text_.substr(at_, size) == "uescape") unicode_slot();
    const bool escape = size == 1 && first == 'e';
    copy(size);
    if (escape && ahead() == '\'') quoted('\'', true);
  }

  // '?' uescape '!': only a U&'' has an escape.
  void unicode_slot() {
    if (out_.slots.empty() || !out_.text.ends_with("'' ")) return;
    const std::size_t at = out_.slots.back().at;
    if (at + 3 == out_.text.size()) out_.text.insert(at, "U&");
  }

  void string() {
    if (slot_at(at_) && ahead(3) != '\'') return slot(Literal::Kind::string, "''", 3);
    quoted('\'', false);
  }

  // A doubled quote inside is the end of one row and the begin of the next.
  void quoted(char quote, bool escapes) {
    do {
      std::size_t size = 1;
      while (at_ + size < text_.size() && ahead(size) != quote) {
        size += escapes && ahead(size) == '\\' ? 2 : 1;
      }
      copy(size + 1);
    } while (ahead() == quote);
  }

  void dollar() {
    std::size_t size = 1;
    if (is_digit(ahead(1))) {
      unsigned number = 0;
      for (; is_digit(ahead(size)); ++size) {
        if (number < 100'000) number = number * 10 + static_cast<unsigned>(ahead(size) - '0');
      }
      out_.slots.push_back({.at = static_cast<std::uint32_t>(out_.text.size()),
                            .parameter = number,
                            .kind = Literal::Kind::number});
      return copy(size);
    }
    while (is_name_char(ahead(size)) && ahead(size) != '$') ++size;
    if (ahead(size) != '$') return copy(1);
    const std::string_view tag = text_.substr(at_, size + 1);
    copy_through(text_.find(tag, at_ + tag.size()), tag.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Example out_;
};

}  // namespace

Example example_with_slots(std::string_view normalised) {
  return ExampleWriter(normalised).write();
}

std::string example_of(std::string_view normalised) { return example_with_slots(normalised).text; }

}  // namespace sluice::query
