// prepare(): one pass over the text from literal to literal. What is between them is copied without its
// comments, each literal becomes a parameter or is copied too. Why that is allowed: the header.
#include "sluice/query/prepared_form.h"

#include <cstring>
#include <optional>

#include "query/lexer_postgres.h"
#include "query/value_types.h"

namespace sluice::query {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_name_char(char c) { return detail::kIdentifierChars[static_cast<unsigned char>(c)]; }

// ---- strings that stay --------------------------------------------------------------------------------

// Of a string without anything but quotes around it: what is inside.
std::optional<std::string_view> plain_body(std::string_view written) {
  if (written.size() < 2 || written.front() != '\'') return std::nullopt;
  const std::string_view body = written.substr(1, written.size() - 2);
  if (body.contains('\'')) return std::nullopt;
  return body;
}

// A word that is no time for any type.
bool is_word(std::string_view body) {
  if (body.empty() || !is_letter(body[0])) return false;
  for (const char c : body) {
    if (!is_letter(c) && !is_digit(c) && c != '_') return false;
  }
  const std::string word = identifier_name(body);
  return word != "now" && word != "today" && word != "tomorrow" && word != "yesterday";
}

// What isn't signed has no need of IntervalStyle (DecodeInterval() asks for it only then).
bool is_unsigned_interval(std::string_view body) {
  for (const char c : body) {
    if (!is_letter(c) && !is_digit(c) && c != ' ' && c != ':' && c != '.') return false;
  }
  return !body.empty();
}

// 2024-01-31, 2024-01-31 12:30:59.5, 12:30: the year first and with four digits, no zone.
bool is_moment(std::string_view body) {
  constexpr std::string_view kShape = "0000-00-00 00:00:00";
  std::string_view shape = kShape;
  if (body.size() > 2 && body[2] == ':') shape.remove_prefix(11);
  const std::size_t most = shape.size();
  for (std::size_t i = 0; i < body.size() && i < most; ++i) {
    if (shape[i] == '0' ? !is_digit(body[i]) : body[i] != shape[i]) return false;
  }
  if (body.size() > most) {
    if (body[most] != '.') return false;
    for (const char c : body.substr(most + 1)) {
      if (!is_digit(c)) return false;
    }
    return true;
  }
  return body.size() == most || body.size() + 3 == most || body.size() + 9 == most;
}

bool may_stay(std::string_view written, Slot::Stays stays) {
  if (stays == Slot::Stays::no || written.contains('\\')) return false;
  if (stays == Slot::Stays::always) return (written.front() | 0x20) != 'u';  // U&''
  const auto body = plain_body(written);
  if (!body) return false;
  switch (stays) {
    case Slot::Stays::word: return is_word(*body);
    case Slot::Stays::interval: return is_unsigned_interval(*body);
    case Slot::Stays::moment: return is_moment(*body);
    default: return false;
  }
}

// ---- literals as parameters ---------------------------------------------------------------------------

// As the server's scanner and make_const() have it; 0: no plain number.
std::uint32_t type_of_number(std::string_view number) {
  std::size_t digits = 0;
  while (digits < number.size() && is_digit(number[digits])) ++digits;
  if (digits == 0 || number.size() > kMaxNumber) return 0;
  if (digits != number.size()) {
    if (number[digits] != '.' || digits + 1 == number.size()) return 0;
    for (const char c : number.substr(digits + 1)) {
      if (!is_digit(c)) return 0;
    }
    return type::kNumeric;
  }
  const std::size_t zeros = std::min(number.find_first_not_of('0'), number.size() - 1);
  const std::string_view value = number.substr(zeros);
  const auto at_most = [value](std::string_view most) {
    return value.size() < most.size() || (value.size() == most.size() && value <= most);
  };
  if (at_most("2147483647")) return type::kInt4;
  return at_most("9223372036854775807") ? type::kInt8 : type::kNumeric;
}

// Whether no oid is that big.
bool is_beyond_oid(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > UINT32_MAX) return true;
  }
  return false;
}

