// GraphQL requests told apart by what they ask for: no gateway, no schema.
//
// Four documents as clients send them. The first two differ in literals, blanks, commas and a comment:
// one shape. The third asks for more, the fourth runs in a circle and is told where.
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/query/graphql.h"

namespace graphql = sluice::query::graphql;

namespace {

constexpr std::string_view kRequests[] = {
    "query Friends { user(id: 4) { name friends(first: 10) { ...Person } } }"
    "fragment Person on User { name avatar(size: 64) }",
    "# from the telephone\n"
    "fragment Person on User { name, avatar(size: 128) }\n"
    "query Friends { user(id: 7) { name, friends(first: 25) { ...Person } } }",
    "query Friends { user(id: 4) { name friends(first: 10) { ...Person friends { name } } } }"
    "fragment Person on User { name avatar(size: 64) }",
    "query Circle { user(id: 4) { ...Person } }\n"
    "fragment Person on User { name friends { ...Person } }",
};

}  // namespace

int main() {
  std::map<std::string, int> calls;
  std::string refused;
  for (const std::string_view text : kRequests) {
    const auto document = graphql::parse(text);
    if (!document) {
      refused = document.error().detail;
      std::printf("refused: %s\n", refused.c_str());
      continue;
    }
    const auto operation = graphql::choose(*document, std::nullopt);
    if (!operation) return 1;
    const graphql::Summary asked = graphql::summarise(*document, **operation);
    const graphql::Normalised shape = graphql::normalise(*document, **operation);
    std::printf("%s %.*s: %llu fields, depth %llu, %zu literals\n  %s\n  %s\n",
                std::string(name_of(asked.type)).c_str(), static_cast<int>(asked.name.size()),
                asked.name.data(), static_cast<unsigned long long>(asked.size.fields),
                static_cast<unsigned long long>(asked.size.depth), shape.literals.size(),
                shape.fingerprint.text().c_str(), shape.text.c_str());
    ++calls[shape.text];
  }
  const bool told = refused == "2:45: expected no cycle of fragments, this closes Person -> Person";
  return told && calls.size() == 2 && calls.begin()->second + calls.rbegin()->second == 3 ? 0 : 1;
}
