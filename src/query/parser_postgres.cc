#include "query/parser_postgres.h"

#include <algorithm>
#include <vector>

#include <pg_query.h>
#include <pthread.h>

#include "query/lexer_postgres.h"
#include "query/words_postgres.h"

namespace sluice::query {

namespace {

// On the caller's stack: a level takes 650 bytes at most without optimisation and some 2 KB with sanitizers
// (measured).
constexpr std::size_t kShallow = 64;
// Much more for each level. Only what is touched takes memory.
constexpr std::size_t kBigStack = kMaxDepth * 8192;

bool is_set_operation(const Token& token) {
  if (token.kind != TokenKind::identifier) return false;
  const Word word = word_of(token.text());
  return word == Word::union_ || word == Word::intersect || word == Word::except;
}

std::string message_of(const PgQueryError& error) {
  return error.message != nullptr ? error.message : "unknown error";
}

std::string parse(const std::string& text, const std::function<void(const Tree&)>& use) {
  const PgQueryParseResult result = pg_query_parse(text.c_str());
  std::string reason;
  if (result.error != nullptr) {
    reason = message_of(*result.error);
  } else if (const auto tree = Tree::read(result.parse_tree)) {
    use(*tree);
  } else {
    reason = "unreadable parse tree";
  }
  pg_query_free_parse_result(result);
  return reason;
}

struct Job {
  const std::string& text;
  const std::function<void(const Tree&)>& use;
  std::string reason;
};

void* run(void* argument) {
  auto& job = *static_cast<Job*>(argument);
  job.reason = parse(job.text, job.use);
  return nullptr;
}

}  // namespace

std::size_t depth_bound(std::string_view text) {
  std::vector<std::size_t> outside;  // the depth at each parenthesis that is open
  std::size_t depth = 0, deepest = 0, chained = 0;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != TokenKind::end; token = lexer.next()) {
    const bool opens = token.kind == TokenKind::open_paren || token.text() == "[";
    const bool closes = token.kind == TokenKind::close_paren || token.text() == "]";
    if (closes && !outside.empty()) {
      depth = outside.back();
      outside.pop_back();
    } else if (token.kind == TokenKind::comma || token.kind == TokenKind::semicolon) {
      depth = outside.empty() ? 0 : outside.back();
    }
    ++depth;
    if (opens) outside.push_back(depth);
    if (is_set_operation(token)) ++chained;
    deepest = std::max(deepest, depth);
  }
  return deepest + chained;
}

std::string with_tree(const std::string& text, const std::function<void(const Tree&)>& use) {
  if (text.contains('\0')) return "invalid character";
  const std::size_t depth = depth_bound(text);
  if (depth > kMaxDepth) return "too deep";
  if (depth <= kShallow) return parse(text, use);
  Job job{text, use, {}};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  const bool started = pthread_attr_setstacksize(&attributes, kBigStack) == 0 &&
                       pthread_create(&thread, &attributes, &run, &job) == 0;
  pthread_attr_destroy(&attributes);
  if (!started) return "no memory for a stack";
  pthread_join(thread, nullptr);
  return job.reason;
}

}  // namespace sluice::query
