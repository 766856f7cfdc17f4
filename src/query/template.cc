// Templates: each statement but for its literals, once.
//
// A request comes here with every text, so a hit is a lock of one shard of 64, a look into a table and
// a comparison of bytes. Parsing is for whoever calls parse_queued().
#include <array>
#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "query/facts_postgres.h"
#include "sluice/query/facts.h"

namespace sluice::query {

namespace {

bool is_plain_dml(Verb verb) { return verb >= Verb::select && verb <= Verb::merge; }

// Whether every text of a template has this analysis. What an analysis says of a literal's value stands
// in its settings or its views, or it makes a setting unknown or the text unanalysed; a text without
// literals is the same statement whatever its letters and spaces.
bool holds_for_all(const Analysis& seen, bool has_literals) {
  if (!seen.settings.empty() || !seen.deallocates.empty()) return false;
  if (!has_literals) return true;
  return is_plain_dml(seen.verb) && seen.statements == 1 && !seen.pinned_by(PinCause::setting) &&
         !seen.pinned_by(PinCause::unanalysed);
}

std::unique_ptr<const Analysis> analysis_for_all(std::string_view text, bool has_literals,
                                                 Dialect dialect, bool backslash_escapes) {
  if (dialect != Dialect::postgres) return nullptr;
  Analysis seen = Analyzer().examine(text, backslash_escapes);
  if (!holds_for_all(seen, has_literals)) return nullptr;
  seen.deallocates = {};  // no view into a text that goes away
  return std::make_unique<const Analysis>(std::move(seen));
}

// In place of facts, for what nobody has time to parse.
const Facts* unparsed() {
  auto facts = std::make_unique<Facts>();
  facts->unanalysed = "too many new statements";
  return facts.release();
}

bool has_literals(const Example& example) {
  for (const SlotPlace& slot : example.slots) {
    if (slot.parameter == 0) return true;
  }
  return false;
}

}  // namespace

Template::Template(Fingerprint fingerprint, std::string_view normalised, Dialect dialect)
    : fingerprint_(fingerprint), text_(normalised), dialect_(dialect) {}

Template::~Template() { delete facts_.load(std::memory_order_acquire); }

struct Templates::Shelves {
  static constexpr std::size_t kShards = 64;

  struct Shard {
    std::mutex mutex;
    std::unordered_map<Fingerprint, std::weak_ptr<Template>> table;
    std::size_t purge_at = 64;
    std::uint64_t interned = 0;
  };

  Shard& shard_of(const Fingerprint& f) { return shards[f.high % kShards]; }

  // The one that is known; null: none, or another of the same fingerprint. REQUIRES: the shard's lock.
  static std::shared_ptr<Template> known(const Shard& shard, const Fingerprint& fingerprint) {
    const auto found = shard.table.find(fingerprint);
    return found != shard.table.end() ? found->second.lock() : nullptr;
  }

  // Puts `made` into its shard, unless another thread was faster.
  std::shared_ptr<Template> put(std::shared_ptr<Template> made);
  void purge(Shard& shard);
  bool enqueue(const std::shared_ptr<Template>& made);
  void set_facts(Template& made, const Facts* facts);
  void parse(Template& made);

