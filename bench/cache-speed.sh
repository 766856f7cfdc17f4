#!/usr/bin/env bash
# Look-ups and puts a second of the cache engine, and what an entry costs beside its bytes: bench/cache_speed.cc.
set -euo pipefail
exec build/release/bench/cache_speed "$@"
