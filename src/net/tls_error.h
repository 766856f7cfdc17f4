// What OpenSSL says went wrong, as words.
#pragma once

#include <string>

namespace sluice::net {

// The first reason in the calling thread's error queue; empties the queue, so that the next
// connection on this thread doesn't read about this one.
std::string take_tls_error();

}  // namespace sluice::net
