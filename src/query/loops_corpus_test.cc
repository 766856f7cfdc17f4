// Recordings of real programs, replayed: the detector has to find exactly what a reader of each program's
// source expects (tests/data/loops/README.md), no loop less and no loop more.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "query/journal_writer.h"
#include "sluice/query.h"
#include "sluice/query/loops.h"

namespace sluice::query {
namespace {

using nlohmann::json;

const std::filesystem::path kRecordings =
    std::filesystem::path(__FILE__).parent_path() / "../../tests/data/loops";

// One field or parameter as a recording has it: text, null, or {"hex", "type"}.
std::uint64_t identity_in(const json& value) {
  if (value.is_null()) return 0;
  if (value.is_string()) return identity_of({.bytes = value.get_ref<const std::string&>()});
  std::string bytes;
  const auto& hex = value["hex"].get_ref<const std::string&>();
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return identity_of(
      {.bytes = bytes, .type = value["type"].get<std::uint32_t>(), .form = Value::Form::binary});
}

// Makes of a recording's lines what a worker would have put into its journal.
class Replay {
 public:
  void statement(const json& line) {
    const std::string text = line["text"];
    const Normalised& seen = normaliser_.read(text);
    if (seen.fault != nullptr) return;
    const Analysis analysis = analyzer_.examine(text);
    EventBody body;
    body.statement = seen.fingerprint;
    body.client = line["session"];
    body.trace = read_comment(seen.comment).trace;
    body.arrived = 1'000'000'000 + line["arrived"].get<std::int64_t>() * 1000;
    body.took = line["took"].get<std::int64_t>() * 1000;
    body.rows = line["rows"];
    body.failed = line.contains("failed");
    body.select = analysis.verb == Verb::select && analysis.statements == 1 &&
                  text.find("FOR UPDATE") == text.npos;
    values(line, seen, text, body);
    fields(line, body);
    texts_[seen.fingerprint] = std::string(seen.text);
    writer_.event(body, params_, fields_);
  }

  std::string journal() { return joined(writer_.take()); }
  std::string text_of(const Fingerprint& statement) const {
    const auto it = texts_.find(statement);
    return it == texts_.end() ? "" : it->second;
  }

 private:
  // A text's literals first, as a gateway has them.
  void values(const json& line, const Normalised& seen, const std::string& text, EventBody& body) {
    std::vector<std::uint64_t> all;
    for (const json& value : line["values"]) all.push_back(identity_in(value));
    std::string scratch;
    for (const Literal& literal : seen.literals) {
      all.push_back(
          identity_of({.bytes = value_of(literal, text, Dialect::postgres, false, scratch)}));
    }
    std::string bytes;
    for (const std::uint64_t identity : all) bytes += std::to_string(identity) + ",";
    body.values = all.empty() ? 0 : hash64(bytes);
    if (all.size() > EventBody::kMaxParams) all.resize(EventBody::kMaxParams);
    body.params = static_cast<std::uint16_t>(all.size());
    params_ = std::move(all);
  }

  void fields(const json& line, EventBody& body) {
    fields_.clear();
    if (!line.contains("sample")) return;
    body.sampled_rows = static_cast<std::uint16_t>(line["sample"].size());
    body.columns = static_cast<std::uint16_t>(line["sample"][0].size());
    for (const json& row : line["sample"]) {
      for (const json& value : row) fields_.push_back(identity_in(value));
    }
    std::string names;
    for (const json& name : line["columns"]) names += name.get<std::string>() + '\0';
    writer_.shape(body.statement, names);
  }

  Normaliser normaliser_;
  Analyzer analyzer_;
  JournalWriter writer_;
  std::vector<std::uint64_t> params_, fields_;
  std::unordered_map<Fingerprint, std::string> texts_;
};

std::string described(const Loop& loop, const Replay& replay) {
  std::string out = fmt::format("{} of {} ({} bursts, at most {})", name_of(loop.kind),
                                replay.text_of(loop.statement), loop.bursts, loop.max);
  if (loop.parameter != 0) {
    out += fmt::format(", value {} from {} of {}", loop.parameter, loop.source_column,
                       replay.text_of(loop.source));
  }
  return out;
}

bool is_as_labelled(const Loop& loop, const json& label, const Replay& replay) {
  const auto contains = [&](const char* key, const Fingerprint& statement) {
    return !label.contains(key) ||
           replay.text_of(statement).find(label[key].get<std::string>()) != std::string::npos;
  };
  return label["kind"] == name_of(loop.kind) && contains("statement", loop.statement) &&
         contains("source", loop.source) &&
         (!label.contains("column") || label["column"] == loop.source_column) &&
         (!label.contains("calls") || label["calls"] == loop.max);
}

class LoopsCorpusTest : public testing::TestWithParam<std::string> {};

TEST_P(LoopsCorpusTest, finds_what_the_label_says_and_nothing_else) {
  std::ifstream file(kRecordings / (GetParam() + ".jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  const json label = json::parse(line);
  Replay replay;
  while (std::getline(file, line)) replay.statement(json::parse(line));
  LoopDetector detector;
  detector.feed(replay.journal());
  detector.flush();
  auto loops = detector.findings();
  std::string found;
  for (const Loop& loop : loops) found += "\n  " + described(loop, replay);
  for (const json& expected : label["loops"]) {
    const auto it = std::find_if(loops.begin(), loops.end(), [&](const Loop& loop) {
      return is_as_labelled(loop, expected, replay);
    });
    EXPECT_NE(it, loops.end()) << "missed: " << expected << "\nfound:" << found;
    if (it != loops.end()) loops.erase(it);
  }
  for (const Loop& loop : loops) {
    ADD_FAILURE() << "a false alarm: " << described(loop, replay) << "\n" << label["what"];
  }
}

std::vector<std::string> recordings() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kRecordings)) {
    if (entry.path().extension() == ".jsonl") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Recordings, LoopsCorpusTest, testing::ValuesIn(recordings()),
                         [](const auto& recording) { return recording.param; });

TEST(LoopsCorpusSizeTest, holds_loops_and_quiet_programs) {
  std::size_t loops = 0, quiet = 0;
  for (const std::string& name : recordings()) {
    std::ifstream file(kRecordings / (name + ".jsonl"));
    std::string line;
    std::getline(file, line);
    ++(json::parse(line)["loops"].empty() ? quiet : loops);
  }
  EXPECT_GE(loops, 40u);
  EXPECT_GE(quiet, 40u);
}

}  // namespace
}  // namespace sluice::query
