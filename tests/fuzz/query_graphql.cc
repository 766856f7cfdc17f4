// Any bytes as a GraphQL document: what is read can be written and read again to the same document,
// with the same shapes; what isn't read is an error with a reason.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sluice/query/graphql.h"

namespace {

void require(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::query::graphql;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sluice::Result<Document> document = parse(text, {.max_tokens = 10'000, .max_depth = 100});
  if (!document) {
    require(!document.error().detail.empty());
    return 0;
  }

  // An anonymous `{` is written as `query {`: one token more.
  const std::string printed = print(*document);
  const sluice::Result<Document> again = parse(printed, {.max_tokens = 10'001, .max_depth = 100});
  require(again.has_value() && *again == *document && print(*again) == printed);
  require(!document->operations.empty() || !document->fragments.empty());

  for (std::size_t i = 0; i < document->operations.size() && i < 10; ++i) {
    const Operation& operation = document->operations[i];
    const Normalised a = normalise(*document, operation);
    const Normalised b = normalise(*again, again->operations[i]);
    require(a.text == b.text && a.fingerprint == b.fingerprint && a.exact == b.exact);
    require(a.literals == b.literals);
    const Summary summary = summarise(*document, operation);
    require(summary.size.fields >= summary.size.depth);
    require(summary.size.fields >= summary.top_fields.size());
    require(operation.name.empty() || *choose(*document, operation.name) == &operation);
    for (const Variable& v : operation.variables) {
      if (v.fallback) (void)value_of(*v.fallback);
    }
    for (const Directive& d : operation.directives) {
      for (const Value& v : d.arguments) (void)value_of(v);
    }
    for (const Selection& s : operation.selections) {
      for (const Value& v : s.arguments) (void)value_of(v);
    }
  }
  return 0;
}
