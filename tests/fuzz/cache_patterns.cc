// Any bytes as a pattern of keys and as a cron line: both are refused with an error or mean something
// that holds together. The first byte says where pattern and key part.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cache/glob.h"
#include "sluice/cache/cron.h"

namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

void match(std::string_view pattern, std::string_view key) {
  using sluice::cache::Glob;
  const auto glob = Glob::parse(pattern);
  if (!glob) return;
  const bool matches = glob->matches(key);
  require(!matches || Glob::parse(std::string(pattern) + "*")->matches(std::string(key) + "more"));
  std::string literal;
  for (const char c : key) literal.append({'\\', c});
  require(Glob::parse(literal)->matches(key));
}

void schedule(std::string_view line) {
  const auto cron = sluice::cache::Cron::parse(line);
  if (!cron) {
    require(cron.error().code == sluice::Code::invalid_argument && !cron.error().detail.empty());
    return;
  }
  const sluice::cache::WallTime after{std::chrono::seconds(1'800'000'007)};
  const auto next = cron->next(after);
  require(next > after && next != sluice::cache::WallTime::max());
  require(next.time_since_epoch().count() % 60 == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t split = std::min<std::size_t>(data[0], text.size());
  match(text.substr(0, split), text.substr(split));
  schedule(text);
  return 0;
}
