// Reads comments of this form, and of no other (Source: google.github.io/sqlcommenter/spec):
//
//   controller='users',framework='django%3A4.2',traceparent='00-<32 hex>-<16 hex>-01'
//
// Keys and values are URL-encoded; a quote in a value has a backslash before it. A comment that is only
// nearly so gives nothing: a hint or a note of a person isn't a caller.
#include "query/comment_tags.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/hash.h"
#include "query/clean_text.h"

namespace sluice::query {
namespace {

struct Tag {
  std::string_view key, value;  // still encoded
};
using Tags = std::array<Tag, kMaxTags>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The key='value' at the front of `rest`, which then begins behind it.
std::optional<Tag> take_tag(std::string_view& rest) {
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view key = trimmed(rest.substr(0, equals));
  if (key.empty() || key.find_first_of(" \t\r\n',") != std::string_view::npos) return {};
  rest = rest.substr(equals + 1);
  if (rest.empty() || rest[0] != '\'') return {};
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '\'') {
      const Tag tag{key, rest.substr(1, i - 1)};
      rest = trimmed(rest.substr(i + 1));
      return tag;
    }
  }
  return {};
}

// How many; 0: the comment is something else.
std::size_t split_tags(std::string_view comment, Tags& tags) {
  std::size_t count = 0;
  for (std::string_view rest = trimmed(comment); !rest.empty();) {
    if (count == tags.size()) return 0;
    const auto tag = take_tag(rest);
    if (!tag) return 0;
    tags[count++] = *tag;
    if (rest.empty()) break;
    if (rest[0] != ',') return 0;
    rest = trimmed(rest.substr(1));
    if (rest.empty()) return 0;
  }
  return count;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// As many decoded bytes as fit into `room`; a value that doesn't fit isn't worth more.
std::string_view decode(std::string_view encoded, std::array<char, kMaxTagBytes>& room) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < encoded.size() && size < room.size(); ++i) {
    char c = encoded[i];
    if (c == '\\' && i + 1 < encoded.size()) {
      c = encoded[++i];
    } else if (c == '%' && i + 2 < encoded.size()) {
      const int high = hex_digit(encoded[i + 1]), low = hex_digit(encoded[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high << 4 | low);
        i += 2;
      }
    }
    room[size++] = c;
  }
  return {room.data(), size};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// version-trace-parent-flags; later versions may add fields. (Source: W3C Trace Context, 3.2)
std::uint64_t trace_of(std::string_view traceparent) {
  if (traceparent.size() < 55) return 0;
  const std::string_view version = traceparent.substr(0, 2), trace = traceparent.substr(3, 32),
                         parent = traceparent.substr(36, 16), flags = traceparent.substr(53, 2);
  if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') return 0;
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(flags)) return 0;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return 0;
  if (traceparent.size() > 55 && (version == "00" || traceparent[55] != '-')) return 0;
  const std::uint64_t hash = hash64(trace);
  return hash == 0 ? 1 : hash;
}

}  // namespace

void read_comment(std::string_view comment, CommentTags& into) {
  into.tags.clear();
  into.trace = 0;
  Tags tags;
  const std::size_t count = split_tags(comment, tags);
  std::sort(tags.begin(), tags.begin() + static_cast<std::ptrdiff_t>(count),
            [](const Tag& a, const Tag& b) { return a.key < b.key; });
  std::array<char, kMaxTagBytes> room;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view value = decode(tags[i].value, room);
    if (tags[i].key == "traceparent") {
      into.trace = trace_of(value);
      continue;
    }
    if (tags[i].key == "tracestate") continue;
    const std::size_t before = into.tags.size();
    if (before > 0) into.tags.push_back(',');
    std::array<char, kMaxTagBytes> key_room;
    const std::string_view key = decode(tags[i].key, key_room);
    // its sign and at least one byte of a value have to fit, too
    const bool fits = before + 1 + key.size() + 2 <= kMaxTagBytes &&
                      append_clean(into.tags, key, kMaxTagBytes - into.tags.size());
    if (!fits) {
      into.tags.resize(before);
      continue;
    }
    into.tags.push_back('=');
    append_clean(into.tags, value, kMaxTagBytes - into.tags.size());
  }
}

CommentTags read_comment(std::string_view comment) {
  CommentTags tags;
  read_comment(comment, tags);
  return tags;
}

}  // namespace sluice::query
