// OpenSSL's comparison, which its authors keep safe from the optimiser.
#include "base/secret.h"

#include <openssl/crypto.h>

namespace sluice {

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sluice
