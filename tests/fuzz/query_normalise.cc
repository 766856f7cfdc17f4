// Any bytes as a statement of either dialect: the normaliser ends, keeps what it promises of
// literals, and what it wrote is free of faults and of literals' contents. The first byte chooses
// dialect and mode.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/lexer_mysql.h"
#include "sluice/query/fingerprint.h"

namespace {

using namespace sluice::query;

void require(bool fact) {
  if (!fact) std::abort();
}

void lex_mysql(std::string_view text, bool backslash) {
  MysqlLexer lexer(text, backslash);
  const char* behind = text.data();
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    require(token.begin() >= behind);
    require(!token.text().empty() || token.kind == TokenKind::unterminated);
    behind = token.end();
    require(behind <= text.data() + text.size());
  }
}

void hold_promises(const Normalised& seen, std::string_view text, Dialect dialect, bool backslash) {
  require(seen.fingerprint == fingerprint_of(seen.text, dialect));
  require(seen.text.empty() || (seen.text.front() != ' ' && seen.text.back() != ' '));
  std::size_t behind = 0;
  std::string scratch;
  for (const Literal& literal : seen.literals) {
    require(literal.at >= behind && literal.size != 0);
    behind = std::size_t{literal.at} + literal.size;
    require(behind <= text.size());
    value_of(literal, text, dialect, backslash, scratch);
  }
  if (!seen.comment.empty()) {
    require(seen.comment.data() >= text.data() + 2 &&
            seen.comment.data() + seen.comment.size() + 2 <= text.data() + text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool backslash = (data[0] & 1U) != 0;
  const Dialect dialect = (data[0] & 2U) != 0 ? Dialect::mysql : Dialect::postgres;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  lex_mysql(text, backslash);

  Normaliser normaliser;
  const Normalised& seen = normaliser.read(text, dialect, backslash);
  if (seen.fault != nullptr) {
    require(seen.text.empty() && seen.literals.empty() && seen.comment.empty());
    return 0;
  }
  hold_promises(seen, text, dialect, backslash);

  // White space and comments around a text change nothing.
  const std::string padded = "/* c */\n" + std::string(text) + "\n/* d */\n;";
  Normaliser again;
  const Normalised& other = again.read(padded, dialect, backslash);
  if (padded.size() <= Normaliser::kMaxText) {
    require(other.fault == nullptr && other.text == seen.text && other.comment == " d ");
  }
  return 0;
}
