// The first page: live numbers for a browser. Three files that hold no data; the script reads /health and
// /performance/pools every second.
#pragma once

#include "admin/http.h"

namespace sluice::admin {

Answer page();
Answer page_style();
Answer page_script();

}  // namespace sluice::admin
