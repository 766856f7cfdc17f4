#include "session/postgres_popular.h"

namespace sluice::postgres {

bool PopularText::prepares() {
  if (reverted_) return false;
  ++seen_;
  return seen_ > kOften && seen_ % kCompare != 0;
}

void PopularText::measured(bool prepared, Duration took) {
  Duration& mean = prepared ? prepared_ : plain_;
  mean = mean < Duration::zero() ? took : mean + (took - mean) / 8;
  if (!prepared || ++measured_ < kJudged || plain_ < Duration::zero()) return;
  reverted_ = prepared_ > 2 * plain_ + kSlack;
}

PopularText& PopularTexts::place(const Hash128& hash) {
  if (places_.empty()) places_.resize(kPlaces);
  return places_[hash.low % kPlaces];
}

PopularText& PopularTexts::of(const Hash128& hash) {
  PopularText& text = place(hash);
  if (text.hash_ == hash) return text;
  text = PopularText();
  text.hash_ = hash;
  return text;
}

PopularText* PopularTexts::find(const Hash128& hash) {
  PopularText& text = place(hash);
  return text.hash_ == hash ? &text : nullptr;
}

void PopularTexts::forget(const Statement& statement) {
  for (PopularText& text : places_)
    if (text.statement.get() == &statement) text.statement.reset();
}

}  // namespace sluice::postgres
