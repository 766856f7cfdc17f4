// What the tests of the workload need: statements, and one call that runs one.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::query::testing {

using namespace std::chrono_literals;

inline TemplateRef statement(std::string_view normalised) {
  return std::make_shared<const Template>(fingerprint_of(normalised, Dialect::postgres), normalised,
                                          Dialect::postgres);
}

inline Value text(std::string_view bytes, std::uint32_t type = 0) {
  return {bytes, type, Value::Form::text};
}
inline Value binary(std::string_view bytes, std::uint32_t type) {
  return {bytes, type, Value::Form::binary};
}

inline const Time kStart = Time{} + 100h;

// One execution: 1 ms in the queue, the rest on the server.
struct Execution {
  TemplateRef statement;
  std::vector<Value> values = {};
  Duration took = 5ms;
  Finish finish = {};
  Time arrived = kStart;
  Start start = {};

  void on(Recorder& recorder) {
    start.statement = statement;
    start.values = values;
    start.arrived = arrived;
    RunRef run = recorder.begin(start);
    run->sent(arrived + std::min<Duration>(1ms, took));
    finish.at = arrived + took;
    run->finish(finish);
  }
};

}  // namespace sluice::query::testing
