#!/usr/bin/env bash
# Hit ratios of the cache engine beside the policies of the literature: bench/cache_hit.cc.
set -euo pipefail
exec build/release/bench/cache_hit "$@"
