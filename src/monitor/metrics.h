// Registry: the metrics of one gateway (or one test), bound at start and read once a second.
//
//   Registry registry;
//   Counter hits = registry.counter("sluice_cache_hits_total", "Requests answered from the cache.",
//                                   {{"listener", "app"}});
//   hits.add();                                             // 1 ns, from any thread
//   Histogram wait = registry.histogram("sluice_pool_wait_seconds", "Time until a lease.", {});
//   wait.record(now() - asked);
//
// The same name and labels give the same metric. A name that is taken by another type, or that
// Prometheus wouldn't accept, gives a handle that counts nowhere and a line in errors(): a metric
// must not bring a gateway down. Each family has a bound on label sets (default 1000); what
// comes beyond is counted together under the value __overflow__.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "monitor/slots.h"
#include "sluice/monitor/histogram.h"
#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::monitor {

using Labels = std::vector<std::pair<std::string, std::string>>;
enum class MetricType : std::uint8_t { counter, gauge, histogram };

// Handles: small, copied at will, from any thread, valid while the registry lives. One made without
// a registry counts nowhere.
class Counter {
 public:
  Counter() = default;
  void add(std::uint64_t n = 1) const { SlotTable::add(table_, slot_, n); }
  std::uint64_t value() const { return table_ ? table_->sum(slot_) : 0; }

 private:
  friend class Registry;
  Counter(SlotTable* table, std::uint32_t slot) : table_(table), slot_(slot) {}
  SlotTable* table_ = nullptr;
  std::uint32_t slot_ = 0;
};

class Gauge {
 public:
  Gauge() = default;
  void set(double v) const {
    if (value_) value_->store(v, std::memory_order_relaxed);
  }
  void add(double v) const {
    if (value_) value_->fetch_add(v, std::memory_order_relaxed);
  }
  double value() const { return value_ ? value_->load(std::memory_order_relaxed) : 0; }

 private:
  friend class Registry;
  explicit Gauge(std::atomic<double>* value) : value_(value) {}
  std::atomic<double>* value_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  // A duration, for Unit::seconds. Negative ones count as 0.
  void record(Duration d) const {
    record(static_cast<std::uint64_t>(d.count() > 0 ? d.count() : 0));
  }
  // A raw value: nanoseconds, bytes or a plain number.
  void record(std::uint64_t raw) const {
    SlotTable::add(table_, first_, raw);
    SlotTable::add(table_, first_ + (raw > 0 ? kCells + scale_->cell(raw) : kZeros), 1);
  }
  HistogramSnapshot snapshot() const;

 private:
  friend class Registry;
  // The row of slots: the sum of raw values, the zeros, then BucketScale's cells.
  static constexpr std::uint32_t kZeros = 1, kCells = 2;

  Histogram(SlotTable* table, std::uint32_t first, Unit unit)
      : table_(table), scale_(&BucketScale::of(unit)), first_(first), unit_(unit) {}
  SlotTable* table_ = nullptr;
  const BucketScale* scale_ = &BucketScale::of(Unit::plain);
  std::uint32_t first_ = 0;
  Unit unit_ = Unit::plain;
};

// Keeps a callback in the registry; its destructor takes it out, after which it isn't called again.
class Registration {
 public:
  Registration() = default;
  explicit Registration(std::function<void()> undo) : undo_(std::move(undo)) {}
  Registration(Registration&& other) noexcept : undo_(std::exchange(other.undo_, nullptr)) {}
  Registration& operator=(Registration&& other) noexcept {
    release();
    undo_ = std::exchange(other.undo_, nullptr);
    return *this;
  }
  ~Registration() { release(); }

  explicit operator bool() const { return undo_ != nullptr; }
  void release() {
    if (auto undo = std::exchange(undo_, nullptr)) undo();
  }

 private:
  std::function<void()> undo_;
};

struct Sample {
  Labels labels;  // sorted by name
  std::variant<std::uint64_t, double, HistogramSnapshot> value;
};

struct FamilySnapshot {
  std::string name, help;
  MetricType type = MetricType::counter;
  Unit unit = Unit::plain;
  std::vector<Sample> samples;  // sorted by labels
};

// Thread-safe.
class Registry {
 public:
  explicit Registry(std::size_t label_cap = 1000);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram histogram(std::string_view name, std::string_view help, Labels labels = {},
                      Unit unit = Unit::seconds);

  // Values that somebody else keeps, asked for at each collect(). Several functions of one name and
  // labels add up (each worker's pool, say). Functions may bind metrics but not
  // collect, and not register or release functions.
  Registration gauge_fn(std::string_view name, std::string_view help, Labels labels,
                        std::function<double()> value);
  // The same for a number that only grows.
  Registration counter_fn(std::string_view name, std::string_view help, Labels labels,
                          std::function<double()> value);
  // Runs before the functions above are asked, to read once what several of them tell.
  Registration before_collect(std::function<void()> refresh);

  // Everything, sorted by name.
  std::vector<FamilySnapshot> collect() const;
  // What was asked for wrongly, each once.
  std::vector<Error> errors() const;

 private:
  struct Core;
  Registration add_function(MetricType type, std::string_view name, std::string_view help,
                            Labels labels, std::function<double()> value);
  std::shared_ptr<Core> core_;
};

}  // namespace sluice::monitor
