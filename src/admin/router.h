// Router: which handler answers which method and path, and who may ask.
//
// A resource is one line in a table. What every answer shares is done here once: token, Host check
// against DNS rebinding, 404 and 405, security headers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http.h"

namespace sluice::admin {

enum class Access : unsigned char {
  open,   // anybody: health, files without data
  token,  // whoever knows the token, if one is set
};

struct Route {
  std::string_view method, path;  // a path may end in /*: one more segment, Request::rest
  Access access;
  std::function<Answer(const Request&)> handler;
  std::string_view summary;
};

// Thread-safe as long as the handlers are.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

  // HEAD is answered as GET; the sender leaves the body out. `token` empty: none is needed.
  Answer answer(Request request, std::string_view token) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  Answer find_answer(Request& request, std::string_view token) const;

  const std::vector<Route> routes_;
};

// "localhost" or a numeric address, with or without a port: what a page from elsewhere can't have in
// its Host header, even if its name resolves to us.
bool is_local_host(std::string_view host);

}  // namespace sluice::admin
