// Fingerprints as numbers and text, and what a literal says.
#include "sluice/query/fingerprint.h"

#include <charconv>

#include "base/hash.h"

namespace sluice::query {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) code = 0xfffd;  // no character
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | (code >> 18 & 7));
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

// The number of at most `most` digits at `at`, which moves behind them.
std::uint32_t digits(std::string_view body, std::size_t& at, unsigned most, int base) {
  std::uint32_t value = 0;
  for (; most != 0 && at < body.size(); --most, ++at) {
    const int digit = hex_digit(body[at]);
    if (digit < 0 || digit >= base) break;
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
  }
  return value;
}

// The character of \uXXXX, or of two of them that are a pair of surrogates.
std::uint32_t unit(std::string_view body, std::size_t& at) {
  const std::uint32_t high = digits(body, at, 4, 16);
  if (high < 0xd800 || high > 0xdbff || !body.substr(at).starts_with("\\u")) return high;
  std::size_t behind = at + 2;
  const std::uint32_t low = digits(body, behind, 4, 16);
  if (low < 0xdc00 || low > 0xdfff) return high;
  at = behind;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

// \b \n \101 \x41 \u0041 \U00000041 of E'' strings; any other character stands for itself.
// `at` is behind the backslash and moves behind the escape.
void postgres_escape(std::string_view body, std::size_t& at, std::string& out) {
  const char c = body[at];
  if (c >= '0' && c <= '7') {
    out += static_cast<char>(digits(body, at, 3, 8));
    return;
  }
  ++at;
  switch (c) {
    case 'b': out += '\b'; return;
    case 'f': out += '\f'; return;
    case 'n': out += '\n'; return;
    case 'r': out += '\r'; return;
    case 't': out += '\t'; return;
    case 'v': out += '\v'; return;
    case 'x':
      if (at < body.size() && hex_digit(body[at]) >= 0) {
        out += static_cast<char>(digits(body, at, 2, 16));
        return;
      }
      break;
    case 'u': return append_utf8(out, unit(body, at));
    case 'U': return append_utf8(out, digits(body, at, 8, 16));
    default: break;
  }
  out += c;
}

// \% and \_ keep their backslash: they are for LIKE.
void mysql_escape(std::string_view body, std::size_t& at, std::string& out) {
  const char c = body[at++];
  switch (c) {
    case '0': out += '\0'; return;
    case 'b': out += '\b'; return;
    case 'n': out += '\n'; return;
    case 'r': out += '\r'; return;
    case 't': out += '\t'; return;
    case 'Z': out += '\x1a'; return;
    case '%':
    case '_': out += '\\'; break;
    default: break;
  }
  out += c;
}

// Behind the string part that `text` begins with, whose body goes to `out`: `text` begins with its
// quote.
std::string_view undo_part(std::string_view text, Dialect dialect, bool backslash,
                           std::string& out) {
  const char quote = text[0];
  for (std::size_t at = 1; at < text.size();) {
    const char c = text[at];
    if (c == '\\' && backslash && at + 1 < text.size()) {
      ++at;
      dialect == Dialect::postgres ? postgres_escape(text, at, out) : mysql_escape(text, at, out);
      continue;
    }
    if (c == quote) {
      if (at + 1 >= text.size() || text[at + 1] != quote) return text.substr(at + 1);
      ++at;
    }
    out += c;
    ++at;
  }
  return {};
}

// The next part of a string that goes on behind a newline, from its quote on; line comments may
// stand between (and in them quotes).
std::string_view next_part(std::string_view text) {
  while (!text.empty() && text[0] != '\'') {
    const std::size_t skipped = text[0] == '-' ? text.find_first_of("\r\n") : 1;
    text = skipped < text.size() ? text.substr(skipped) : std::string_view();
  }
  return text;
}

}  // namespace

std::string_view name_of(Dialect dialect) {
  return dialect == Dialect::postgres ? "postgres" : "mysql";
}

std::string Fingerprint::text() const { return Hash128{high, low}.text(); }

std::optional<Fingerprint> Fingerprint::parse(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  Fingerprint f;
  const char* middle = text.data() + 16;
  const auto high = std::from_chars(text.data(), middle, f.high, 16);
  const auto low = std::from_chars(middle, middle + 16, f.low, 16);
  if (high.ec != std::errc() || high.ptr != middle) return std::nullopt;
  if (low.ec != std::errc() || low.ptr != middle + 16) return std::nullopt;
  return f;
}

Fingerprint fingerprint_of(std::string_view normalised, Dialect dialect) {
  const Hash128 hash = hash128(normalised, static_cast<std::uint64_t>(dialect));
  return {hash.high, hash.low};
}

std::string_view value_of(const Literal& literal, std::string_view text, Dialect dialect,
                          bool backslash_escapes, std::string& scratch) {
  const std::string_view written = literal.of(text);
  if (literal.kind == Literal::Kind::number || written.empty()) return written;
  const std::size_t open = written.find_first_of("'\"$");
  if (open == std::string_view::npos) return written.substr(2);  // 0x1F, 0b01
  std::string_view body = written.substr(open);
  if (body[0] == '$') {
    const std::size_t tag = body.find('$', 1) + 1;
    return body.substr(tag, body.size() - 2 * tag);
  }
  const bool bits = literal.kind == Literal::Kind::bits || literal.kind == Literal::Kind::hex;
  const bool escape = dialect == Dialect::postgres && open == 1 && (written[0] | 0x20) == 'e';
  const bool unicode = dialect == Dialect::postgres && open == 2;
  const bool backslash = !bits && !unicode && (escape || backslash_escapes);

  const char quote = body[0];
  const std::string_view plain = body.substr(1, body.size() - 2);
  if (plain.find(quote) == std::string_view::npos &&
      (!backslash || plain.find('\\') == std::string_view::npos)) {
    return plain;
  }
  scratch.clear();
  while (!body.empty()) body = next_part(undo_part(body, dialect, backslash, scratch));
  return scratch;
}

}  // namespace sluice::query
