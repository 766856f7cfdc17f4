#include "cmd/descriptors.h"

#include <sys/resource.h>

namespace sluice::cmd {

DescriptorLimit descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  return {limit.rlim_cur, limit.rlim_max};
}

DescriptorLimit raise_descriptor_limit() {
  const DescriptorLimit found = descriptor_limit();
  const rlimit wanted{found.most, found.most};
  ::setrlimit(RLIMIT_NOFILE, &wanted);
  return descriptor_limit();
}

}  // namespace sluice::cmd
