// Journal writer: a worker's side of the journal (query/journal.h), in chunks that never move.
//
// The worker appends under its recorder's lock, which it has anyway; who takes the journal swaps the chunks
// away under it and joins them outside. Nobody takes it: at 4 MB events are dropped and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/journal.h"

namespace sluice::query {

// One thread at a time.
class JournalWriter {
 public:
  static constexpr std::size_t kChunk = 64 << 10, kMaxBytes = 4 << 20, kMaxSpare = 8;

  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::uint32_t used = 0;
  };

  // False: no room; the event counts as lost, the others don't.
  bool event(const EventBody& body, std::span<const std::uint64_t> params,
             std::span<const std::uint64_t> fields);
  // `names`: each with a zero byte behind it.
  bool shape(const Fingerprint& statement, std::string_view names);
  bool caller(std::uint64_t hash, std::string_view application, std::string_view tags);
  bool skipped(const SkippedBody& body);

  std::vector<Chunk> take();
  void give_back(std::vector<Chunk> chunks);  // to be filled again; some of them
  std::uint64_t lost() const { return lost_; }
  void forget_lost() { lost_ = 0; }

 private:
  // Room for a record of so many bytes behind its head, zeroed at its end; null: there is none.
  char* begin_record(RecordHead::Kind kind, std::size_t bytes);

  std::vector<Chunk> chunks_, spare_;
  std::uint64_t lost_ = 0;
};

std::string joined(std::span<const JournalWriter::Chunk> chunks);

}  // namespace sluice::query
