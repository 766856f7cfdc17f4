// The registry's books: families, their label sets, callbacks, and the snapshot of all.
//
// Two locks, always in this order: `asking` is held while callbacks run and while one is taken out,
// so that a released registration is never called; `books` guards the maps and is never held while
// foreign code runs, so a callback may itself bind metrics.
#include "monitor/metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "base/parse.h"

namespace sluice::monitor {
namespace {

constexpr std::string_view kOverflow = "__overflow__";

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool valid_name(std::string_view name, bool colons) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::ranges::all_of(
      name, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || (colons && c == ':'); });
}

// Empty if Prometheus would take it.
std::string objection(MetricType type, std::string_view name, const Labels& labels) {
  if (!valid_name(name, true))
    return fmt::format("metric name {} isn't valid", sluice::quoted(name));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string& label = labels[i].first;
    if (!valid_name(label, false) || label.starts_with("__") ||
        (type == MetricType::histogram && label == "le"))
      return fmt::format("metric {}: label name {} isn't valid", name, sluice::quoted(label));
    if (i > 0 && labels[i - 1].first == label)
      return fmt::format("metric {}: label {} is given twice", name, label);
  }
  return {};
}

struct Metric {
  Labels labels;
  std::uint32_t slot = 0;  // of a counter or histogram
  std::unique_ptr<std::atomic<double>> gauge;
  std::map<std::uint64_t, std::function<double()>> functions;
  bool by_function = false;
};

struct Family {
  std::string help;
  MetricType type{};
  Unit unit = Unit::plain;
  std::map<Labels, Metric> metrics;
};

struct Request {
  MetricType type;
  std::string_view name, help;
  Labels labels;
  Unit unit = Unit::plain;
  bool by_function = false;
};

std::string_view name_of(MetricType type) {
  constexpr std::array<std::string_view, 3> kNames{"counter", "gauge", "histogram"};
  return kNames[static_cast<std::size_t>(type)];
}

HistogramSnapshot read_histogram(const SlotTable& table, std::uint32_t first, Unit unit) {
  std::vector<std::uint64_t> row(2 + BucketScale::kCells);
  table.sum(first, row);
  HistogramSnapshot out{.unit = unit, .raw_sum = row[0], .zeros = row[1]};
  const auto cells = std::span(row).subspan(2);
  out.count = out.zeros;
  std::size_t lowest = cells.size(), end = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i] == 0) continue;
    lowest = std::min(lowest, i);
    end = i + 1;
    out.count += cells[i];
  }
  if (end == 0) return out;
  out.first = static_cast<int>(lowest) + BucketScale::of(unit).first_index();
  out.buckets.assign(cells.begin() + static_cast<std::ptrdiff_t>(lowest),
                     cells.begin() + static_cast<std::ptrdiff_t>(end));
  return out;
}

}  // namespace

struct Registry::Core {
  const std::size_t label_cap;
  const std::shared_ptr<SlotTable> slots = SlotTable::make();

  std::mutex asking;
  std::map<std::uint64_t, std::function<void()>> refreshers;  // under asking

  std::mutex books;
  std::map<std::string, Family, std::less<>> families;
  std::set<std::string> errors;
  std::uint64_t next_id = 1;

  // The metric asked for, made if it is new; null with an entry in errors. REQUIRES: books held.
  Metric* find_or_make(Request& ask) {
    std::ranges::sort(ask.labels);
    if (auto wrong = objection(ask.type, ask.name, ask.labels); !wrong.empty())
      return refuse(wrong);
    auto [it, fresh] = families.try_emplace(std::string(ask.name));
    Family& family = it->second;
    if (fresh) {
      family.help = ask.help;
      family.type = ask.type;
      family.unit = ask.unit;
    } else if (family.type != ask.type || family.unit != ask.unit) {
      return refuse(
          fmt::format("metric {} is a {} already, of one unit", ask.name, name_of(family.type)));
    }
    return find_or_make_in(family, ask);
  }

  Metric* find_or_make_in(Family& family, Request& ask) {
    auto it = family.metrics.find(ask.labels);
    if (it == family.metrics.end()) {
      if (family.metrics.size() >= label_cap)
        for (auto& label : ask.labels) label.second = kOverflow;
      bool fresh = false;
      std::tie(it, fresh) = family.metrics.try_emplace(ask.labels);
      if (fresh && !prepare(it->second, ask)) {
        family.metrics.erase(it);
        return refuse(fmt::format("no room for metric {}", ask.name));
      }
    }
    if (it->second.by_function != ask.by_function)
      return refuse(fmt::format("metric {} is kept by a function and by a handle", ask.name));
    return &it->second;
  }

  // False when the slots are used up.
  bool prepare(Metric& metric, const Request& ask) {
    metric.labels = ask.labels;
    metric.by_function = ask.by_function;
    if (ask.by_function) return true;
    if (ask.type == MetricType::gauge) {
      metric.gauge = std::make_unique<std::atomic<double>>(0);
      return true;
    }
    const auto slot = ask.type == MetricType::counter ? slots->reserve_one()
                                                      : slots->reserve_row(2 + BucketScale::kCells);
    metric.slot = slot.value_or(0);
    return slot.has_value();
  }

