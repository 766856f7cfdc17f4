// PostgreSQL's own parser behind a door that no text can break down.
//
// libpg_query has the server's grammar but not its check of the stack's depth: what comes out is written
// by recursion, and 3,000 nested calls overflow 256 KB (measured; the grammar itself is a stack on
// the heap). So the depth is bounded from above by counting tokens first, and what may be deep is
// parsed on a thread whose stack suffices.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "query/tree_postgres.h"

namespace sluice::query {

// At least as deep as the parse tree of the text: each level takes a token, and only parentheses,
// brackets and chains of operators or set operations nest; commas and semicolons don't.
std::size_t depth_bound(std::string_view text);

constexpr std::size_t kMaxDepth = 8000;

// Gives the tree of a text to `use`, which may recurse as deep as the tree is. Otherwise `use` isn't
// called and the reason is returned: "too deep", or the parser's message. Thread-safe, any stack from
// 256 KB on.
std::string with_tree(const std::string& text, const std::function<void(const Tree&)>& use);

}  // namespace sluice::query
