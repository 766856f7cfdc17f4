#include "session/postgres_statement.h"

#include "wire/postgres/backend.h"

namespace sluice::postgres {

Hash128 StatementKey::hash() const {
  if (types.empty() && settings.empty()) return hash128(text, schema);
  std::string all;
  all.reserve(text.size() + types.size() + settings.size() + 2);
  all.append(text).push_back('\0');
  all.append(types).push_back('\0');
  all.append(settings);
  return hash128(all, schema);
}

namespace {

std::string name_for(const Hash128& hash) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string name = "sluice_";
  for (std::uint64_t half : {hash.high, hash.low})
    for (int shift = 60; shift >= 0; shift -= 4) name += digits[half >> shift & 15];
  return name;
}

}  // namespace

std::unique_ptr<const ResultColumns> ResultColumns::read(std::string_view description) {
  auto described = read_row_description(description);
  if (!described) return nullptr;
  auto made = std::make_unique<ResultColumns>();
  made->hash_ = hash64(description);
  for (const Column& column : described->columns) {
    if (made->all_.size() == query::Run::kMostColumns) break;
    made->all_.emplace_back(column.name, column.type);
  }
  return made;
}

void ResultColumns::tell(query::Run& run, std::string_view formats) const {
  const std::uint64_t hash = hash64(formats, hash_);
  if (run.knows_columns(hash)) return;
  std::vector<query::Run::Column> columns;
  for (const auto& [name, type] : all_) {
    const std::size_t low = formats.size() == 2 ? 1 : 2 * columns.size() + 1;
    const bool binary = low < formats.size() && formats[low] == 1;
    columns.push_back({name, type, binary ? query::Value::Form::binary : query::Value::Form::text});
  }
  run.columns(columns, hash);
}

StatementRef StatementTable::find(const Hash128& hash, const StatementKey& key) const {
  auto at = table_.find(hash);
  if (at == table_.end()) return nullptr;
  StatementRef known = at->second.lock();
  return known && key.names(*known) ? known : nullptr;
}

std::shared_ptr<Statement> StatementTable::make(const Hash128& hash, const StatementKey& key) {
  auto made = std::make_shared<Statement>();
  made->hash = hash;
  made->text = key.text;
  made->types = key.types;
  made->settings = key.settings;
  made->schema = key.schema;
  made->server_name = name_for(hash);
  if (superseded_ > 0) made->server_name += "_" + std::to_string(superseded_);
  made->memory = {memory_, made->bytes()};
  if (table_.size() >= purge_at_) purge();
  table_[hash] = made;
  return made;
}

void StatementTable::supersede(const Statement& statement) {
  auto at = table_.find(statement.hash);
  if (at == table_.end() || at->second.lock().get() != &statement) return;
  table_.erase(at);
  ++superseded_;
}

void StatementTable::purge() {
  std::erase_if(table_, [](const auto& entry) { return entry.second.expired(); });
  purge_at_ = 1024 + 2 * table_.size();
}

const StatementRef* ClientStatements::find(std::string_view name) const {
  if (!names_) return nullptr;
  auto at = names_->find(name);
  return at == names_->end() ? nullptr : &at->second;
}

void ClientStatements::put(std::string_view name, StatementRef statement) {
  if (!names_) names_ = std::make_unique<Names>();
  erase(name);
  bytes_ += statement->bytes() + bytes_of_name(name);
  memory_->add(bytes_of_name(name));
  statement->clients.fetch_add(1, std::memory_order_relaxed);
  names_->emplace(name, std::move(statement));
}

void ClientStatements::erase(std::string_view name) {
  if (!names_) return;
  auto at = names_->find(name);
  if (at == names_->end()) return;
  bytes_ -= at->second->bytes() + bytes_of_name(name);
  let_go(at);
  names_->erase(at);
}

void ClientStatements::let_go(Names::const_iterator at) {
  memory_->remove(bytes_of_name(at->first));
  at->second->clients.fetch_sub(1, std::memory_order_relaxed);
}

void ClientStatements::clear() {
  if (!names_) return;
  for (auto at = names_->cbegin(); at != names_->cend(); ++at) let_go(at);
  names_.reset();
  bytes_ = 0;
}

bool ServerStatements::use(const Statement& statement) {
  auto at = by_name_.find(statement.server_name);
  if (at == by_name_.end()) return false;
  // Equal hashes of different statements: the old one has to go first.
  if (!(*at->second)->same_as(statement)) return false;
  order_.splice(order_.begin(), order_, at->second);
  return true;
}

void ServerStatements::add(StatementRef statement) {
  erase(*statement);
  order_.push_front(std::move(statement));
  by_name_[order_.front()->server_name] = order_.begin();
}

void ServerStatements::erase(const Statement& statement) {
  auto at = by_name_.find(statement.server_name);
  if (at == by_name_.end()) return;
  auto place = at->second;
  by_name_.erase(at);
  order_.erase(place);
}

void ServerStatements::clear() {
  by_name_.clear();
  order_.clear();
}

StatementRef ServerStatements::surplus(const Statement& next) const {
  if (auto at = by_name_.find(next.server_name); at != by_name_.end()) return *at->second;
  return limit_ > 0 && order_.size() >= limit_ ? order_.back() : nullptr;
}

std::vector<StatementRef> ServerStatements::take_orphans() {
  constexpr int kLook = 100;
  std::vector<StatementRef> taken;
  auto at = order_.end();
  for (int looked = 0; looked < kLook && at != order_.begin(); ++looked) {
    --at;
    if ((*at)->clients.load(std::memory_order_relaxed) > 0) continue;
    by_name_.erase((*at)->server_name);
    taken.push_back(std::move(*at));
    at = order_.erase(at);
  }
  return taken;
}

}  // namespace sluice::postgres
