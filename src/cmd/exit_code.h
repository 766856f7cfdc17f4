// What `sluice` exits with. Scripts rely on these numbers: they don't change.
#pragma once

namespace sluice::cmd {

inline constexpr int kOk = 0;
inline constexpr int kFailure = 1;  // it was asked rightly and didn't work
inline constexpr int kUsage = 2;    // the command line or the configuration is wrong

}  // namespace sluice::cmd
