// Splitting of URLs, shared by every kind of upstream, and what dsn.cc needs of it.
#include "base/url.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/parse.h"

namespace sluice {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads a URL from left to right. Keeps the whole text to say at which character it is wrong.
class UrlReader {
 public:
  explicit UrlReader(std::string_view text) : text_(text) {}

  Result<Url> read() {
    if (auto ok = read_scheme(); !ok) return std::unexpected(ok.error());
    if (auto ok = read_user(); !ok) return std::unexpected(ok.error());
    do {
      if (auto ok = read_host(); !ok) return std::unexpected(ok.error());
    } while (take(','));
    drop_empty_host();
    if (auto ok = read_path(); !ok) return std::unexpected(ok.error());
    if (auto ok = read_query(); !ok) return std::unexpected(ok.error());
    return std::move(url_);
  }

 private:
  std::unexpected<Error> wrong(std::string_view what, std::size_t at) const {
    return fail(Code::invalid_argument, fmt::format("URL: {} at character {}", what, at + 1));
  }

  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // What stands before the first of `ends`.
  std::string_view until(std::string_view ends) {
    const std::size_t end = std::min(text_.find_first_of(ends, at_), text_.size());
    const std::string_view part = text_.substr(at_, end - at_);
    at_ = end;
    return part;
  }

  Result<std::string> decoded(std::string_view part) const {
    const auto start = static_cast<std::size_t>(part.data() - text_.data());
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] != '%') {
        out += part[i];
        continue;
      }
      const int high = i + 1 < part.size() ? hex(part[i + 1]) : -1;
      const int low = i + 2 < part.size() ? hex(part[i + 2]) : -1;
      if (high < 0 || low < 0) return wrong("a % without two hexadecimal digits", start + i);
      if (high == 0 && low == 0) return wrong("a zero byte (%00)", start + i);
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
    return out;
  }

  Result<void> read_scheme() {
    const std::size_t end = text_.find("://");
    if (end == std::string_view::npos || end == 0) return wrong("no scheme:// in front", 0);
    for (char c : text_.substr(0, end)) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')
        return wrong("no scheme:// in front", 0);
      url_.scheme += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    at_ = end + 3;
    return {};
  }

  Result<void> read_user() {
    const std::size_t end = text_.find_first_of("@/", at_);
    if (end == std::string_view::npos || text_[end] != '@') return {};
    auto user = decoded(until(":@"));
    if (!user) return std::unexpected(user.error());
    url_.user = std::move(*user);
    if (take(':')) {
      auto password = decoded(until("@"));
      if (!password) return std::unexpected(password.error());
      url_.password = std::move(*password);
    }
    take('@');
    return {};
  }

  Result<void> read_host() {
    HostPort host;
    if (take('[')) {
      const std::size_t start = at_;
      host.host = until("]");
      if (!take(']')) return wrong("a [ without its ]", start - 1);
      if (host.host.empty()) return wrong("an empty IPv6 address", start);
      if (at_ < text_.size() && !std::string_view(":/?#,").contains(text_[at_]))
        return wrong("something unexpected behind the IPv6 address", at_);
    } else {
      auto name = decoded(until(":/?#,"));
      if (!name) return std::unexpected(name.error());
      host.host = std::move(*name);
    }
    if (take(':')) {
      const std::size_t start = at_;
      const std::string_view port = until("/?#,");
      if (!port.empty()) {
        const auto number = parse_u64(port, 1, 65535);
        if (!number) return wrong("the port isn't a number from 1 to 65535", start);
        host.port = static_cast<std::uint16_t>(*number);
      }
    }
    url_.hosts.push_back(std::move(host));
    return {};
  }

  void drop_empty_host() {
    if (url_.hosts.size() == 1 && url_.hosts[0] == HostPort{}) url_.hosts.clear();
  }

  Result<void> read_path() {
    auto path = decoded(until("?#"));
    if (!path) return std::unexpected(path.error());
    url_.path = std::move(*path);
    return {};
  }

  Result<void> read_query() {
    if (!take('?')) return {};
    while (at_ < text_.size() && text_[at_] != '#') {
      const std::size_t start = at_;
      auto name = decoded(until("=&#"));
      if (!name) return std::unexpected(name.error());
      std::string value;
      if (take('=')) {
        auto text = decoded(until("&#"));
        if (!text) return std::unexpected(text.error());
        value = std::move(*text);
      }
      if (name->empty() && !value.empty()) return wrong("a value without a name", start);
      if (!name->empty()) url_.query.emplace_back(std::move(*name), std::move(value));
      take('&');
    }
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Url url_;
};

}  // namespace

std::string_view Url::option(std::string_view name) const {
  for (auto it = query.rbegin(); it != query.rend(); ++it)
    if (it->first == name) return it->second;
  return {};
}

Result<Url> parse_url(std::string_view text) { return UrlReader(text).read(); }

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").contains(c);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace sluice
