// Any bytes as a statement's comment: tags are bounded, sorted and clean, and reading twice into the same
// memory gives the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "query/clean_text.h"
#include "query/comment_tags.h"

namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::query;
  const std::string_view comment(reinterpret_cast<const char*>(data), size);
  CommentTags tags = read_comment(comment);
  require(tags.tags.size() <= kMaxTagBytes);
  require(clean(tags.tags, kMaxTagBytes) == tags.tags);
  require(tags.tags.find('\0') == std::string::npos);
  require(tags.tags.empty() || tags.tags.find('=') != std::string::npos);

  CommentTags again{"something else", 1};
  read_comment(comment, again);
  require(again.tags == tags.tags && again.trace == tags.trace);
  return 0;
}
