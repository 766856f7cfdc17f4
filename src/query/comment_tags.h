// Comment tags: sqlcommenter's comments, read on every statement that carries one.
#pragma once

#include <string_view>

#include "sluice/query/workload.h"

namespace sluice::query {

inline constexpr std::size_t kMaxTagBytes = 256;  // of CommentTags::tags
inline constexpr std::size_t kMaxTags = 32;       // of one comment; more: it isn't one of those

// As read_comment(), into what is there, so that its memory is used again.
void read_comment(std::string_view comment, CommentTags& into);

}  // namespace sluice::query
