// Examiner: what the query stage says of a text that comes: its effects and which statement it is.
//
//   query::Templates templates;
//   query::Examiner examiner(&templates);                       // one for each worker
//   query::Seen seen = examiner.examine("select * from t where id = 7");
//   // seen.analysis.verb == Verb::select, (*seen.statement)->text() == "select * from t where id = ?"
//
// A text is read once if its statement has been seen before by this worker: the effects come with
// the template then. That is nearly always. A text with parameters ($1) that came before, byte for byte, isn't
// read at all.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query.h"
#include "sluice/query/facts.h"
#include "sluice/query/fingerprint.h"

namespace sluice::query {

// Views hold until the next examine() of the same examiner, and as long as the text.
struct Seen {
  Analysis analysis;
  const TemplateRef* statement = nullptr;  // null: it has none, see fault
  std::span<const Literal> literals;
  std::string_view comment;     // as Normalised has it
  const char* fault = nullptr;  // Normalised::fault
};

// The same, to be kept with a copy of the text.
struct Known {
  Analysis analysis;  // its views point into the kept text
  TemplateRef statement;
  std::vector<Literal> literals;
  std::string_view comment;  // of the kept text
  const char* fault = nullptr;
};
// `of`: the text that was examined; `kept`: a copy of it that will live as long as the result.
Known keep(Seen seen, std::string_view of, std::string_view kept);
Known keep(Known known, std::string_view of, std::string_view kept);

// One worker.
class Examiner {
 public:
  // Without templates, or switched off, texts are examined for their effects only.
  explicit Examiner(Templates* templates = nullptr) : templates_(templates) {}

  Seen examine(std::string_view text, bool backslash_escapes = false);
  // Thread-safe.
  void recognise(bool on) { recognises_.store(on, std::memory_order_relaxed); }

 private:
  // A text that came before, and what it was.
  struct Remembered {
    std::string text;
    bool backslash_escapes = false;
    TemplateRef statement;
    std::vector<Literal> literals;
    std::size_t comment = 0, comment_size = 0;
  };

  const TemplateRef& find(const Normalised& normalised, std::string_view text, bool backslash);
  Remembered& place_of(std::string_view text);
  Seen as_before(const Remembered& before, std::string_view text);

  // The templates met last, by the low bits of their fingerprints: found without a lock.
  static constexpr std::size_t kRecent = 2048;
  static constexpr std::size_t kRemembered = 512, kLongest = 1024;  // texts; bytes of one
  static constexpr std::size_t kMostLiterals = 32;

  Templates* templates_;
  std::atomic<bool> recognises_ = true;
  Analyzer analyzer_;
  Normaliser normaliser_;
  std::vector<TemplateRef> recent_;
  std::vector<Remembered> remembered_;  // by hash
};

}  // namespace sluice::query