  std::array<Shard, kShards> shards;
  std::function<void()> on_queued;
  std::mutex queue_mutex;
  std::deque<std::weak_ptr<Template>> queue;
  std::atomic<std::uint64_t> parsed = 0, unanalysed = 0;
};

std::shared_ptr<Template> Templates::Shelves::put(std::shared_ptr<Template> made) {
  Shard& shard = shard_of(made->fingerprint());
  const std::lock_guard lock(shard.mutex);
  std::weak_ptr<Template>& entry = shard.table[made->fingerprint()];
  if (auto other = entry.lock()) {
    // Of equal fingerprints the second has no place: its statement stays on its own.
    return other->text() == made->text() && other->dialect() == made->dialect() ? other : made;
  }
  entry = made;
  if (shard.table.size() > shard.purge_at) purge(shard);
  return made;
}

// Those that nobody holds any more. The table is at least half full of others afterwards, or small.
void Templates::Shelves::purge(Shard& shard) {
  std::erase_if(shard.table, [](const auto& entry) { return entry.second.expired(); });
  shard.purge_at = std::max<std::size_t>(64, shard.table.size() * 2);
}

bool Templates::Shelves::enqueue(const std::shared_ptr<Template>& made) {
  const std::lock_guard lock(queue_mutex);
  if (queue.size() >= kMaxQueued) return false;
  queue.push_back(made);
  if (queue.size() == 1 && on_queued) on_queued();
  return true;
}

// REQUIRES: it has none; only who took it from the queue, or made it, sets them.
void Templates::Shelves::set_facts(Template& made, const Facts* facts) {
  (facts->unanalysed.empty() ? parsed : unanalysed).fetch_add(1, std::memory_order_relaxed);
  made.facts_.store(facts, std::memory_order_release);
}

void Templates::Shelves::parse(Template& made) {
  auto facts = std::make_unique<Facts>(made.dialect() == Dialect::postgres
                                           ? facts_of(example_with_slots(made.text()))
                                           : parse_facts(example_of(made.text()), made.dialect()));
  set_facts(made, facts.release());
}

Templates::Templates() : shelves_(std::make_unique<Shelves>()) {}
Templates::~Templates() = default;

TemplateRef Templates::intern(const Normalised& normalised, std::string_view text, Dialect dialect,
                              bool backslash_escapes) {
  {
    Shelves::Shard& shard = shelves_->shard_of(normalised.fingerprint);
    const std::lock_guard lock(shard.mutex);
    ++shard.interned;
    auto known = Shelves::known(shard, normalised.fingerprint);
    if (known && known->text() == normalised.text && known->dialect() == dialect) return known;
  }
  auto made = std::make_shared<Template>(normalised.fingerprint, normalised.text, dialect);
  made->analysis_ =
      analysis_for_all(text, !normalised.literals.empty(), dialect, backslash_escapes);
  auto kept = shelves_->put(made);
  if (kept == made && !shelves_->enqueue(made)) shelves_->set_facts(*made, unparsed());
  return kept;
}

TemplateRef Templates::restore(std::string_view normalised, Dialect dialect) {
  const Fingerprint fingerprint = fingerprint_of(normalised, dialect);
  if (auto known = find(fingerprint); known && known->text() == normalised) return known;
  auto made = std::make_shared<Template>(fingerprint, normalised, dialect);
  const Example example = example_with_slots(normalised);
  made->analysis_ = analysis_for_all(example.text, has_literals(example), dialect, false);
  auto kept = shelves_->put(made);
  // There is time: it happens before there is traffic.
  if (kept == made && !shelves_->enqueue(made)) shelves_->parse(*made);
  return kept;
}

TemplateRef Templates::find(const Fingerprint& fingerprint) const {
  Shelves::Shard& shard = shelves_->shard_of(fingerprint);
  const std::lock_guard lock(shard.mutex);
  return Shelves::known(shard, fingerprint);
}

void Templates::on_queued(std::function<void()> wake) { shelves_->on_queued = std::move(wake); }

std::size_t Templates::parse_queued(std::size_t most) {
  std::size_t count = 0;
  for (; count < most; ++count) {
    std::weak_ptr<Template> next;
    {
      const std::lock_guard lock(shelves_->queue_mutex);
      if (shelves_->queue.empty()) break;
      next = std::move(shelves_->queue.front());
      shelves_->queue.pop_front();
    }
    if (const auto made = next.lock()) shelves_->parse(*made);
  }
  return count;
}

Templates::Counts Templates::counts() const {
  Counts counts{.parsed = shelves_->parsed.load(std::memory_order_relaxed),
                .unanalysed = shelves_->unanalysed.load(std::memory_order_relaxed)};
  for (Shelves::Shard& shard : shelves_->shards) {
    const std::lock_guard lock(shard.mutex);
    counts.interned += shard.interned;
    for (const auto& entry : shard.table) counts.templates += entry.second.expired() ? 0 : 1;
  }
  const std::lock_guard lock(shelves_->queue_mutex);
  counts.queued = shelves_->queue.size();
  return counts;
}

}  // namespace sluice::query
