#include "admin/router.h"

#include <algorithm>

#include <arpa/inet.h>

#include "base/parse.h"
#include "base/secret.h"

namespace sluice::admin {
namespace {

constexpr std::string_view kBearer = "Bearer ";

bool is_authorised(const Request& request, std::string_view token) {
  if (token.empty()) return true;
  const std::string_view given = request.authorization;
  if (given.size() < kBearer.size() || !iequals(given.substr(0, kBearer.size()), kBearer))
    return false;
  return constant_time_equal(trim(given.substr(kBearer.size())), token);
}

// Nothing from elsewhere is loaded, nothing may frame or embed the answers, nothing is kept.
void add_security_headers(Answer& answer) {
  static constexpr std::pair<const char*, const char*> kHeaders[] = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
       "'self' data:; "
       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cache-Control", "no-store"},
  };
  for (const auto& [name, value] : kHeaders) answer.headers.emplace_back(name, value);
}

Answer method_not_allowed(const std::string& allowed) {
  Answer answer = problem(405, "this resource answers to " + allowed);
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

Answer unauthenticated() {
  Answer answer = problem(401, "send the token of [admin] as Authorization: Bearer TOKEN");
  answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  return answer;
}

bool leads_to(const Route& route, Request& request) {
  const std::string_view path = request.path();
  if (!route.path.ends_with('*')) return route.path == path;
  const std::string_view before = route.path.substr(0, route.path.size() - 1);
  if (!path.starts_with(before) || path.size() == before.size()) return false;
  const std::string_view rest = path.substr(before.size());
  if (rest.contains('/')) return false;
  request.rest = rest;
  return true;
}

}  // namespace

bool is_local_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    host = end == host.npos ? std::string_view() : host.substr(1, end - 1);
  } else if (const auto colon = host.find(':'); colon != host.npos) {
    host = host.substr(0, colon);
  }
  if (host.empty() || iequals(host, "localhost")) return true;
  unsigned char address[16];
  const std::string text(host);
  return ::inet_pton(AF_INET, text.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), address) == 1;
}

Answer Router::answer(Request request, std::string_view token) const {
  request.authorised = is_authorised(request, token);
  Answer answer = find_answer(request, token);
  add_security_headers(answer);
  return answer;
}

Answer Router::find_answer(Request& request, std::string_view token) const {
  if (token.empty() && !is_local_host(request.host))
    return problem(421, "without a token only numeric addresses and localhost are answered to");
  const std::string_view method =
      request.method == "HEAD" ? std::string_view("GET") : request.method;
  // A path that is named as a whole isn't what a * stands for.
  const bool named = std::ranges::any_of(
      routes_, [&](const Route& route) { return route.path == request.path(); });
  std::string allowed;
  for (const Route& route : routes_) {
    if (named ? route.path != request.path() : !leads_to(route, request)) continue;
    if (route.access == Access::token && !request.authorised) return unauthenticated();
    if (route.method == method) return route.handler(request);
    if (!allowed.empty()) allowed += ", ";
    allowed += route.method;
    if (route.method == "GET") allowed += ", HEAD";
  }
  if (!allowed.empty()) return method_not_allowed(allowed);
  return problem(404, "there is nothing here");
}

}  // namespace sluice::admin
