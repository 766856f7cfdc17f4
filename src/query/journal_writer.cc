// Records, one behind the other, none over the border of a chunk.
#include "query/journal_writer.h"

#include <cstring>
#include <iterator>
#include <utility>

namespace sluice::query {
namespace {

char* append(char* at, const void* bytes, std::size_t size) {
  if (size > 0) std::memcpy(at, bytes, size);
  return at + size;
}

}  // namespace

char* JournalWriter::begin_record(RecordHead::Kind kind, std::size_t bytes) {
  const std::size_t size = (sizeof(RecordHead) + bytes + 7) & ~std::size_t{7};
  if (size > kChunk) return nullptr;
  if (chunks_.empty() || kChunk - chunks_.back().used < size) {
    if (chunks_.size() == kMaxBytes / kChunk) return nullptr;
    if (spare_.empty()) {
      chunks_.push_back({std::make_unique_for_overwrite<char[]>(kChunk), 0});
    } else {
      chunks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
  }
  Chunk& chunk = chunks_.back();
  char* at = chunk.bytes.get() + chunk.used;
  chunk.used += static_cast<std::uint32_t>(size);
  std::memset(at + size - 8, 0, 8);
  const RecordHead head{.size = static_cast<std::uint32_t>(size), .kind = kind};
  return append(at, &head, sizeof head);
}

bool JournalWriter::event(const EventBody& body, std::span<const std::uint64_t> params,
                          std::span<const std::uint64_t> fields) {
  char* at = begin_record(RecordHead::Kind::event,
                          sizeof body + params.size_bytes() + fields.size_bytes());
  if (!at) {
    ++lost_;
    return false;
  }
  at = append(at, &body, sizeof body);
  at = append(at, params.data(), params.size_bytes());
  append(at, fields.data(), fields.size_bytes());
  return true;
}

bool JournalWriter::shape(const Fingerprint& statement, std::string_view names) {
  char* at = begin_record(RecordHead::Kind::shape, sizeof statement + names.size());
  if (!at) return false;
  at = append(at, &statement, sizeof statement);
  append(at, names.data(), names.size());
  return true;
}

bool JournalWriter::caller(std::uint64_t hash, std::string_view application,
                           std::string_view tags) {
  char* at =
      begin_record(RecordHead::Kind::caller, sizeof hash + application.size() + tags.size() + 2);
  if (!at) return false;
  at = append(at, &hash, sizeof hash);
  at = append(at, application.data(), application.size());
  at = append(at, "", 1);
  at = append(at, tags.data(), tags.size());
  append(at, "", 1);
  return true;
}

bool JournalWriter::skipped(const SkippedBody& body) {
  char* at = begin_record(RecordHead::Kind::skipped, sizeof body);
  if (!at) return false;
  append(at, &body, sizeof body);
  return true;
}

std::vector<JournalWriter::Chunk> JournalWriter::take() { return std::exchange(chunks_, {}); }

void JournalWriter::give_back(std::vector<Chunk> chunks) {
  for (Chunk& chunk : chunks) {
    if (spare_.size() == kMaxSpare) return;
    chunk.used = 0;
    spare_.push_back(std::move(chunk));
  }
}

std::string joined(std::span<const JournalWriter::Chunk> chunks) {
  std::size_t size = 0;
  for (const auto& chunk : chunks) size += chunk.used;
  std::string bytes;
  bytes.reserve(size);
  for (const auto& chunk : chunks) bytes.append(chunk.bytes.get(), chunk.used);
  return bytes;
}

}  // namespace sluice::query
