// Any bytes as a PostgreSQL text, with and without backslash escapes: tokens stay inside the text and
// in order, the analysis keeps what it promises. The first byte chooses the mode.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "query/lexer_postgres.h"
#include "sluice/query.h"

namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::query;
  if (size == 0) return 0;
  const bool backslash = (data[0] & 1U) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  bool whole = true;
  Lexer lexer(text, backslash);
  const char* behind = text.data();
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    require(token.begin() >= behind && !token.text().empty());
    behind = token.end();
    require(behind <= text.data() + text.size());
    if (token.kind >= TokenKind::stray) whole = false;
    if (token.kind == TokenKind::string || token.kind == TokenKind::quoted_identifier) {
      require(inside(token).size() < token.text().size());
    }
  }

  const Analysis seen = Analyzer{}.examine(text, backslash);
  require((seen.statements == 0) == (seen.verb == Verb::empty));
  require(whole || seen.statements == 0 || seen.pinned_by(PinCause::unanalysed));
  require(seen.deallocates.empty() ||
          (seen.deallocates.data() >= text.data() &&
           seen.deallocates.data() + seen.deallocates.size() <= behind));
  return 0;
}
