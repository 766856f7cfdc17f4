#include "admin/parameters.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::admin {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Parameters::Parameters(const Request& request) {
  const std::string_view target = request.target;
  const auto mark = target.find('?');
  std::string_view rest = mark == target.npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equal = pair.find('=');
    auto name = url_decoded(pair.substr(0, equal));
    auto value = url_decoded(equal == pair.npos ? std::string_view() : pair.substr(equal + 1));
    if (!name || !value) {
      complain("the query string isn't well encoded: % needs two hexadecimal digits behind it");
      continue;
    }
    if (std::ranges::any_of(given_, [&](const Given& g) { return g.name == *name; }))
      complain(fmt::format("{} is given twice", *name));
    given_.push_back({std::move(*name), std::move(*value)});
  }
}

void Parameters::complain(std::string text) {
  if (problem_.empty()) problem_ = std::move(text);
}

const std::string* Parameters::find(std::string_view name) {
  for (Given& g : given_)
    if (g.name == name) {
      g.asked = true;
      return &g.value;
    }
  return nullptr;
}

std::string Parameters::text(std::string_view name) {
  const std::string* value = find(name);
  return value ? *value : std::string();
}

std::uint64_t Parameters::number(std::string_view name, std::uint64_t otherwise,
                                 std::uint64_t least, std::uint64_t most) {
  const std::string* value = find(name);
  if (!value) return otherwise;
  std::uint64_t n = 0;
  const char* end = value->data() + value->size();
  const auto [at, failed] = std::from_chars(value->data(), end, n);
  if (failed == std::errc() && at == end && n >= least && n <= most) return n;
  complain(fmt::format("{} has to be a number from {} to {}", name, least, most));
  return otherwise;
}

std::string Parameters::word(std::string_view name, std::span<const std::string_view> words,
                             std::string_view otherwise) {
  const std::string* value = find(name);
  if (!value) return std::string(otherwise);
  if (std::ranges::find(words, *value) != words.end()) return *value;
  complain(fmt::format("{} has to be one of {}", name, fmt::join(words, ", ")));
  return std::string(otherwise);
}

std::optional<Answer> Parameters::problem() const {
  if (!problem_.empty()) return admin::problem(400, problem_);
  for (const Given& g : given_)
    if (!g.asked) return admin::problem(400, fmt::format("there is no parameter \"{}\"", g.name));
  return std::nullopt;
}

}  // namespace sluice::admin
