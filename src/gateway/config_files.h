// Small files that a configuration names: itself, secrets, userlists, certificates.
#pragma once

#include <map>
#include <string>

#include "gateway/config.h"
#include "sluice/result.h"

namespace sluice::gateway {

// The whole content of a regular file or pipe, at most 16 MB. The error says why in the system's words.
Result<std::string> read_small_file(const std::string& path);
// A secret's file: its content without the line end.
Result<std::string> read_secret_file(const std::string& path);
bool readable_by_everybody(const std::string& path);

// The users of `auth.userlist` with `auth.users` over them: name -> secret. Errors name the file.
Result<std::map<std::string, std::string>> read_users(const AuthSettings& auth);

}  // namespace sluice::gateway