  Metric* refuse(std::string why) {
    errors.insert(std::move(why));
    return nullptr;
  }

  void drop_function(const std::string& name, const Labels& labels, std::uint64_t id) {
    std::scoped_lock lock(asking, books);
    const auto family = families.find(name);
    if (family == families.end()) return;
    const auto metric = family->second.metrics.find(labels);
    if (metric == family->second.metrics.end()) return;
    metric->second.functions.erase(id);
    if (metric->second.functions.empty()) family->second.metrics.erase(metric);
  }

  // REQUIRES: books held. Values of functions are left for later, in `to_ask`.
  FamilySnapshot read(const std::string& name, const Family& family,
                      std::vector<const Metric*>& to_ask) const {
    FamilySnapshot out{name, family.help, family.type, family.unit, {}};
    for (const auto& [labels, metric] : family.metrics) {
      Sample sample{labels, 0.0};
      if (metric.by_function) {
        to_ask.push_back(&metric);
      } else if (family.type == MetricType::counter) {
        sample.value = slots->sum(metric.slot);
      } else if (family.type == MetricType::gauge) {
        sample.value = metric.gauge->load(std::memory_order_relaxed);
      } else {
        sample.value = read_histogram(*slots, metric.slot, family.unit);
      }
      if (!metric.by_function) to_ask.push_back(nullptr);
      out.samples.push_back(std::move(sample));
    }
    return out;
  }
};

HistogramSnapshot Histogram::snapshot() const {
  return table_ ? read_histogram(*table_, first_, unit_) : HistogramSnapshot{.unit = unit_};
}

Registry::Registry(std::size_t label_cap) : core_(std::make_shared<Core>(label_cap)) {}
Registry::~Registry() = default;

Counter Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard lock(core_->books);
  Request ask{MetricType::counter, name, help, std::move(labels)};
  const Metric* metric = core_->find_or_make(ask);
  return metric ? Counter(core_->slots.get(), metric->slot) : Counter();
}

Gauge Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard lock(core_->books);
  Request ask{MetricType::gauge, name, help, std::move(labels)};
  const Metric* metric = core_->find_or_make(ask);
  return metric ? Gauge(metric->gauge.get()) : Gauge();
}

Histogram Registry::histogram(std::string_view name, std::string_view help, Labels labels,
                              Unit unit) {
  std::lock_guard lock(core_->books);
  Request ask{MetricType::histogram, name, help, std::move(labels), unit};
  const Metric* metric = core_->find_or_make(ask);
  return metric ? Histogram(core_->slots.get(), metric->slot, unit) : Histogram();
}

Registration Registry::gauge_fn(std::string_view name, std::string_view help, Labels labels,
                                std::function<double()> value) {
  return add_function(MetricType::gauge, name, help, std::move(labels), std::move(value));
}

Registration Registry::counter_fn(std::string_view name, std::string_view help, Labels labels,
                                  std::function<double()> value) {
  return add_function(MetricType::counter, name, help, std::move(labels), std::move(value));
}

Registration Registry::add_function(MetricType type, std::string_view name, std::string_view help,
                                    Labels labels, std::function<double()> value) {
  std::scoped_lock lock(core_->asking, core_->books);
  Request ask{type, name, help, std::move(labels), Unit::plain, true};
  Metric* metric = core_->find_or_make(ask);
  if (!metric) return {};
  const std::uint64_t id = core_->next_id++;
  metric->functions.emplace(id, std::move(value));
  return Registration(
      [weak = std::weak_ptr(core_), key = std::string(name), at = metric->labels, id] {
        if (auto core = weak.lock()) core->drop_function(key, at, id);
      });
}

Registration Registry::before_collect(std::function<void()> refresh) {
  std::scoped_lock lock(core_->asking, core_->books);
  const std::uint64_t id = core_->next_id++;
  core_->refreshers.emplace(id, std::move(refresh));
  return Registration([weak = std::weak_ptr(core_), id] {
    auto core = weak.lock();
    if (!core) return;
    std::lock_guard asking(core->asking);
    core->refreshers.erase(id);
  });
}

std::vector<FamilySnapshot> Registry::collect() const {
  std::lock_guard asking(core_->asking);
  for (const auto& [id, refresh] : core_->refreshers) refresh();
  std::vector<FamilySnapshot> out;
  std::vector<const Metric*> to_ask;  // one for each sample, null where the value is known
  {
    std::lock_guard books(core_->books);
    for (const auto& [name, family] : core_->families)
      if (!family.metrics.empty()) out.push_back(core_->read(name, family, to_ask));
  }
  std::size_t next = 0;
  for (FamilySnapshot& family : out) {
    for (Sample& sample : family.samples) {
      const Metric* metric = to_ask[next++];
      if (!metric) continue;
      double total = 0;
      for (const auto& [id, function] : metric->functions) total += function();
      sample.value = total;
    }
  }
  return out;
}

std::vector<Error> Registry::errors() const {
  std::lock_guard lock(core_->books);
  std::vector<Error> out;
  for (const std::string& detail : core_->errors)
    out.push_back({Code::invalid_argument, 0, detail});
  return out;
}

}  // namespace sluice::monitor
