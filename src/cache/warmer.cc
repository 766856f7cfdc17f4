// Which task is due, and running it outside the lock.
#include "sluice/cache/warmer.h"

#include <algorithm>

#include "cache/flights.h"

namespace sluice::cache {

namespace {

std::unexpected<Error> wrong(const WarmTask& task, std::string_view what) {
  return fail(Code::invalid_argument, "warming task \"" + task.name + "\": " + std::string(what));
}

Result<void> check(const WarmTask& task) {
  if (task.name.empty()) return wrong(task, "needs a name");
  if (task.keys.empty() && !task.list) return wrong(task, "needs keys or a list that names them");
  if (!task.load) return wrong(task, "needs a load function");
  if (const auto* every = std::get_if<Duration>(&task.schedule);
      every && *every < std::chrono::seconds(1))
    return wrong(task, "its interval has to be 1 s at least");
  return {};
}

// What the task's list says now; none if it has no list.
Result<std::vector<std::string>> list_keys(const WarmTask& task) {
  if (!task.list) return {};
  try {
    return task.list();
  } catch (const std::exception& thrown) {
    return fail(Code::internal, std::string("the list of keys threw ") + thrown.what());
  } catch (...) {
    return fail(Code::internal, "the list of keys threw something that is no std::exception");
  }
}

}  // namespace

Moment moment() {
  return {now(), std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
}

struct Warmer::Entry {
  explicit Entry(WarmTask its_task) : task(std::move(its_task)) {}

  const WarmTask task;
  Time next{};           // for intervals
  WallTime next_wall{};  // for cron lines; for intervals what it comes to
  bool hurried = false, running = false, removed = false;
  WarmStatus status;
};

// ---- tasks -----------------------------------------------------------------------------------------

void Warmer::plan(Entry& entry, const Moment& at) {
  if (const auto* every = std::get_if<Duration>(&entry.task.schedule)) {
    entry.next = deadline_after(at.now, *every);
    entry.next_wall = at.wall + std::chrono::ceil<std::chrono::seconds>(*every);
  } else {
    entry.next_wall = std::get<Cron>(entry.task.schedule).next(at.wall);
  }
}

bool Warmer::due(const Entry& entry, const Moment& at) {
  if (entry.running) return false;
  if (entry.hurried) return true;
  return std::holds_alternative<Duration>(entry.task.schedule) ? at.now >= entry.next
                                                               : at.wall >= entry.next_wall;
}

std::shared_ptr<Warmer::Entry> Warmer::find(std::string_view name) const {
  const auto at =
      std::ranges::find_if(entries_, [&](const auto& e) { return e->task.name == name; });
  return at == entries_.end() ? nullptr : *at;
}

Result<void> Warmer::add(WarmTask task, const Moment& at) {
  if (auto holds = check(task); !holds) return holds;
  auto entry = std::make_shared<Entry>(std::move(task));
  entry->status.name = entry->task.name;
  entry->hurried = entry->task.at_once;
  plan(*entry, at);
  std::lock_guard lock(mutex_);
  if (find(entry->task.name)) return wrong(entry->task, "is there already; remove it first");
  entries_.push_back(std::move(entry));
  return {};
}

bool Warmer::remove(std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto entry = find(name);
  if (!entry) return false;
  entry->removed = true;
  std::erase(entries_, entry);
  return true;
}

bool Warmer::hurry(std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto entry = find(name);
  if (!entry) return false;
  entry->hurried = true;
  return true;
}

std::vector<WarmStatus> Warmer::status() const {
  std::lock_guard lock(mutex_);
  std::vector<WarmStatus> all;
  for (const auto& entry : entries_) {
    all.push_back(entry->status);
    all.back().running = entry->running;
    all.back().next_run = entry->next_wall;
  }
  return all;
}

Duration Warmer::until_due(const Moment& at) const {
  std::lock_guard lock(mutex_);
  Duration least = Duration::max();
  for (const auto& entry : entries_) {
    if (entry->running) continue;
    if (due(*entry, at)) return Duration::zero();
    if (std::holds_alternative<Duration>(entry->task.schedule))
      least = std::min(least, entry->next - at.now);
    else if (entry->next_wall - at.wall < std::chrono::hours(24 * 365))
      least = std::min(least, Duration(entry->next_wall - at.wall));
  }
  return least;
}

// ---- running ---------------------------------------------------------------------------------------

std::shared_ptr<Warmer::Entry> Warmer::take_due(const Moment& at) {
  std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(entries_, [&](const auto& e) { return due(*e, at); });
  if (found == entries_.end()) return nullptr;
  const std::shared_ptr<Entry> entry = *found;
  entry->hurried = false;
  entry->running = true;
  entry->status.last_run = at.wall;
  entry->status.last_error.clear();
  ++entry->status.runs;
  plan(*entry, at);
  return entry;
}

std::size_t Warmer::run_due(const Moment& at, const std::stop_token& stop) {
  std::size_t loaded = 0;
  while (const std::shared_ptr<Entry> entry = stop.stop_requested() ? nullptr : take_due(at)) {
    loaded += run(*entry, at, stop);
    std::lock_guard lock(mutex_);
    entry->running = false;
  }
  return loaded;
}

void Warmer::note(Entry& entry, const Result<void>& result) {
  std::lock_guard lock(mutex_);
  ++(result ? entry.status.loaded : entry.status.failed);
  if (!result) entry.status.last_error = result.error().text();
}

std::size_t Warmer::run(Entry& entry, const Moment& at, const std::stop_token& stop) {
  const WarmTask& task = entry.task;
  const Time start = clock_();
  std::vector<std::string> keys = task.keys;
  if (const auto more = list_keys(task))
    keys.insert(keys.end(), more->begin(), more->end());
  else
    note(entry, std::unexpected(more.error()));
  const auto gone = [&] {
    std::lock_guard lock(mutex_);
    return entry.removed || stop.stop_requested();
  };
  std::size_t loaded = 0;
  const std::vector<std::string_view> tags = views(task.tags);
  for (const std::string& key : keys) {
    if (gone()) break;
    const Time now_here = at.now + std::max(Duration::zero(), clock_() - start);
    const Result<void> result =
        cache_.refresh(task.space, key, now_here, [&] { return task.load(key); }, {.tags = tags});
    loaded += result.has_value();
    note(entry, result);
  }
  return loaded;
}

// ---- WarmerThread ----------------------------------------------------------------------------------

WarmerThread::WarmerThread(Warmer& warmer)
    : warmer_(warmer), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          warmer_.run_due(moment(), stop);
          const Duration pause = std::clamp<Duration>(
              warmer_.until_due(moment()), std::chrono::milliseconds(1), std::chrono::seconds(1));
          std::unique_lock lock(mutex_);
          stopped_.wait_for(lock, stop, pause, [] { return false; });
        }
      }) {}

}  // namespace sluice::cache
