// PgBouncer's userlist.txt, so that its users can come as they are.
//
//   ; a comment, as is what follows the second field
//   "app" "SCRAM-SHA-256$4096:..."
//   "o""brien" "plain text or md5..."
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"

namespace sluice::postgres {

struct UserlistEntry {
  std::string name;
  std::string secret;  // plain, md5 or SCRAM verifier: see password.h
  bool operator==(const UserlistEntry&) const = default;
};

// All entries in the file's order; of two with one name the later counts. invalid_argument names the
// line: "line 3: the password's closing quote is missing".
Result<std::vector<UserlistEntry>> parse_userlist(std::string_view text);

}  // namespace sluice::postgres
