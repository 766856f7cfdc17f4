#include "sluice/query/examiner.h"

#include "base/hash.h"

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
  Remembered* before = nullptr;  // where this text is or will be
  if (text.size() <= kLongest && text.find('$') != std::string_view::npos) {
    before = &place_of(text);
    if (before->statement && before->text == text && before->backslash_escapes == backslash_escapes)
      return as_before(*before, text);
  }
  const Normalised& normalised = normaliser_.read(text, Dialect::postgres, backslash_escapes);
  if (normalised.fault)
    return {.analysis = analyzer_.examine(text, backslash_escapes), .fault = normalised.fault};
  const TemplateRef& statement = find(normalised, text, backslash_escapes);
  const Analysis* known = statement->analysis();
  if (before && known && normalised.literals.size() <= kMostLiterals) {
    const std::string_view comment = normalised.comment;
    before->text = text;
    before->backslash_escapes = backslash_escapes;
    before->statement = statement;
    before->literals.assign(normalised.literals.begin(), normalised.literals.end());
    before->comment = comment.empty() ? 0 : static_cast<std::size_t>(comment.data() - text.data());
    before->comment_size = comment.size();
  }
  return {.analysis = known ? *known : analyzer_.examine(text, backslash_escapes),
          .statement = &statement,
          .literals = normalised.literals,
          .comment = normalised.comment};
}

Examiner::Remembered& Examiner::place_of(std::string_view text) {
  if (remembered_.empty()) remembered_.resize(kRemembered);
  return remembered_[hash64(text) % kRemembered];
}

Seen Examiner::as_before(const Remembered& before, std::string_view text) {
  return {.analysis = *before.statement->analysis(),
          .statement = &before.statement,
          .literals = before.literals,
          .comment = text.substr(before.comment, before.comment_size)};
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
