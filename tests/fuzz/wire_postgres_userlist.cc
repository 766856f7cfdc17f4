// A file of users: whatever is read, written back with its quotes doubled, is read the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/postgres/password.h"
#include "wire/postgres/userlist.h"

namespace {

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto entries = sluice::postgres::parse_userlist(text);
  if (!entries) return entries.error().detail.starts_with("line ") ? 0 : (std::abort(), 0);
  std::string again;
  for (const auto& [name, secret] : *entries) {
    append_quoted(again, name);
    again += ' ';
    append_quoted(again, secret);
    again += '\n';
    (void)sluice::postgres::kind_of(secret);
  }
  auto same = sluice::postgres::parse_userlist(again);
  if (!same || *same != *entries) std::abort();
  return 0;
}