// The ASCII character of an escape; 0: none, or not ours to undo.
char escaped(char c) {
  switch (c) {
    case '\\': return '\\';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

// A body between quotes, quotes halved and escapes undone. False: something else is in it.
bool undo(std::string_view body, bool escapes, std::string& out) {
  for (std::size_t i = 0; i < body.size(); ++i) {
    char c = body[i];
    if (c == '\'') {
      ++i;
      if (i == body.size() || body[i] != '\'') return false;  // it goes on in another line
    } else if (c == '\\' && escapes) {
      ++i;
      if (i == body.size()) return false;
      c = escaped(body[i]);
      if (c == 0) return false;
    }
    out += c;
  }
  return true;
}

class FormWriter {
 public:
  FormWriter(std::string_view text, bool backslash_escapes, PreparedForm& form)
      : text_(text), backslash_(backslash_escapes), form_(form) {}

  bool write(std::span<const Literal> literals, const Facts& facts);

 private:
  bool between(std::size_t end);
  bool comment(std::size_t end);
  bool line_comment(std::size_t end);
  bool literal(const Literal& literal, const Slot& slot);
  bool number(std::string_view written);
  bool string(std::string_view written);
  bool value(std::string_view body, bool escapes);
  void parameter(std::uint32_t type, std::string_view value);
  void copy(std::size_t end) {
    form_.text.append(text_, at_, end - at_);
    at_ = end;
  }

  std::string_view text_;
  std::size_t at_ = 0;  // up to here it is written
  bool backslash_;
  PreparedForm& form_;
};

bool FormWriter::write(std::span<const Literal> literals, const Facts& facts) {
  for (std::size_t i = 0; i < literals.size(); ++i) {
    if (!between(literals[i].at) || !literal(literals[i], facts.slots[i])) return false;
  }
  if (!between(text_.size())) return false;
  std::string& text = form_.text;
  while (!text.empty() && (is_blank(text.back()) || text.back() == ';')) text.pop_back();
  return true;
}

// What has no literals; comments go. A quote here would be a string that isn't known as a literal.
bool FormWriter::between(std::size_t end) {
  for (std::size_t p = at_; p < end;) {
    const char c = text_[p];
    if (c == '\'' || c == '\0') return false;
    if (c == '"') {
      const std::size_t close = text_.find('"', p + 1);  // a doubled one begins a second name
      if (close >= end) return false;
      p = close + 1;
    } else if (c == '-' && p + 1 < end && text_[p + 1] == '-') {
      copy(p);
      if (!line_comment(end)) return false;
      p = at_;
    } else if (c == '/' && p + 1 < end && text_[p + 1] == '*') {
      copy(p);
      if (!comment(end)) return false;
      p = at_;
    } else {
      ++p;
    }
  }
  copy(end);
  return true;
}

// From -- to the end of the line.
bool FormWriter::line_comment(std::size_t end) {
  at_ = std::min(text_.find_first_of("\r\n", at_), end);
  form_.text += ' ';
  return true;
}

// From /* to the */ that belongs to it. A hint for the planner stays.
bool FormWriter::comment(std::size_t end) {
  const bool hint = text_.substr(at_, 3) == "/*+";
  std::size_t depth = 0;
  for (std::size_t p = at_; p + 1 < end; ++p) {
    if (text_[p] == '/' && text_[p + 1] == '*') {
      ++depth;
      ++p;
    } else if (text_[p] == '*' && text_[p + 1] == '/') {
      ++p;
      if (--depth != 0) continue;
      if (hint) {
        copy(p + 1);
      } else {
        form_.text += ' ';
        at_ = p + 1;
      }
      return true;
    }
  }
  return false;
}

bool FormWriter::literal(const Literal& literal, const Slot& slot) {
  const std::size_t end = literal.at + literal.size;
  if (literal.size == 0 || end > text_.size()) return false;
  const std::string_view written = literal.of(text_);
  const char behind = end < text_.size() ? text_[end] : ' ';
  if (literal.kind == Literal::Kind::number) {
    if (is_name_char(behind)) return false;  // 7and: not in every version
    if (slot.replaceable && number(written)) {
      at_ = end;
    } else {
      copy(end);
    }
    return true;
  }
  if (literal.kind == Literal::Kind::string && slot.replaceable) {
    if (!string(written)) return false;
    at_ = end;
    if (is_name_char(behind)) form_.text += ' ';
    return true;
  }
  const bool bits = literal.kind == Literal::Kind::bits || literal.kind == Literal::Kind::hex;
  const bool national = literal.kind == Literal::Kind::national;
  if (!bits && !may_stay(written, national ? Slot::Stays::always : slot.stays)) return false;
  copy(end);
  return true;
}

bool FormWriter::number(std::string_view written) {
  const std::uint32_t type = type_of_number(written);
  if (type == 0) return false;
  if (type == type::kInt8 && is_beyond_oid(written)) form_.text += ' ';
  parameter(type, written);
  return true;
}

bool FormWriter::string(std::string_view written) {
  const char first = written.front();
  if (first == '$') {
    const std::size_t tag = written.find('$', 1) + 1;
    if (tag == 0 || written.size() < 2 * tag) return false;
    parameter(0, written.substr(tag, written.size() - 2 * tag));
    return true;
  }
  const bool escape = (first | 0x20) == 'e';
  if (!escape && first != '\'') return false;  // U&''
  written.remove_prefix(escape ? 1 : 0);
  if (written.size() < 2 || written.back() != '\'') return false;
  return value(written.substr(1, written.size() - 2), escape);
}

bool FormWriter::value(std::string_view body, bool escapes) {
  const bool backslash = (escapes || backslash_) && body.contains('\\');
  if (backslash && !escapes) return false;  // each time with a WARNING
  if (!backslash && !body.contains('\'')) {
    parameter(0, body);
    return true;
  }
  std::string& undone = form_.undone.emplace_back();
  if (!undo(body, escapes, undone)) return false;
  parameter(0, undone);
  return true;
}

void FormWriter::parameter(std::uint32_t type, std::string_view value) {
  if (!form_.text.empty() && is_name_char(form_.text.back())) form_.text += ' ';
  form_.values.push_back(value);
  const char bytes[] = {static_cast<char>(type >> 24), static_cast<char>(type >> 16),
                        static_cast<char>(type >> 8), static_cast<char>(type)};
  form_.types.append(bytes, sizeof bytes);
  unsigned number = static_cast<unsigned>(form_.values.size());
  char digits[8];
  std::size_t size = 0;
  do {
    digits[size++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  form_.text += '$';
  while (size != 0) form_.text += digits[--size];
}

}  // namespace

bool PreparedForm::declared() const {
  for (std::size_t at = 0; at + 4 <= types.size(); at += 4) {
    if (big_endian(std::string_view(types).substr(at, 4)) == 0) return false;
  }
  return true;
}

bool prepare(std::string_view text, std::span<const Literal> literals, const Facts& facts,
             bool backslash_escapes, PreparedForm& form) {
  form.text.clear();
  form.types.clear();
  form.values.clear();
  form.undone.clear();
  if (!facts.unanalysed.empty() || !facts.preparable || facts.slots.size() != literals.size()) {
    return false;
  }
  if (literals.size() > kMaxReplaced) return false;
  form.undone.reserve(literals.size());  // views of them must stay
  return FormWriter(text, backslash_escapes, form).write(literals, facts);
}

}  // namespace sluice::query
