#include "sluice/query/examiner.h"

namespace sluice::query {
namespace {

std::string_view moved(std::string_view view, std::string_view from, std::string_view to) {
  if (view.empty()) return {};
  return to.substr(static_cast<std::size_t>(view.data() - from.data()), view.size());
}

}  // namespace

Known keep(Known known, std::string_view of, std::string_view kept) {
  known.analysis.deallocates = moved(known.analysis.deallocates, of, kept);
  known.comment = moved(known.comment, of, kept);
  return known;
}

Known keep(Seen seen, std::string_view of, std::string_view kept) {
  Known known{.analysis = std::move(seen.analysis),
              .statement = seen.statement ? *seen.statement : nullptr,
              .literals = {seen.literals.begin(), seen.literals.end()},
              .comment = seen.comment,
              .fault = seen.fault};
  return keep(std::move(known), of, kept);
}

Seen Examiner::examine(std::string_view text, bool backslash_escapes) {
  if (!templates_ || !recognises_.load(std::memory_order_relaxed))
    return {.analysis = analyzer_.examine(text, backslash_escapes)};
  const Normalised& normalised = normaliser_.read(text, Dialect::postgres, backslash_escapes);
  if (normalised.fault)
    return {.analysis = analyzer_.examine(text, backslash_escapes), .fault = normalised.fault};
  const TemplateRef& statement = find(normalised, text, backslash_escapes);
  const Analysis* known = statement->analysis();
  return {.analysis = known ? *known : analyzer_.examine(text, backslash_escapes),
          .statement = &statement,
          .literals = normalised.literals,
          .comment = normalised.comment};
}

const TemplateRef& Examiner::find(const Normalised& normalised, std::string_view text,
                                  bool backslash) {
  if (recent_.empty()) recent_.resize(kRecent);
  TemplateRef& place = recent_[normalised.fingerprint.low % kRecent];
  if (place && place->fingerprint() == normalised.fingerprint && place->text() == normalised.text)
    return place;
  place = templates_->intern(normalised, text, Dialect::postgres, backslash);
  return place;
}

}  // namespace sluice::query
