#include "session/postgres_popular.h"

#include <utility>

namespace sluice::postgres {

bool PopularText::prepares() {
  if (reverted_) return false;
  ++seen_;
  return seen_ > kOften && seen_ % kCompare != 0;
}

bool PopularText::measured(bool prepared, Duration took) {
  if (reverted_) return false;
  if (!prepared) {
    plain_.add(took);
    if (plain_.count == 4 * kPlain) plain_ = {plain_.count / 2, plain_.total / 2};
    return false;
  }
  if (seen_ < 4 * kOften || plain_.count < kPlain) return false;  // at first each has its own plan
  const Duration far = 2 * plain_.mean() + kSlack;
  prepared_.add(took);
  far_ += took > far;
  bool slower = false;
  if (++window_ == kWindow) {
    slower = 2 * far_ > kWindow;
    window_ = far_ = 0;
  }
  if (prepared_.count == kJudged) {
    slower |= prepared_.mean() > far;
    prepared_ = {};
  }
  return slower && !std::exchange(reverted_, true);
}

bool PopularText::failed() {
  return ++failures_ >= kMostFailures && !std::exchange(reverted_, true);
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
