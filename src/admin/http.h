// HTTP as the admin side's handlers see it: values, no sockets. server.cc turns bytes into these.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::admin {

struct Request {
  std::string method;  // "GET"
  std::string target;  // as it came: "/performance/pools?x=1"
  std::string host;    // Host header, or empty
  std::string authorization;
  std::string rest;         // filled by the router: what stands for the * of its path
  bool authorised = false;  // filled by the router: no token is needed, or the right one came

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

struct Answer {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// RFC 9457: {"type":"about:blank","title":...,"status":...,"detail":...}.
Answer problem(unsigned status, std::string_view detail);

}  // namespace sluice::admin
