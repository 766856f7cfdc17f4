// Writing the exposition format: https://prometheus.io/docs/instrumenting/exposition_formats/
#include "monitor/prometheus.h"

#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace sluice::monitor {
namespace {

struct Range {
  int first, last, step;  // exponents of two
};

// 15 us (a cache hit takes about that much) to 32 s; 64 B to 1 GiB; 1 to 64 Ki of anything else.
Range classic_buckets(Unit unit) {
  switch (unit) {
    case Unit::seconds: return {-16, 5, 1};
    case Unit::bytes: return {6, 30, 2};
    case Unit::plain: return {0, 16, 1};
  }
  return {0, 16, 1};
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::counter: return "counter";
    case MetricType::gauge: return "gauge";
    case MetricType::histogram: return "histogram";
  }
  return "untyped";
}

std::string number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  if (v == std::floor(v) && std::fabs(v) < 1e15) return fmt::format("{:.0f}", v);
  return fmt::format("{}", v);  // the shortest text that reads back as the same value
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

class Writer {
 public:
  void family(const FamilySnapshot& family) {
    out_ += fmt::format("# HELP {} ", family.name);
    append_escaped(out_, family.help, false);
    out_ += fmt::format("\n# TYPE {} {}\n", family.name, type_name(family.type));
    for (const Sample& sample : family.samples) {
      if (const auto* histogram = std::get_if<HistogramSnapshot>(&sample.value)) {
        write(family.name, sample.labels, *histogram);
      } else if (const auto* count = std::get_if<std::uint64_t>(&sample.value)) {
        line(family.name, "", sample.labels, "", std::to_string(*count));
      } else {
        line(family.name, "", sample.labels, "", number(std::get<double>(sample.value)));
      }
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write(std::string_view name, const Labels& labels, const HistogramSnapshot& histogram) {
    const auto [first, last, step] = classic_buckets(histogram.unit);
    for (int exponent = first; exponent <= last; exponent += step)
      line(name, "_bucket", labels, number(std::exp2(exponent)),
           std::to_string(histogram.at_most_power(exponent)));
    line(name, "_bucket", labels, "+Inf", std::to_string(histogram.count));
    line(name, "_sum", labels, "", number(histogram.sum()));
    line(name, "_count", labels, "", std::to_string(histogram.count));
  }

  void line(std::string_view name, std::string_view suffix, const Labels& labels,
            std::string_view le, std::string_view value) {
    out_ += name;
    out_ += suffix;
    char separator = '{';
    const auto label = [&](std::string_view key, std::string_view text) {
      out_ += separator;
      separator = ',';
      out_ += key;
      out_ += "=\"";
      append_escaped(out_, text, true);
      out_ += '"';
    };
    for (const auto& [key, text] : labels) label(key, text);
    if (!le.empty()) label("le", le);
    if (separator == ',') out_ += '}';
    out_ += ' ';
    out_ += value;
    out_ += '\n';
  }

  std::string out_;
};

}  // namespace

std::string prometheus_text(std::span<const FamilySnapshot> families) {
  Writer writer;
  for (const FamilySnapshot& family : families) writer.family(family);
  return writer.take();
}

}  // namespace sluice::monitor
