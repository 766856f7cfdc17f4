// PoolLease: the handle through which a connection comes back.
#include "pool/slot.h"
#include "sluice/pool.h"

namespace sluice {

PoolLease::PoolLease(PoolLease&& other) noexcept
    : core_(std::move(other.core_)), slot_(std::exchange(other.slot_, nullptr)) {}

PoolLease& PoolLease::operator=(PoolLease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  core_ = std::move(other.core_);
  slot_ = std::exchange(other.slot_, nullptr);
  return *this;
}

Poolable& PoolLease::get() const { return *slot_->connection; }
std::uint64_t PoolLease::id() const { return slot_->id; }
bool PoolLease::fresh() const { return slot_->fresh; }
std::uint64_t PoolLease::uses() const { return slot_->leases - 1; }

bool PoolLease::recalled() const { return core_->recalls(*slot_); }

void PoolLease::discard() {
  if (Slot* slot = std::exchange(slot_, nullptr)) core_->give_back(slot, true);
  core_.reset();
}

void PoolLease::give_back() {
  if (!slot_) return;
  core_->give_back(std::exchange(slot_, nullptr), false);
  core_.reset();
}

}  // namespace sluice
